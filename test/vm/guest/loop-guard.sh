# The same hang at each of three boots, with action 3 and consent.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
[ $BOOT != 1 ] || allow_bugcheck
watch --timeout 3s --action 3 --restart always --terminate-timeout 1s
[ $BOOT -ge 3 ] || hang_to_the_end
touch $ORDER
await incident-closed
end
keep_incidents kept.json
