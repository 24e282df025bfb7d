# A service that is well all the time, on a machine that the host interrupts once this is said.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
only_boot
watch --timeout 5s --action 2 --restart always
sleep 2
say 'ready'
until [ -e /mnt/out/interrupted ]; do sleep 0.5; done
# Longer than the limit: what is left of the interruption shows by then.
sleep 12
hangdog status --json > /mnt/out/status.json
end
keep_incidents kept.json
