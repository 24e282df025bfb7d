# SIGTERM for a hangdog that feeds the machine's watchdog; a second hangdog for the same watchdog is refused before.
. "$HD_PROJECT/test/vm/guest/watchdog.sh"
only_boot
hangdog doctor --json > /mnt/out/doctor.jsonl || true
guard_machine
code=0
hangdog run --name other --machine-watchdog $DEVICE --log-format json -- touch /mnt/out/other-ran 2> /mnt/out/other || code=$?
say "the other one ended with code $code"
outlast
say 'fed so far'
end
cat /sys/class/watchdog/watchdog0/state > /mnt/out/state
outlast
kernel_log watchdog.log 'watchdog'
