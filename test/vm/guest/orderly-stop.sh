# SIGTERM for hangdog where it may bugcheck: with a service that is well, and with one that hangs already and does not hear SIGTERM.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
only_boot
allow_bugcheck

watch --timeout 4s --action 3 --restart always
end
next_log well.jsonl

watch --timeout 4s --action 3 --restart always --stop-timeout 8s
touch $ORDER
while [ -e $ORDER ]; do sleep 0.1; done
end
# Longer than the countdown that was running.
sleep 6
