// SPDX-License-Identifier: MIT
/*
 * Closes countdowns of /dev/hangdog at the moment at which they end, in all the ways there are: module-stress SECONDS, with nowayout=1. A
 * thread closes its file, another calls it meanwhile, or the process that has it is killed. Then each countdown must be gone. Whoever runs
 * it looks whether the kernel is still well; with slub_debug=FZP it sees at once who uses what was freed.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hangdog-module.h"

enum { OWNERS = 4, CLOSERS = 3, SHORTEST_MS = 10 };

/* Of all processes. */
static struct counts {
  _Atomic uint64_t armed;
  _Atomic uint64_t calls;
  _Atomic uint64_t killed;
} *counts;

/* What each closer has open, for the thread that calls. */
static _Atomic int open_files[CLOSERS];

static uint64_t random_of(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static void sleep_us(uint64_t us) {
  struct timespec span = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
  nanosleep(&span, NULL);
}

/* Some are closed at once, the others within half a millisecond of their end. */
static void wait_for_the_end(uint64_t *state, uint64_t timeout_ms) {
  if (random_of(state) % 4 == 0) return;
  sleep_us(timeout_ms * 1000 - 250 + random_of(state) % 500);
}

static void *close_in_time(void *argument) {
  uintptr_t place = (uintptr_t)argument % CLOSERS;
  uint64_t state = (uint64_t)(uintptr_t)argument * 0x9E3779B97F4A7C15u + (uint64_t)getpid();
  for (;;) {
    struct hangdog_setup setup = {.timeout_ms = SHORTEST_MS + random_of(&state) % 3, .pid = getpid(), .action = HANGDOG_LOG};
    setup.warning_ms = random_of(&state) % 2 ? setup.timeout_ms - 1 : 0;
    int fd = open("/dev/hangdog", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
      // All are taken by those that run on.
      sleep_us(1000);
      continue;
    }
    if (ioctl(fd, HANGDOG_ARM, &setup) == 0) counts->armed++;
    open_files[place] = fd;
    wait_for_the_end(&state, setup.timeout_ms);
    open_files[place] = -1;
    (void)close(fd);
  }
  return NULL;
}

/* On files that may be closed meanwhile, or be others by now: a refusal is as good as an answer. */
static void *call(void *argument) {
  uint64_t state = (uint64_t)(uintptr_t)argument + (uint64_t)getpid();
  char room[256];
  for (;;) {
    int fd = open_files[random_of(&state) % CLOSERS];
    uint64_t more = 1;
    switch (random_of(&state) % 5) {
      case 0:
        (void)ioctl(fd, HANGDOG_STATE, room);
        break;
      case 1:
        (void)ioctl(fd, HANGDOG_DISARM);
        break;
      case 2:
        (void)ioctl(fd, HANGDOG_EXTEND, &more);
        break;
      case 3:
        (void)!read(fd, room, sizeof(struct hangdog_event));
        break;
      default:
        // Seldom: what is beaten does not end.
        if (random_of(&state) % 64 == 0) (void)!write(fd, "\n", 1);
    }
    counts->calls++;
    if (random_of(&state) % 16 == 0) sleep_us(50);
  }
  return NULL;
}

/* Goes on until it is killed. */
static pid_t start_owner(uint64_t seed) {
  pid_t pid = fork();
  if (pid != 0) return pid;
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  pthread_t thread;
  for (uintptr_t place = 0; place < CLOSERS; place++) {
    open_files[place] = -1;
    (void)pthread_create(&thread, NULL, close_in_time, (void *)(seed * CLOSERS + place));
  }
  call((void *)(uintptr_t)seed);
  _exit(0);
}

/* What the device says is open, or runs on; -1 when it does not say. */
static int countdowns(void) {
  int found = -1;
  FILE *file = fopen("/sys/class/misc/hangdog/countdowns", "r");
  if (file == NULL) return -1;
  if (fscanf(file, "%d", &found) != 1) found = -1;
  (void)fclose(file);
  return found;
}

int main(int count, char **arguments) {
  if (count < 2 || countdowns() < 0) return 64;
  time_t end = time(NULL) + atoi(arguments[1]);
  uint64_t state = (uint64_t)time(NULL) | 1;
  pid_t owners[OWNERS];
  counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (counts == MAP_FAILED) return 70;
  for (int index = 0; index < OWNERS; index++) owners[index] = start_owner(random_of(&state));
  while (time(NULL) < end) {
    int index = (int)(random_of(&state) % OWNERS);
    sleep_us(5000 + random_of(&state) % 20000);
    (void)kill(owners[index], SIGKILL);
    (void)waitpid(owners[index], NULL, 0);
    counts->killed++;
    owners[index] = start_owner(random_of(&state));
  }
  for (int index = 0; index < OWNERS; index++) (void)kill(owners[index], SIGKILL);
  while (wait(NULL) > 0);
  // Each of them ends within some milliseconds, and is freed by a work queue.
  for (int turn = 0; countdowns() > 0 && turn < 300; turn++) sleep_us(100000);
  printf("armed %llu\ncalls %llu\nkilled %llu\nleft %d\n", (unsigned long long)counts->armed, (unsigned long long)counts->calls,
         (unsigned long long)counts->killed, countdowns());
  return countdowns() == 0 ? 0 : 1;
}
