# SIGTERM for hangdog when it has judged that the service hangs, and takes evidence before it stops the machine.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
only_boot
allow_bugcheck
watch --timeout 4s --action 3 --restart always --stop-timeout 2s --evidence-timeout 10s --terminate-timeout 1s
touch $ORDER
await hang-recovery
end
keep_incidents kept.json
