"""Sees what is done about a hung process, on a machine where nothing else gets to run: not outranked, and with all its memory kept in
place. Waits for "pid time wall-time" on a FIFO and prints it; then until that process is dead, or the log has the event that is asked
for. Ends the control group that starves the machine then, or at its limit, and prints how long after the last heartbeat each came, in
ms."""

import ctypes
import json
import os
import select
import sys
import time

fifo, log, awaited, group, limit = *sys.argv[1:5], float(sys.argv[5])
# MCL_CURRENT | MCL_FUTURE
if ctypes.CDLL(None, use_errno=True).mlockall(3) != 0:
    sys.exit("the observer cannot keep its memory")
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(90))
ledger = os.open(fifo, os.O_RDWR)
pid, silent, _ = (int(word) for word in os.read(ledger, 4096).split())
process, events, kill = os.pidfd_open(pid), os.open(log, os.O_RDONLY), os.open(group + "/cgroup.kill", os.O_WRONLY)
print("silent", flush=True)

seen, dead, reported, relieved = b"", None, None, None


def now():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


while now() - silent < (limit if relieved is None else limit + 120) * 1e9:
    ended, _, _ = select.select([process], [], [], 0.02)
    if ended:
        dead = now()
    seen += os.read(events, 1 << 20)
    if reported is None and b'"name":"hang-' in seen:
        reported = now()
    if dead is not None or (awaited == "report" and reported is not None):
        break
    if relieved is None and now() - silent > (limit - 1) * 1e9:
        os.write(kill, b"1")
        relieved = now()
os.write(kill, b"1")
times = {"reported": reported, "dead": dead, "relieved": relieved}
print(json.dumps({name: at and round((at - silent) / 1e6) for name, at in times.items()}), flush=True)
