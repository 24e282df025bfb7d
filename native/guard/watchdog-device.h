/*
 * The machine's own watchdog, /dev/watchdogN: hardware, or a driver that stands for it, that resets the machine unless it is fed in time.
 * Opening it starts it. Every function takes a descriptor from watchdog_device_open, checks its arguments and returns 0, or what its
 * comment says, or a negative errno value. None waits. Whoever is to act on the machine alone is handed the descriptor, and needs no more
 * than watchdog_device_lengthen.
 */
#ifndef HANGDOG_WATCHDOG_DEVICE_H
#define HANGDOG_WATCHDOG_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Longest time that is asked of a driver, in seconds; 16 bits are what many have. */
#define WATCHDOG_SECONDS_MAX 65535

struct watchdog_support {
  /* WDIOF_* of <linux/watchdog.h>. */
  uint32_t options;
  uint32_t firmware;
  /* As the driver calls itself. */
  char identity[33];
};

/*
 * Opens and thereby starts it. Returns the descriptor, which is closed on exec. -ENOTTY when the path is something else, to which nothing
 * is done; -EBUSY when somebody feeds it already.
 */
int watchdog_device_open(const char *path);
int watchdog_device_support(int fd, struct watchdog_support *out);
/* Feeds it and sets its time. Returns what the driver made of it, in seconds. */
int watchdog_device_set_timeout(int fd, int seconds);
/* Sets how long before the end of its time the kernel is to be told; 0 for not at all. Returns what the driver made of it. */
int watchdog_device_set_pretimeout(int fd, int seconds);
int watchdog_device_keep_alive(int fd);
/* Why the machine was last reset, as far as the hardware knows: WDIOF_*. */
int watchdog_device_boot_status(int fd, uint32_t *out);
/* Stops it. -EBUSY when the kernel was told to never stop it (nowayout). */
int watchdog_device_disable(int fd);
/*
 * Gives the machine this many seconds, or as many as the driver takes, without being fed: before a crash dump, or before it is left to a
 * successor. Returns the seconds it has now. At most 17 system calls.
 */
int watchdog_device_lengthen(int fd, int seconds);
/* Closes it. `orderly` says that it may stop, by the letter V; without that it goes on, and resets the machine. */
int watchdog_device_close(int fd, bool orderly);

#ifdef __cplusplus
}
#endif

#endif
