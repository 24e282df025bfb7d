# Boot 1: a hang with action 3 while a crash kernel is loaded. That one runs crash-kernel.sh. Boot 2: what is left of it.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
if [ $BOOT = 1 ]; then
  modprobe pvpanic-mmio
  variables="HD_PROJECT=$HD_PROJECT HD_MODULES=$HD_MODULES HD_STAGE=$HD_PROJECT/test/vm/guest/crash-kernel.sh"
  kexec -p "$HD_KERNEL" --initrd="$HD_INITRAMFS" \
    --append="console=ttyS0 panic=1 loglevel=5 irqpoll nr_cpus=1 reset_devices $variables"
  allow_bugcheck
  watch --timeout 3s --action 3
  hang_to_the_end
fi
rm -rf /var/crash && ln -s /var/lib/hangdog/.crash /var/crash
look_back
keep_incidents kept.json
keep_files
