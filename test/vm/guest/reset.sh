# Boot 1: the host resets the machine while hangdog recovers a service. Boot 2: what is left of it.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
if [ $BOOT = 1 ]; then
  recover_slowly
  say 'ready'
  sleep 120
  exit 1
fi
look_back
keep_incidents kept.json
