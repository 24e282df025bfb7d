# What the kernel module costs and how late it acts; for bench/module.mjs.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
only_boot
insmod "$HD_BUILT/hangdog.ko"
echo 1 > /proc/sys/kernel/printk
keep clocksource.txt cat /sys/devices/system/clocksource/clocksource0/current_clocksource
keep beats.txt "$HD_BUILT/module-bench" beats 300
keep expiries.txt "$HD_BUILT/module-bench" expiries 200
