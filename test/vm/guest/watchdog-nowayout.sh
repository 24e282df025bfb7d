# A watchdog that nothing can stop: hangdog ends in order, a successor takes it over and ends as well.
. "$HD_PROJECT/test/vm/guest/watchdog.sh"
only_boot
guard_machine
end
cat /sys/class/watchdog/watchdog0/state /sys/class/watchdog/watchdog0/timeout > /mnt/out/state
outlast
say 'left for longer than its time'
guard_machine
cat /sys/class/watchdog/watchdog0/timeout > /mnt/out/successor
outlast
say 'the successor fed it'
end
kernel_log watchdog.log 'watchdog'
