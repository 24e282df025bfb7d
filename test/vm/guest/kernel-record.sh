# A machine without a crash kernel keeps the last words of its kernel in memory that outlives a reset. Boot 1: a hang with action 3.
# Boot 2: what is left of it; then a panic that is none of hangdog's doing, while it recovers a service. Boot 3: what is left of both.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
modprobe ramoops mem_address=0x70000000 mem_size=0x100000 record_size=0x20000 max_reason=5 ecc=1
mount -t pstore pstore /sys/fs/pstore
if [ $BOOT = 1 ]; then
  allow_bugcheck
  watch --timeout 3s --action 3
  hang_to_the_end
fi
look_back
mkdir "/mnt/out/pstore-$BOOT"
cp -p /sys/fs/pstore/* "/mnt/out/pstore-$BOOT/"
if [ $BOOT = 2 ]; then
  recover_slowly
  echo 2 > /proc/sys/vm/panic_on_oom
  echo +memory > /sys/fs/cgroup/cgroup.subtree_control
  mkdir /sys/fs/cgroup/small
  echo 30M > /sys/fs/cgroup/small/memory.max
  say 'memory is exhausted'
  sh -c 'echo $$ > /sys/fs/cgroup/small/cgroup.procs; exec tail /dev/zero'
  sleep 60
  exit 1
fi
keep_incidents kept.json
