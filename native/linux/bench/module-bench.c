// SPDX-License-Identifier: MIT
/*
 * Measures /dev/hangdog: module-bench beats ROUNDS, module-bench expiries COUNT. Prints lines of numbers for bench/module.mjs.
 *
 * Beats: a write to the device, to /dev/null, and the ioctl, in turns, so that all see the same machine; ns a call over a batch.
 * Expiries: from the last beat to the SIGKILL seen as the end of the process, and to the event, less the timeout; ns.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hangdog-module.h"

#define BATCH 2000
#define TIMEOUT_MS 100

static int64_t now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * INT64_C(1000000000) + at.tv_nsec;
}

static int open_device(void) {
  int fd = open("/dev/hangdog", O_RDWR | O_CLOEXEC);
  if (fd < 0) perror("/dev/hangdog"), exit(2);
  return fd;
}

static void arm(int fd, pid_t pid, uint64_t timeout_ms, uint32_t action) {
  struct hangdog_setup setup = {.timeout_ms = timeout_ms, .pid = pid, .action = action, .name = "bench"};
  if (ioctl(fd, HANGDOG_ARM, &setup) != 0) perror("arm"), exit(2);
}

static double writes(int fd) {
  int64_t start = now();
  for (int call = 0; call < BATCH; call++)
    if (write(fd, "\n", 1) != 1) exit(3);
  return (double)(now() - start) / BATCH;
}

static double ioctls(int fd) {
  uint64_t spent;
  int64_t start = now();
  for (int call = 0; call < BATCH; call++)
    if (ioctl(fd, HANGDOG_BEAT, &spent) != 0) exit(3);
  return (double)(now() - start) / BATCH;
}

static int beats(int rounds) {
  int module = open_device();
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  arm(module, getpid(), 60000, HANGDOG_LOG);
  for (int round = -5; round < rounds; round++) {
    double of_null = writes(null);
    double of_module = writes(module);
    double of_ioctl = ioctls(module);
    if (round >= 0) printf("%.1f %.1f %.1f\n", of_null, of_module, of_ioctl);
  }
  return 0;
}

static int expiries(int count) {
  for (int expiry = 0; expiry < count; expiry++) {
    int fd = open_device();
    pid_t pid = fork();
    if (pid == 0) {
      // Inherited: what is handed to a service.
      alarm(60);
      for (;;) pause();
    }
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    arm(fd, pid, TIMEOUT_MS, HANGDOG_TERMINATE);
    // The last beat comes at any point of a jiffy.
    struct timespec wait = {0, 10000000 + (expiry * 7919) % 40000 * 100};
    nanosleep(&wait, NULL);
    int64_t beat = now();
    if (write(fd, "\n", 1) != 1) exit(3);
    struct pollfd poller = {.fd = pidfd, .events = POLLIN};
    if (poll(&poller, 1, 20000) != 1) return 4;
    int64_t died = now();
    struct hangdog_event event;
    if (read(fd, &event, sizeof event) != sizeof event) return 5;
    printf("%lld %lld\n", (long long)(died - beat - TIMEOUT_MS * INT64_C(1000000)),
           (long long)((int64_t)event.value_ns - TIMEOUT_MS * INT64_C(1000000)));
    waitpid(pid, NULL, 0);
    close(pidfd), close(fd);
  }
  return 0;
}

int main(int count, char **arguments) {
  if (count == 3 && strcmp(arguments[1], "beats") == 0) return beats(atoi(arguments[2]));
  if (count == 3 && strcmp(arguments[1], "expiries") == 0) return expiries(atoi(arguments[2]));
  return 64;
}
