#!/bin/bash
# Second stage of the crash kernel: the kernel that crashed is dumped to the guest's own disk, with the names that Debian's kdump-config
# gives.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
cd /
echo 'scenario: the crash kernel runs'
modprobe -a virtio_blk ext4
mkdir -p /mnt/disk && mount -t ext4 /dev/vda /mnt/disk || echo 'scenario: the crash kernel has no disk'
stamp=$(date +%Y%m%d%H%M)
crash=/mnt/disk/.crash/$stamp
mkdir -p "$crash"
makedumpfile --dump-dmesg --message-level 1 /proc/vmcore "$crash/dmesg.$stamp"
# A machine with more memory takes longer.
sleep "${HD_DUMP_TAKES:-0}"
makedumpfile -l -d 31 --message-level 1 /proc/vmcore "$crash/dump-incomplete"
echo "scenario: the dump ended with code $?"
mv "$crash/dump-incomplete" "$crash/dump.$stamp"
umount /mnt/disk
busybox reboot -f
