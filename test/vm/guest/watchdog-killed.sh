# Boot 1: hangdog dies with the machine's watchdog armed. Boot 2: the next hangdog says why the machine was reset, once.
. "$HD_PROJECT/test/vm/guest/watchdog.sh"
if [ $BOOT = 1 ]; then
  guard_machine
  outlast
  say 'fed so far'
  kill -KILL $HANGDOG
  await_reset
fi
only_second_boot
cat /sys/class/watchdog/watchdog0/bootstatus > /mnt/out/bootstatus
hangdog run --name web --log-format json -- true 2>> $LOG
hangdog run --name web --log-format json -- true 2>> $LOG
