# Runs a scenario as a unit of systemd, then switches the machine off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd /
echo "scenario: $HD_SCENARIO, boot $BOOT"
bash "$HD_PROJECT/test/vm/guest/$HD_SCENARIO.sh" < /dev/null
echo "scenario: ended with code $?"
ps -eo args | grep -F -e dist/cli/hangdog.js -e guest/service.mjs | grep -vF grep > /mnt/out/left-running
sync
systemctl poweroff --no-block
