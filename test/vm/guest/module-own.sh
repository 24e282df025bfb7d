# hangdog is watched by the kernel itself. A hang of which it comes back is only logged; an orderly stop leaves nothing; a bugcheck is
# for a machine that consents; at last its JavaScript blocks, and the kernel kills it.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
only_boot
IMPORT=$HD_PROJECT/test/fixtures/block-on-signal.mjs
module=/sys/class/misc/hangdog
insmod "$HD_BUILT/hangdog.ko" bugcheck=1 bugcheck_min_uptime=0
expiries() { cat $module/expiries; }

watch --watch-hangdog 5s:log --timeout 4s --action 1
await own-watch-armed
sleep 15
say "well for three limits: expiries $(expiries), the kernel watches pid $(($(cat $module/countdown*/pid) - HANGDOG)) from hangdog"
kill -STOP $HANGDOG
sleep 10
kill -CONT $HANGDOG
await own-watch-expired
await own-watch-armed 2
end
sleep 10
say "after the stop: countdowns $(cat $module/countdowns), expiries $(expiries)"
next_log well.jsonl

watch --watch-hangdog 5s:bugcheck --timeout 4s --action 1
await own-watch-armed
action_becomes 2
allow_bugcheck
action_becomes 3
hangdog prop set BugCheckConsent=0
action_becomes 2
service=$(sed -n 's/.*"name":"service-started".*"pid":\([0-9]*\).*/\1/p' $LOG)
kill -USR2 $HANGDOG
say 'blocked'
code=0
wait $HANGDOG || code=$?
say "hangdog ended with code $code, countdowns $(cat $module/countdowns), expiries $(expiries)"
dmesg > /mnt/out/dmesg.txt
kill -KILL $service
