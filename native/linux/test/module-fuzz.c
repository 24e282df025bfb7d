// SPDX-License-Identifier: MIT
/*
 * Does to /dev/hangdog whatever comes to its mind, from several processes and threads at once, on files that they share: module-fuzz SECONDS
 * [SEED]. It says nothing of what is right; whoever runs it looks whether the kernel is still well. Its own victims are all it has ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hangdog-module.h"

enum { PROCESSES = 4, THREADS = 3, FILES = 16, VICTIMS = 6 };

static int files[FILES];
static pid_t victims[VICTIMS];
static volatile int over;
/* Calls by what came of them, of all processes. */
static struct counts {
  _Atomic uint64_t calls;
  _Atomic uint64_t taken;
  _Atomic uint64_t killed;
} *counts;

static uint64_t random_of(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static uint64_t any_value(uint64_t *state) {
  static const uint64_t edges[] = {0, 1, 9, 10, 20, 50, 100, UINT32_MAX, INT64_MAX, UINT64_MAX, HANGDOG_TIMEOUT_MAX_MS, HANGDOG_TIMEOUT_MAX_MS + 1};
  uint64_t choice = random_of(state);
  return choice % 3 == 0 ? random_of(state) : edges[choice / 3 % (sizeof edges / sizeof *edges)];
}

static pid_t any_pid(uint64_t *state) {
  switch (random_of(state) % 8) {
    case 0:
      return (pid_t)random_of(state);
    case 1:
      // Nobody's, that of the system, and one of the kernel's.
      return (pid_t)(random_of(state) % 3);
    default:
      return victims[random_of(state) % VICTIMS];
  }
}

static struct hangdog_setup any_setup(uint64_t *state) {
  struct hangdog_setup setup = {.timeout_ms = 10 + random_of(state) % 50, .pid = any_pid(state), .action = (uint32_t)(random_of(state) % 4)};
  setup.warning_ms = random_of(state) % (setup.timeout_ms + 1);
  // Most are good but for one value, so that they get far.
  switch (random_of(state) % 10) {
    case 0:
      setup.timeout_ms = any_value(state);
      break;
    case 1:
      setup.warning_ms = any_value(state);
      break;
    case 2:
      setup.start_time = any_value(state);
      break;
    case 3:
      setup.action = (uint32_t)any_value(state);
      break;
    case 4:
      setup.flags = (uint32_t)any_value(state);
      break;
    case 5:
      for (size_t index = 0; index < sizeof setup.name; index++) setup.name[index] = (char)random_of(state);
      break;
  }
  return setup;
}

static void reopen(uint64_t *state) {
  int *place = &files[random_of(state) % FILES];
  int fd = open("/dev/hangdog", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return;
  int old = __atomic_exchange_n(place, fd, __ATOMIC_SEQ_CST);
  if (old > 2) close(old);
}

static long one_call(uint64_t *state) {
  int fd = files[random_of(state) % FILES];
  char room[256];
  struct hangdog_setup setup;
  uint64_t value;
  switch (random_of(state) % 14) {
    case 0:
    case 1:
    case 2:
      setup = any_setup(state);
      return ioctl(fd, HANGDOG_ARM, &setup);
    case 3:
      return ioctl(fd, HANGDOG_DISARM);
    case 4:
      value = any_value(state);
      return ioctl(fd, HANGDOG_EXTEND, &value);
    case 5:
      return ioctl(fd, HANGDOG_STATE, room);
    case 6:
      return ioctl(fd, HANGDOG_BEAT, room);
    case 7:
      return ioctl(fd, HANGDOG_VERSION, room);
    case 8:
      return ioctl(fd, (unsigned long)any_value(state), room);
    case 9:
      return ioctl(fd, _IOC(random_of(state) % 4, HANGDOG_IOC, random_of(state) % 8, random_of(state) % 200), room);
    case 10:
      return ioctl(fd, random_of(state) % 2 ? HANGDOG_ARM : HANGDOG_STATE, (void *)(uintptr_t)any_value(state));
    case 11:
      return read(fd, random_of(state) % 4 ? room : (void *)(uintptr_t)any_value(state), random_of(state) % 64);
    case 12:
      return write(fd, random_of(state) % 4 ? room : (void *)(uintptr_t)any_value(state), random_of(state) % 64);
    default:
      if (random_of(state) % 20 == 0) reopen(state);
      struct pollfd poller = {.fd = fd, .events = (short)random_of(state)};
      return poll(&poller, 1, (int)(random_of(state) % 3));
  }
}

static void *fuzz(void *seed) {
  uint64_t state = (uint64_t)(uintptr_t)seed * 0x9E3779B97F4A7C15u + 1;
  while (!over) {
    counts->calls++;
    if (one_call(&state) >= 0) counts->taken++;
  }
  return NULL;
}

/* The owner of its files, with victims of its own, which it replaces as they are ended. */
static void run_process(uint64_t seed, time_t end) {
  pthread_t threads[THREADS];
  for (int index = 0; index < FILES; index++) files[index] = open("/dev/hangdog", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  for (uintptr_t index = 0; index < THREADS; index++) pthread_create(&threads[index], NULL, fuzz, (void *)(seed * THREADS + index + 1));
  while (time(NULL) < end) {
    for (int index = 0; index < VICTIMS; index++) {
      if (victims[index] != 0 && waitpid(victims[index], NULL, WNOHANG) == 0) continue;
      if (victims[index] != 0) counts->killed++;
      pid_t pid = fork();
      if (pid == 0) {
        // Some keep the files open, and outlive what owned them.
        if (index % 2) for (int fd = 3; fd < 256; fd++) close(fd);
        alarm(120);
        for (;;) pause();
      }
      victims[index] = pid;
    }
    struct timespec span = {0, 20000000};
    nanosleep(&span, NULL);
  }
  over = 1;
  for (int index = 0; index < THREADS; index++) pthread_join(threads[index], NULL);
  for (int index = 0; index < VICTIMS; index++) kill(victims[index], SIGKILL);
  while (wait(NULL) > 0);
  // Some files are left for the kernel to close.
  for (int index = 0; index < FILES / 2; index++) close(files[index]);
}

int main(int count, char **arguments) {
  if (count < 2) return 64;
  time_t end = time(NULL) + atoi(arguments[1]);
  uint64_t seed = count > 2 ? strtoull(arguments[2], NULL, 10) : (uint64_t)time(NULL);
  counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (counts == MAP_FAILED) return 70;
  printf("seed %llu\n", (unsigned long long)seed);
  fflush(stdout);
  for (uint64_t index = 0; index < PROCESSES; index++) {
    if (fork() == 0) {
      run_process(seed + index, end);
      _exit(0);
    }
  }
  while (wait(NULL) > 0);
  printf("calls %llu\ntaken %llu\nended %llu\n", (unsigned long long)counts->calls, (unsigned long long)counts->taken,
         (unsigned long long)counts->killed);
  return 0;
}
