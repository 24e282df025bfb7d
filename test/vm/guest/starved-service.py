"""A service that beats for a while and then waits for ever, as one does that waits for a lock. Beats over the notify socket or the
stream, by what it is given. Says "pid time wall-time" of its last beat to the FIFO in its first argument, in ns."""

import os
import socket
import sys
import time

ledger = os.open(sys.argv[1], os.O_WRONLY)
if sys.argv[2] == "notify":
    line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    line.connect(os.environ["NOTIFY_SOCKET"])
else:
    line = socket.socket(socket.AF_UNIX)
    line.connect(os.environ["HANGDOG_SOCKET"])
    line.sendall(f"HANGDOG_TOKEN={os.environ['HANGDOG_TOKEN']}\n".encode())
line.sendall(b"READY=1\n")
for _ in range(8):
    time.sleep(0.5)
    # Taken before the beat, so that the figure is never too good.
    stamp, wall = time.clock_gettime_ns(time.CLOCK_MONOTONIC), time.time_ns()
    line.sendall(b"WATCHDOG=1\n")
os.write(ledger, b"%d %d %d\n" % (os.getpid(), stamp, wall))
time.sleep(3600)
