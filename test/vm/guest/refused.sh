# A hang with action 3: once without consent, once with it on a machine that has not been up for long enough.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
only_boot
watch --timeout 3s --action 3 --restart always --terminate-timeout 1s
touch $ORDER
await incident-closed 1
hangdog prop set BugCheckConsent=1
touch $ORDER
await incident-closed 2
end
keep_incidents kept.json
