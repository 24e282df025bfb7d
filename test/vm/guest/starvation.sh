# User mode is starved, of processors or of memory, from the last heartbeat of a service on. What hangdog still does, with the guard and
# without, and when: a line for each round in rounds.jsonl. HD_STARVED says of what, HD_SOURCES how services beat.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
only_boot
# Where a line can be read though there is no memory.
LOG=/run/log.jsonl
# What orders all this is not starved of processors.
chrt --fifo --pid 80 $$
GROUPS_AT=/sys/fs/cgroup
echo '+cpu +memory +pids' > $GROUPS_AT/cgroup.subtree_control
mkdir $GROUPS_AT/watched $GROUPS_AT/starving
# Everything that is not the fork bomb is below it.
echo 1 > $GROUPS_AT/watched/cpu.weight
echo 100 > $GROUPS_AT/starving/cpu.weight
echo 400 > $GROUPS_AT/starving/pids.max
mkfifo /run/ledger
# In seconds, from the last heartbeat on.
limit=30

# In a control group, with the priority that processes have. Not a function: the shell would put a process of its own between.
enter='echo $$ > "$0/cgroup.procs"; exec chrt --other 0 "$@"'
watched=(sh -c "$enter" $GROUPS_AT/watched)
starving=(sh -c "$enter" $GROUPS_AT/starving)
guest=$HD_PROJECT/test/vm/guest

starve() {
  case $1 in
    calm) ;;
    processors) "${starving[@]}" python3 $guest/fork-bomb.py < /dev/null & ;;
    memory)
      # Two, and started again when the kernel has killed one.
      for hog in 1 2; do
        "${starving[@]}" sh -c 'while :; do python3 "$0"; done' $guest/memory-hog.py < /dev/null 2> /dev/null &
      done
      ;;
  esac
}

# round STARVED SOURCE ACTION
round() {
  local starved=$1 source=$2 action=$3 awaited=report
  [ $action = 1 ] || awaited=death
  : > $LOG
  : > /run/observed
  python3 $guest/starved-observer.py /run/ledger $LOG $awaited $GROUPS_AT/starving $limit < /dev/null > /run/observed &
  local observer=$!
  "${watched[@]}" "$HD_NODE" "$HD_PROJECT/dist/cli/hangdog.js" run --name web --log-format json --heartbeat $source \
    --timeout 4s --action $action --terminate-timeout 1s \
    -- python3 $guest/starved-service.py /run/ledger $source < /dev/null >> /mnt/out/output 2>> $LOG &
  HANGDOG=$!
  until grep -q silent /run/observed; do sleep 0.1; done
  starve $starved
  wait $observer
  # A fork bomb may have gone on while it was being killed.
  until grep -q 'populated 0' $GROUPS_AT/starving/cgroup.events; do
    echo 1 > $GROUPS_AT/starving/cgroup.kill
    sleep 0.1
  done
  kill -TERM $HANGDOG 2> /dev/null || true
  wait $HANGDOG || true
  cp $LOG "/mnt/out/$starved-$source-$action.jsonl"
  sed -n "s/^{/{\"source\": \"$source\", \"action\": $action, /p" /run/observed >> /mnt/out/rounds.jsonl
}

for source in ${HD_SOURCES//,/ }; do
  for action in 1 2; do
    say "$HD_STARVED $source $action"
    round $HD_STARVED $source $action
  done
done
