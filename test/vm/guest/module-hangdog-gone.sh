# hangdog is killed beside a service that the kernel watches as well. The service has the file and so keeps its countdown; when it ends,
# nothing is left. Then an orderly stop, with a service that is well: the kernel never acts.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
only_boot
countdowns() { cat /sys/class/misc/hangdog/countdowns; }
insmod "$HD_BUILT/hangdog.ko" bugcheck=1 bugcheck_min_uptime=0
allow_bugcheck
limits='--timeout 2s --evidence-timeout 0 --terminate-timeout 0s --kill-timeout 1s'
watch --kernel-watch $limits --action 2
until grep -qx armed /sys/class/misc/hangdog/countdown0/state; do sleep 0.2; done
pid=$(cat /sys/class/misc/hangdog/countdown0/pid)
kill -KILL $HANGDOG
wait $HANGDOG || true
sleep 12
say "without hangdog the countdown is $(cat /sys/class/misc/hangdog/countdown0/state), there are $(countdowns)"
touch $ORDER
for ((tick = 0; tick < 300; tick++)); do
  [ -e /proc/$pid ] || break
  sleep 0.2
done
say "the service is $([ -e /proc/$pid ] && echo there || echo gone), countdowns left: $(countdowns)"

watch --kernel-watch $limits --action 3
until grep -qx armed /sys/class/misc/hangdog/countdown*/state; do sleep 0.2; done
end
sleep 10
say "after the stop, countdowns left: $(countdowns)"
dmesg > /mnt/out/dmesg.txt
