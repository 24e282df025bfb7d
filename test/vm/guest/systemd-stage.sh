#!/bin/bash
# Second stage for scenarios that need the distribution's own init: a few units are put over the host's files in memory, then systemd
# takes over as process 1, with those units alone. What the host has enabled is not started.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb LC_ALL=C SYSTEMD_COLORS=0
cd /
modprobe -a virtio_blk ext4
mkdir -p /var/lib/hangdog
mount -t ext4 /dev/vda /var/lib/hangdog || { echo 'vm: cannot boot: no disk'; busybox poweroff -f; }
cat /proc/sys/kernel/random/boot_id >> /mnt/out/boots

units=/etc/systemd/system
# Generators would make units of the host's configuration, and its rules for temporary files would clean its /tmp.
mkdir -p $units-generators /etc/tmpfiles.d
for generator in /lib/systemd/system-generators/*; do
  ln -sf /dev/null "$units-generators/${generator##*/}"
done
ln -sf /dev/null /etc/tmpfiles.d/tmp.conf

cat > $units/scenario.target << UNIT
[Unit]
DefaultDependencies=no
Requires=systemd-journald.service
After=systemd-journald.service
Wants=scenario.service systemd-update-utmp.service
AllowIsolate=yes
Conflicts=shutdown.target
UNIT
cat > $units/systemd-update-utmp.service << UNIT
[Unit]
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/lib/systemd/systemd-update-utmp reboot
ExecStop=/lib/systemd/systemd-update-utmp shutdown
UNIT
variables=$(env | grep '^HD_' | sed 's/^/Environment="/; s/$/"/')
cat > $units/scenario.service << UNIT
[Unit]
DefaultDependencies=no
After=systemd-journald.service systemd-update-utmp.service
Conflicts=shutdown.target
Before=shutdown.target
[Service]
Type=oneshot
$variables
Environment=HOME=/root LC_ALL=C TERM=dumb SYSTEMD_COLORS=0 BOOT=$(wc -l < /mnt/out/boots)
ExecStart=/bin/bash $HD_PROJECT/test/vm/guest/systemd-scenario.sh
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
UNIT
exec /lib/systemd/systemd --unit=scenario.target --show-status=no --log-level=warning --log-target=console
