#!/bin/bash
# Second stage and process 1 of the machine under test: what each scenario finds there, then the scenario, then power off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C
cd /
mount -t tmpfs run /run
mkdir -p /dev/pts /dev/shm && mount -t devpts pts /dev/pts && mount -t tmpfs shm /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
busybox ip link set lo up

modprobe -a virtio_blk ext4
mkdir -p /var/lib/hangdog
mount -t ext4 /dev/vda /var/lib/hangdog || { echo 'vm: cannot boot: no disk'; busybox poweroff -f; }

cat /proc/sys/kernel/random/boot_id >> /mnt/out/boots
BOOT=$(wc -l < /mnt/out/boots)
export BOOT
echo "scenario: $HD_SCENARIO, boot $BOOT"
bash "$HD_PROJECT/test/vm/guest/$HD_SCENARIO.sh" < /dev/null
echo "scenario: ended with code $?"
# What a scenario has left running is on the host for all to see.
for process in /proc/[0-9]*; do
  # Kernel threads have no command line.
  line=$(tr '\0' ' ' < $process/cmdline 2> /dev/null)
  [ -z "$line" ] || [ "${process#/proc/}" = 1 ] || echo "$line"
done > /mnt/out/left-running
umount /var/lib/hangdog || ls -l /proc/[0-9]*/fd /proc/[0-9]*/cwd | grep /var/lib/hangdog
sync
busybox poweroff -f
