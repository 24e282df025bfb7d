# hangdog is killed with no incident open. Boot 1: the hardware watchdog then resets the machine, because nobody is left to write to it.
# Boot 2: what the next hangdog says; it is killed, too, and the machine is restarted in order. Boot 3: what the next one says; it is
# killed and nothing else happens.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
modprobe i6300esb heartbeat=4
ln -sf /var/lib/hangdog/.wtmp /var/log/wtmp
touch /var/lib/hangdog/.wtmp
[ $BOOT = 1 ] || look_back
watch --timeout 5s --action 2
if [ $BOOT = 1 ]; then
  exec 9> /dev/watchdog0
  echo >&9
  sync
  kill -KILL $HANGDOG
  sleep 60
  exit 1
fi
kill -KILL $HANGDOG
if [ $BOOT = 2 ]; then
  # Writes the record of an orderly end that systemd would write, and does nothing else.
  halt --wtmp-only
  cp -p /var/lib/hangdog/.wtmp /mnt/out/wtmp
  sync
  busybox reboot -f
fi
wait $HANGDOG || true
# Its service is left; scenarios leave nothing.
kill -KILL $(sed -n 's/.*"name":"service-started".*"pid":\([0-9]*\).*/\1/p' $LOG | tail -n 1)
look_back
hangdog run --name other --log-format json -- true 2> /mnt/out/told.jsonl
keep_incidents kept.json
ls -A /var/lib/hangdog/runs > /mnt/out/marks
