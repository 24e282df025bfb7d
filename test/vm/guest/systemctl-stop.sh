# `systemctl stop` of a unit that runs hangdog where it may stop the machine, in each state that its service can be in.
. "$HD_PROJECT/test/vm/guest/scenario.sh"
only_boot
allow_bugcheck

# start_unit SECONDS OPTION…: hangdog as a unit, which systemd kills when it has not stopped within that time.
start_unit() {
  cat > /run/systemd/system/hangdog.service << UNIT
[Unit]
DefaultDependencies=no
[Service]
Type=exec
ExecStart=$HD_NODE $HD_PROJECT/dist/cli/hangdog.js run --name web --log-format json --action 3 --restart always ${*:2} \\
  -- $HD_NODE $HD_PROJECT/test/vm/guest/service.mjs $ORDER
StandardOutput=append:/mnt/out/output
StandardError=append:$LOG
TimeoutStopSec=$1
UNIT
  systemctl daemon-reload
  systemctl start hangdog
  HANGDOG=$(systemctl show --property MainPID --value hangdog)
  await service-armed
}

# stop_unit NAME: what systemd and hangdog say of the stop is left under that name.
stop_unit() {
  systemctl stop hangdog || true
  systemctl show --property ActiveState,Result hangdog > "/mnt/out/$1.state"
  systemctl reset-failed hangdog || true
  next_log "$1.jsonl"
}

start_unit 30 --timeout 4s
stop_unit well

start_unit 30 --timeout 6s --stop-timeout 5s
touch $ORDER
while [ -e $ORDER ]; do sleep 0.1; done
stop_unit silent

# Judged, its incident is open, and the machine would be stopped next.
start_unit 60 --timeout 4s --evidence-timeout 20s --stop-timeout 2s --terminate-timeout 2s
touch $ORDER
await hang-recovery
stop_unit judged

# systemd loses its patience first.
start_unit 3 --timeout 4s --evidence-timeout 30s --stop-timeout 30s --terminate-timeout 30s
touch $ORDER
await hang-recovery
stop_unit killed

# Longer than any countdown that was running.
sleep 8
look_back
keep_incidents kept.json
