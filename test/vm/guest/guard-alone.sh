# Boot 1: hangdog's JavaScript is blocked, its service hangs, and the action is 3: the guard stops the machine alone, by the crash kernel if
# there is one. Boot 2: what is left of it.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
if [ $BOOT = 1 ]; then
  if grep -q crashkernel= /proc/cmdline; then
    modprobe pvpanic-mmio
    load_crash_kernel ${HD_DUMP_TAKES:+HD_DUMP_TAKES=$HD_DUMP_TAKES}
  fi
  allow_bugcheck
  # One that hangdog feeds, and that would cut the dump off.
  WATCHDOG=
  if [ -n "${HD_DRIVER:-}" ]; then
    modprobe "$HD_DRIVER"
    WATCHDOG='--machine-watchdog /dev/watchdog0:20s'
  fi
  NODE_OPTIONS="--import=$HD_PROJECT/test/fixtures/hangdog/block.mjs" HANGDOG_TEST_BLOCK=/run/block \
    "$HD_NODE" "$HD_PROJECT/dist/cli/hangdog.js" run --name web --log-format json --heartbeat notify --timeout 3s --action 3 $WATCHDOG -- \
    python3 "$HD_PROJECT/test/fixtures/services/notify.py" inf < /dev/null >> /mnt/out/output-$BOOT 2>> $LOG &
  HANGDOG=$!
  await service-armed
  sleep 5
  echo 300000 > /run/block
  until grep -q '"blocked"' $LOG; do sleep 0.1; done
  say 'hangdog is blocked'
  kill -USR1 "$(sed -n 's/.*"name":"service-started".*"pid":\([0-9]*\).*/\1/p' $LOG)"
  say 'hung'
  await_reset
fi
ls /var/lib/hangdog/guard > /mnt/out/guard-files
rm -rf /var/crash && ln -s /var/lib/hangdog/.crash /var/crash
look_back
keep_incidents kept.json
ls /var/lib/hangdog/guard > /mnt/out/guard-files-after
