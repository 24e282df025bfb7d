"""Takes a lock on a file for each unit of work. On order another process takes it and does not give it back."""
import fcntl
import os
import socket
import time

from fault_service import Heartbeat, Order, serve


def hold(path, ear, parent):
    """The other process. It ends with its parent, whether or not that could end in order."""
    if ear.recv(1) == b"":
        os._exit(0)
    lock = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    ear.send(b"!")
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


def enter_ledger(order):
    if order.is_due():
        mouth.send(b"?")
        mouth.recv(1)
    lock = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.close(lock)


order = Order()
path = os.path.join(order.folder, "ledger.lock")
mouth, ear = socket.socketpair()
service = os.getpid()
if os.fork() == 0:
    mouth.close()
    hold(path, ear, service)
ear.close()
serve(enter_ledger, order, Heartbeat())
