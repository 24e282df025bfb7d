# Boot 1: a hang with action 3 while a crash kernel is loaded. That one runs crash-kernel.sh. Boot 2: what is left of it.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
if [ $BOOT = 1 ]; then
  modprobe pvpanic-mmio
  load_crash_kernel
  allow_bugcheck
  watch --timeout 3s --action 3
  hang_to_the_end
fi
rm -rf /var/crash && ln -s /var/lib/hangdog/.crash /var/crash
look_back
keep_incidents kept.json
keep_files
