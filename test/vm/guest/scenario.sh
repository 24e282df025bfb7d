# What scenarios share. To be read by a scenario as its first line. A command that fails ends the scenario with its code.
set -eu
LOG=/mnt/out/log-$BOOT.jsonl
: >> $LOG
ORDER=/run/hang

say() { echo "scenario: $*"; }

hangdog() { "$HD_NODE" "$HD_PROJECT/dist/cli/hangdog.js" "$@"; }

# only_boot: ends a scenario that must not come to a second one.
only_boot() { [ $BOOT = 1 ] || exit 3; }

only_second_boot() { [ $BOOT = 2 ] || exit 3; }

# load_crash_kernel VARIABLE…: one that runs crash-kernel.sh with these.
load_crash_kernel() {
  local variables="HD_PROJECT=$HD_PROJECT HD_MODULES=$HD_MODULES HD_STAGE=$HD_PROJECT/test/vm/guest/crash-kernel.sh $*"
  kexec -p "$HD_KERNEL" --initrd="$HD_INITRAMFS" \
    --append="console=ttyS0 panic=1 loglevel=5 irqpoll nr_cpus=1 reset_devices $variables"
}

# watch OPTION…: a service that beats, under a hangdog in the background. Each `touch $ORDER` hangs it once. IMPORT names what is loaded
# into hangdog itself.
watch() {
  # Not by the function above: the shell would put a process of its own between, which a signal would end instead.
  "$HD_NODE" ${IMPORT:+--import "$IMPORT"} "$HD_PROJECT/dist/cli/hangdog.js" run --name web --log-format json "$@" -- \
    "$HD_NODE" "$HD_PROJECT/test/vm/guest/service.mjs" $ORDER < /dev/null >> /mnt/out/output-$BOOT 2>> $LOG &
  HANGDOG=$!
  await service-armed
}

# action_becomes NUMBER: of the one countdown that is there in the kernel module.
action_becomes() {
  local tick
  for ((tick = 0; tick < 300; tick++)); do
    [ "$(cat /sys/class/misc/hangdog/countdown*/action)" != "$1" ] || return 0
    sleep 0.2
  done
  say "the action is $(cat /sys/class/misc/hangdog/countdown*/action), not $1"
  return 1
}

# seen EVENT: how often this boot's hangdog has logged it.
seen() { grep -c "\"name\":\"$1\"" $LOG || true; }

# await EVENT [COUNT]: until it was logged that often.
await() {
  local tick seen
  for ((tick = 0; tick < 450; tick++)); do
    [ "$(seen "$1")" -lt "${2:-1}" ] || return 0
    kill -0 $HANGDOG || break
    sleep 0.2
  done
  say "no event $1"
  return 1
}

# end: hangdog is asked to stop, and has.
end() {
  kill -TERM $HANGDOG
  local code=0
  wait $HANGDOG || code=$?
  say "hangdog stopped with code $code"
}

# next_log NAME: puts the log so far aside; what comes now is looked at on its own.
next_log() {
  mv $LOG "/mnt/out/$1"
  : > $LOG
}

# keep NAME COMMAND…: leaves a command's output on the host.
keep() {
  local name=$1
  shift
  "$@" > "/mnt/out/$name"
}

# keep_incidents NAME: all that hangdog can tell about them, a line of JSON each.
keep_incidents() {
  keep "$1" hangdog incident list --json
  local id
  for id in $(sed 's/.*"id":"\([^"]*\)".*/\1/' "/mnt/out/$1"); do
    hangdog incident show "$id" --json >> "/mnt/out/$1.shown"
  done
}

allow_bugcheck() { hangdog prop set BugCheckConsent=1 BugCheckMinimumUptime=0; }

# The machine stops by itself before this comes to its end.
await_reset() {
  sleep 120
  say 'the machine still runs'
  return 1
}

# recover_slowly: a service hangs and does not hear SIGTERM; its incident is open for long after this.
recover_slowly() {
  watch --timeout 3s --action 2 --terminate-timeout 100s
  touch $ORDER
  await hang-recovery
  sleep 1
  sync
}

# look_back: a hangdog that starts, tells what it finds, and ends.
look_back() { hangdog run --name web --log-format json -- true 2>> $LOG; }

# keep_files: a list of what is on the disk, each file with its size.
keep_files() { (cd /var/lib/hangdog && find . -type f -printf '%P %s\n' | sort > /mnt/out/files); }

# kernel_log NAME PATTERN: the lines of the kernel's log that match, on the host.
kernel_log() { dmesg | grep -E "$2" > "/mnt/out/$1" || true; }

# Hangs the service, and waits for the machine to stop, which it should long before.
hang_to_the_end() {
  touch $ORDER
  say 'hung'
  await_reset
}
