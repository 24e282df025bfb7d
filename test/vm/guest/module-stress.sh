# Countdowns that run on without their file (nowayout), closed and called at the moment of their end, for HD_SECONDS. The machine is booted
# with slub_debug=FZP: memory that was freed is poisoned, and what is done with it nevertheless ends this machine at once.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
only_boot
dmesg -C
insmod "$HD_BUILT/hangdog.ko" countdowns=400 nowayout=1
# Each closing is a critical line; they would be all that there is to see.
echo 1 > /proc/sys/kernel/printk
echo 1 > /proc/sys/kernel/panic_on_oops
echo 1 > /proc/sys/kernel/panic_on_warn
keep stress.txt timeout -k 5 120 "$HD_BUILT/module-stress" $HD_SECONDS
keep expiries.txt cat /sys/class/misc/hangdog/expiries
keep tainted.txt cat /proc/sys/kernel/tainted
dmesg > /mnt/out/dmesg.txt
