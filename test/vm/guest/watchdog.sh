# What the scenarios with a watchdog of the machine share. HD_DRIVER, HD_DRIVER_OPTION, HD_TIMEOUT and HD_GOVERNOR come from the test.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
DEVICE=/dev/watchdog0
# In seconds; hangdog feeds one of 10 every 2.
WATCHDOG_TIMEOUT=${HD_TIMEOUT:-10}
modprobe "$HD_DRIVER" ${HD_DRIVER_OPTION:-}

# guard_machine OPTION…: as watch, with the machine's watchdog armed by it.
guard_machine() {
  local before
  before=$(seen machine-watchdog-armed)
  watch --machine-watchdog $DEVICE:${WATCHDOG_TIMEOUT}s --timeout 4s --action 2 --restart always "$@"
  await machine-watchdog-armed $((before + 1))
}

# outlast: longer than the watchdog's time.
outlast() { sleep $((WATCHDOG_TIMEOUT * 2)); }

# What the kernel does before the end of the watchdog's time.
if [ -n "${HD_GOVERNOR:-}" ]; then
  modprobe "pretimeout_$HD_GOVERNOR"
  echo "$HD_GOVERNOR" > /sys/class/watchdog/watchdog0/pretimeout_governor
fi
