"""Two threads take the same two locks. On order one of them takes them in the other order, and they wait for each other."""
import threading

from fault_service import Heartbeat, Order, serve

accounts = threading.Lock()
ledger = threading.Lock()
both_hold = threading.Barrier(2)
wanted = threading.Event()


def transfer_there(order):
    if order.is_due():
        wanted.set()
        with accounts:
            both_hold.wait()
            with ledger:
                pass
    with accounts, ledger:
        pass


def transfer_back():
    wanted.wait()
    with ledger:
        both_hold.wait()
        with accounts:
            pass


order = Order()
heartbeat = Heartbeat()
threads = [
    threading.Thread(target=serve, args=(transfer_there, order, heartbeat), name="transfer-1", daemon=True),
    threading.Thread(target=transfer_back, name="transfer-2", daemon=True),
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
