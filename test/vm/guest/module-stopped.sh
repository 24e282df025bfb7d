# hangdog is stopped by SIGSTOP beside a service that the kernel watches as well: nothing happens to it while it is well, and action
# HD_ACTION when it hangs. After action 3, boot 2 sees what is left.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
[ $BOOT = 1 ] || { keep_incidents kept.json; exit 0; }
countdown=/sys/class/misc/hangdog/countdown0
# is_now STATE: waits for the kernel's countdown to be in this state.
is_now() {
  local tick
  for ((tick = 0; tick < 300; tick++)); do
    [ "$(cat $countdown/state)" != "$1" ] || return 0
    sleep 0.2
  done
  say "the kernel's countdown is $(cat $countdown/state), not $1"
  return 1
}

insmod "$HD_BUILT/hangdog.ko" bugcheck=1 bugcheck_min_uptime=0
allow_bugcheck
# The kernel's limit is the sum of these and 2 s: 7 s.
watch --kernel-watch --timeout 3s --evidence-timeout 0 --terminate-timeout 1s --kill-timeout 1s --action $HD_ACTION
is_now armed
pid=$(cat $countdown/pid)
keep limit.txt cat $countdown/timeout_ms
kill -STOP $HANGDOG
sleep 25
say "after 25 s without hangdog the countdown is $(cat $countdown/state), the process $(sed 's/.*) //; s/ .*//' /proc/$pid/stat)"
touch $ORDER
say 'hung'
is_now expired
kill -CONT $HANGDOG
code=0
wait $HANGDOG || code=$?
say "hangdog ended with code $code"
dmesg > /mnt/out/dmesg.txt
