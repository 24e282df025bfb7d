# The service's own control group is frozen for several times its limit, then thawed.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
only_boot
watch --timeout 3s --action 2 --restart always --own-group
pid=$(sed -n 's/.*"name":"service-started".*"pid":\([0-9]*\).*/\1/p' $LOG)
group=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
echo "$group" > /mnt/out/group
echo 1 > "$group/cgroup.freeze"
await hold-started
sleep 8
echo 0 > "$group/cgroup.freeze"
await hold-ended
sleep 8
hangdog status --json > /mnt/out/status.json
end
keep_incidents kept.json
