# Boot 1: a hang with action 3 and a crash kernel, which needs more time than the machine's watchdog gives. Boot 2: what is left of it.
. "$HD_PROJECT/test/vm/guest/watchdog.sh"
if [ $BOOT = 1 ]; then
  load_crash_kernel HD_DUMP_TAKES=$((WATCHDOG_TIMEOUT * 2))
  allow_bugcheck
  guard_machine --action 3
  hang_to_the_end
fi
only_second_boot
hangdog run --name web --log-format json -- true 2>> $LOG
keep_incidents kept.json
keep_files
