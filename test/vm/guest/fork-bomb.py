"""Forks in a loop, as all its children do."""

import os

while True:
    try:
        os.fork()
    except OSError:
        # The control group has as many processes as it may have; each goes on trying.
        pass
