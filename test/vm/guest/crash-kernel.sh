#!/bin/bash
# Second stage of the crash kernel: the memory of the kernel that crashed goes to the host.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
cd /
echo 'scenario: the crash kernel runs'
vmcore-dmesg /proc/vmcore > /mnt/out/vmcore-dmesg.txt
makedumpfile -l -d 31 --message-level 1 /proc/vmcore /mnt/out/vmcore
echo "scenario: the dump ended with code $?"
sync
busybox reboot -f
