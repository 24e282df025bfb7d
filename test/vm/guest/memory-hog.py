"""Takes all memory there is within a second or two, and keeps it in use: what others need has to be taken from somebody."""

import mmap

MIB = 1024 * 1024
MAP_POPULATE = 0x8000
held = []


def available_mib():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable:")) // 1024


def take(mib):
    held.append(mmap.mmap(-1, mib * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_POPULATE))


while available_mib() > 64:
    take(32)
while True:
    if available_mib() > 8:
        take(2)
    # What was not used for long would be the first that the kernel takes back.
    for block in held:
        for at in range(0, len(block), 64 * 4096):
            block[at] = 1
