"""What every service of the kit in Python shares: its orders, and its heartbeats over hangdog's socket."""
import argparse
import os
import socket
import time


class Heartbeat:
    """Never waits: when hangdog does not read, a beat is dropped. Without hangdog it does nothing."""

    def __init__(self):
        self.link = None
        path = os.environ.get("HANGDOG_SOCKET")
        if path:
            self.link = socket.socket(socket.AF_UNIX)
            self.link.connect(path)
            self.link.sendall(f"HANGDOG_TOKEN={os.environ['HANGDOG_TOKEN']}\n".encode())
            self.link.setblocking(False)

    def say(self, line):
        if self.link is None:
            return
        try:
            self.link.send(line.encode() + b"\n")
        except OSError:
            pass


class Order:
    """When to hang."""

    def __init__(self):
        parser = argparse.ArgumentParser()
        parser.add_argument("--folder", default=".")
        parser.add_argument("--trigger")
        parser.add_argument("--interval-ms", type=float, default=50)
        parser.add_argument("--after-ms", type=float, default=float("inf"))
        parser.add_argument("--port", type=int, default=0)
        given = parser.parse_args()
        self.folder = given.folder
        self.port = given.port
        self.interval = given.interval_ms / 1000
        self.trigger = given.trigger
        self.due = time.monotonic() + given.after_ms / 1000

    def is_due(self):
        if self.trigger and os.path.exists(self.trigger):
            os.remove(self.trigger)
            return True
        return time.monotonic() >= self.due


def serve(work, order, heartbeat):
    """Works unit by unit, and beats after each."""
    heartbeat.say("READY=1")
    while True:
        work(order)
        heartbeat.say("WATCHDOG=1")
        time.sleep(order.interval)
