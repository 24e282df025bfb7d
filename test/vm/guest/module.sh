# The kernel module: what it promises, its parameters, and how it is loaded and unloaded. The folder with it comes as HD_BUILT.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
only_boot
load() { insmod "$HD_BUILT/hangdog.ko" "$@"; }

load
keep module.txt "$HD_BUILT/module-test" || true
exec 9<> /dev/hangdog
keep sysfs.txt grep -r . /sys/class/misc/hangdog/api_version /sys/class/misc/hangdog/countdowns /sys/class/misc/hangdog/countdown0
if rmmod hangdog 2> /mnt/out/rmmod.txt; then say 'unloaded while open'; exit 1; fi
exec 9>&-
rmmod hangdog

for round in {1..50}; do
  load
  exec 9<> /dev/hangdog
  exec 9>&-
  rmmod hangdog
done
say "loaded $round times"

load countdowns=8
keep limit.txt "$HD_BUILT/module-test" limit || true
rmmod hangdog
if load countdowns=0; then say 'loaded with room for nothing'; exit 1; fi

load nowayout=1
keep nowayout.txt "$HD_BUILT/module-test" nowayout || true
if rmmod hangdog; then say 'unloaded with nowayout'; exit 1; fi
dmesg > /mnt/out/dmesg.txt
