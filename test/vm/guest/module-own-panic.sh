# The machine consents, and the kernel may stop it when hangdog hangs: its JavaScript blocks. Boot 2: hangdog says that it was cut off.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
if [ $BOOT = 1 ]; then
  IMPORT=$HD_PROJECT/test/fixtures/block-on-signal.mjs
  insmod "$HD_BUILT/hangdog.ko" bugcheck=1 bugcheck_min_uptime=0
  allow_bugcheck
  watch --watch-hangdog 15s:bugcheck --timeout 4s --action 1
  await own-watch-armed
  action_becomes 3
  sync
  kill -USR2 $HANGDOG
  say 'blocked'
  await_reset
fi
look_back
