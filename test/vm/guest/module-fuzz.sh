# The kernel module under a flood of calls, good and bad, for HD_SECONDS; then it still has to work, and to be unloaded.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
only_boot
dmesg -C
insmod "$HD_BUILT/hangdog.ko" countdowns=200
# What it says of each end would be all that there is to see.
echo 1 > /proc/sys/kernel/printk
keep fuzz.txt timeout -k 5 120 "$HD_BUILT/module-fuzz" $HD_SECONDS
keep left.txt cat /sys/class/misc/hangdog/countdowns
keep expiries.txt cat /sys/class/misc/hangdog/expiries
keep module.txt "$HD_BUILT/module-test" || true
rmmod hangdog
dmesg > /mnt/out/dmesg.txt
