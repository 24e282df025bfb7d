"""Heartbeats and stacks for Python services that hangdog watches. One file, no dependencies, Python 3.8 and later.

    import hangdog
    hangdog.start()          # once, early: stacks on order
    hangdog.ready()          # the countdown begins
    while True:
        handle_one_request()
        hangdog.beat()       # from where the work is done, never from a thread of its own

An asyncio program beats from its loop: `hangdog.beat_from_loop()`.

Without hangdog or systemd around it every call does nothing. Nothing here raises, blocks, or starts a thread.
The protocol is sd_notify, so a beat counts for systemd's WatchdogSec as well.
"""
import faulthandler
import os
import socket

__all__ = ["start", "ready", "beat", "status", "extend", "stopping", "interval", "beat_from_loop"]

# SIGSTKFLT: no kernel and no library sends it, so no handler of the program's is lost.
_STACK_SIGNAL = 16

_channel = None
_stacks = None


def start(stack_signal=_STACK_SIGNAL):
    """Lets hangdog read the stacks of all threads when the service hangs, also while the interpreter's lock is held.

    The stacks are written into memory that hangdog finds by its name. Costs nothing until then. True when it works here.
    """
    global _stacks
    if _stacks is not None:
        return True
    try:
        stacks = os.memfd_create("hangdog-stacks-%d" % stack_signal)
        faulthandler.register(stack_signal, file=stacks, all_threads=True, chain=False)
    except (AttributeError, OSError, RuntimeError, ValueError):
        return False
    _stacks = stacks
    return True


def ready():
    """Says that the service has started."""
    return _say("READY=1")


def beat():
    """Says that the work goes on."""
    return _say("WATCHDOG=1")


def status(text):
    """Says in words what the service does; shown by `hangdog status`."""
    return _say("STATUS=" + str(text).replace("\n", " "))


def extend(seconds):
    """Asks for more time before the next beat, for work that is known to take longer."""
    return _say("EXTEND_TIMEOUT_USEC=%d" % int(seconds * 1000000))


def stopping():
    """Says that the service ends by itself; no beat is waited for any more."""
    return _say("STOPPING=1")


def interval():
    """Seconds between beats that suit the limit of this service, or None when nobody watches."""
    try:
        return int(os.environ["WATCHDOG_USEC"]) / 1000000 / 4
    except (KeyError, ValueError):
        return None


def beat_from_loop(loop=None):
    """Beats from an asyncio loop for as long as it turns: a loop that is blocked does not."""
    import asyncio

    loop = loop or asyncio.get_running_loop()
    pause = interval()
    if pause is None:
        return

    def turn():
        beat()
        loop.call_later(pause, turn)

    turn()


def _say(text):
    global _channel
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return False
    try:
        if _channel is None:
            _channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        _channel.sendto(text.encode(), "\0" + path[1:] if path[0] == "@" else path)
        return True
    except (OSError, ValueError):
        return False
