# Boot 1: a hang with action 3, consented to. Boot 2: what is left of it, before and after the next hangdog.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
if [ $BOOT = 1 ]; then
  allow_bugcheck
  watch --timeout 3s --action 3
  hang_to_the_end
fi
keep found.json hangdog incident list --json
look_back
keep_incidents kept.json
