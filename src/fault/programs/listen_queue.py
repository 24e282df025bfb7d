"""A server whose workers are all taken by clients that never say what they want. What comes then waits in the listen queue until it is full."""
import socket
import threading

from fault_service import Order

WORKERS = 4
QUEUE = 2

order = Order()
free = threading.Semaphore(WORKERS)
clients = []


def answer(connection):
    with connection:
        try:
            connection.settimeout(0.2)
            connection.recv(100)
            connection.sendall(b"fine\n")
        except OSError:
            pass
    free.release()


def wait_for_request(connection):
    """The bug: no limit."""
    connection.settimeout(None)
    connection.recv(100)
    free.release()


def crowd(port):
    """Clients that connect and keep silent: enough for all workers, and for the queue."""
    for _ in range(WORKERS + 2 * QUEUE + 2):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
        clients.append(client)


listener = socket.create_server(("127.0.0.1", order.port), backlog=QUEUE)
port = listener.getsockname()[1]
crowded = False
listener.settimeout(order.interval)
while True:
    if not crowded and order.is_due():
        crowded = True
        crowd(port)
    free.acquire()
    try:
        connection, _ = listener.accept()
    except socket.timeout:
        free.release()
        continue
    threading.Thread(target=wait_for_request if crowded else answer, args=(connection,), daemon=True).start()
