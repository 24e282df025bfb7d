# Boot 1: hangdog's JavaScript blocks with the machine's watchdog armed. Boot 2: what is said of it.
. "$HD_PROJECT/test/vm/guest/watchdog.sh"
if [ $BOOT = 1 ]; then
  IMPORT=$HD_PROJECT/test/fixtures/block-on-signal.mjs
  guard_machine
  kill -USR2 $HANGDOG
  say 'blocked'
  await_reset
fi
only_second_boot
hangdog run --name web --log-format json -- true 2>> $LOG
