# A service that is well all the time, while the wall clock is set forward and back by an hour; then it hangs and is found.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
only_boot
watch --timeout 2s --action 2
sleep 2
for step in '+1 hour' '-1 hour' '-1 hour' '+1 hour'; do
  date -s "$step" > /dev/null
  date +%s >> /mnt/out/clock
  sleep 5
done
hangdog status --json > /mnt/out/status.json
keep_incidents kept.json
touch $ORDER
await terminate-proven
wait $HANGDOG || say "hangdog ended with code $?"
