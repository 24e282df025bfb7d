"""A healthy service that does odd but legal things on order, and hangs when told to.

usage: subject.py ORDERS, a socket to make for orders, one line each. Beats by NOTIFY_SOCKET, or by HANGDOG_SOCKET when there is
none, every quarter of WATCHDOG_USEC, from the loop that does the work. With PORT it also answers HTTP from that loop.
"""
import os, select, signal, socket, sys, time

path = sys.argv[1]
interval = int(os.environ.get("WATCHDOG_USEC", 4_000_000)) / 4e6
workers = []
# Wall time of the beat before a hang.
last = 0


def connect():
    if "NOTIFY_SOCKET" in os.environ:
        beat = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        beat.connect(os.environ["NOTIFY_SOCKET"])
        return beat
    beat = socket.socket(socket.AF_UNIX)
    beat.connect(os.environ["HANGDOG_SOCKET"])
    beat.sendall(b"HANGDOG_TOKEN=" + os.environ["HANGDOG_TOKEN"].encode() + b"\n")
    return beat


speaker = None


def tell(line):
    """Says a line. A supervisor that restarts loses the connection, which a service outlives: it connects again."""
    global speaker
    try:
        speaker = speaker or connect()
        speaker.setblocking(False)
        speaker.send(line.encode() + b"\n")
    except BlockingIOError:
        pass  # A beat may be dropped; it must never block the service.
    except (OSError, KeyError):
        speaker = None  # Nobody hears it just now, or ever.


def listen():
    if os.path.exists(path):
        os.unlink(path)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(8)
    return server


def spin(span):
    end = time.monotonic() + span
    while time.monotonic() < end:
        pass


def fork_worker():
    pid = os.fork()
    if pid == 0:
        while True:
            time.sleep(1)
    workers.append(pid)


def become(parent_ends):
    """Goes on in a child, as a service that replaces itself does. The first process announces it, and then ends or only waits."""
    pid = os.fork()
    if pid == 0:
        return
    tell(f"MAINPID={pid}")
    time.sleep(interval if parent_ends else 1000)
    os._exit(0)


def obey(words):
    order, number = words[0], float(words[1]) if len(words) > 1 else 0
    if order == "hang":
        global last
        last = time.time()
        tell("WATCHDOG=1")
        return lambda: time.sleep(1000)
    if order == "pid":
        return None
    if order == "work":
        return lambda: spin(number)
    if order == "burst":
        return lambda: [tell("WATCHDOG=1") for _ in range(int(number))]
    if order == "quiet":
        return lambda: time.sleep(number)
    if order == "fork":
        return lambda: [fork_worker() for _ in range(int(number))]
    if order == "stop-workers":
        return lambda: [os.kill(pid, signal.SIGSTOP) for pid in workers]
    if order == "kill-workers":
        return lambda: [(os.kill(pid, signal.SIGKILL), os.waitpid(pid, 0)) for pid in workers]
    if order == "exec":
        return lambda: os.execv(sys.executable, [sys.executable, *sys.argv])
    if order == "become":
        return lambda: become(parent_ends=number == 1)
    raise ValueError(order)


def answer_order(server):
    client, _ = server.accept()
    then = obey(client.recv(200).decode().split())
    client.sendall(f"{os.getpid()} {last * 1000:.0f}".encode())
    client.close()
    if then is not None:
        then()


def answer_request(server):
    client, _ = server.accept()
    client.recv(4096)
    client.sendall(b"HTTP/1.0 200 OK\r\n\r\nwell")
    client.close()


orders = listen()
web = socket.create_server(("127.0.0.1", int(os.environ["PORT"]))) if "PORT" in os.environ else None
tell("READY=1")
due = time.monotonic()
while True:
    if time.monotonic() >= due:
        tell("WATCHDOG=1")
        due = time.monotonic() + interval
    ready = select.select([s for s in (orders, web) if s], [], [], max(0, due - time.monotonic()))[0]
    if orders in ready:
        answer_order(orders)
    if web in ready:
        answer_request(web)
