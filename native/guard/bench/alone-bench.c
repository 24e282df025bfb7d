/*
 * How late a service dies that the guard ends alone, beside a bare thread in C that sleeps and kills: `alone-bench FOLDER [N]` prints one line of
 * JSON for each series of values; bench/guard-alone.mjs builds and runs it. Records go to FOLDER.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../guard-plan.h"

#define MS INT64_C(1000000)
#define LIMIT (100 * MS)
/* Services that expire in one round, 3 ms apart. */
#define AT_ONCE 16
#define APART (3 * MS)
/* Above the guard and the reference, so that what is measured is the death and not our seeing it. */
#define OBSERVER 60
#define VICTIM 55
#define KILLER 50

enum series { REFERENCE, UNRECORDED, RECORDED, SERIES };

struct victim {
  pid_t pid;
  int pidfd;
  int order;
  int64_t died;
};

static const char *folder;
/* By the victims, right before they beat for the last time; 0 before that. */
static _Atomic int64_t *stamps;

static int64_t now(void) {
  struct timespec at;
  (void)clock_gettime(CLOCK_MONOTONIC, &at);
  return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static void sleep_until(int64_t at) {
  struct timespec to = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &to, NULL) == EINTR) {
  }
}

static int must(int result, const char *what) {
  if (result >= 0) return result;
  fprintf(stderr, "alone-bench: %s: %s\n", what, strerror(result == -1 ? errno : -result));
  exit(1);
}

static void be_priority(int priority) {
  struct sched_param param = {.sched_priority = priority};
  (void)pthread_setschedparam(pthread_self(), priority == 0 ? SCHED_OTHER : SCHED_FIFO, &param);
}

static struct sockaddr_un socket_address(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof address.sun_path, "%.80s/notify", folder);
  return address;
}

/* Beats once when it is told to, and hangs. */
static void serve(int order, int index) {
  char byte;
  struct sockaddr_un to = socket_address();
  int voice = socket(AF_UNIX, SOCK_DGRAM, 0);
  // The beat must not have to wait for a processor; the death may.
  be_priority(VICTIM);
  (void)setsid();
  (void)!read(order, &byte, 1);
  atomic_store(&stamps[index], now());
  (void)sendto(voice, "WATCHDOG=1", 10, 0, (struct sockaddr *)&to, sizeof to);
  be_priority(0);
  for (;;) (void)pause();
}

static void start(struct victim *victim, int index) {
  int ends[2];
  must(pipe(ends), "pipe");
  atomic_store(&stamps[index], 0);
  victim->pid = must(fork(), "fork");
  if (victim->pid == 0) serve(ends[0], index);
  (void)close(ends[0]);
  victim->order = ends[1];
  victim->pidfd = must((int)syscall(SYS_pidfd_open, victim->pid, 0), "pidfd_open");
}

static void *kill_on_time(void *argument) {
  struct victim *victims = argument;
  for (int index = 0; index < AT_ONCE; index++) {
    while (atomic_load(&stamps[index]) == 0) sleep_until(now() + MS);
    sleep_until(atomic_load(&stamps[index]) + LIMIT);
    (void)syscall(SYS_pidfd_send_signal, victims[index].pidfd, SIGKILL, NULL, 0);
  }
  return NULL;
}

static struct guard *open_guard(bool recorded) {
  struct guard *guard = NULL;
  char path[256];
  struct guard_config config = {.countdowns = 64, .processes = 64, .ring_bytes = 1 << 20, .flags = GUARD_LOCK_OWN | GUARD_REALTIME};
  must(guard_open(&config, &guard), "open");
  (void)snprintf(path, sizeof path, "%s/notify", folder);
  must(guard_notify_open(guard, path, 0600), "notify");
  (void)snprintf(path, sizeof path, "%s/records", folder);
  if (recorded) must(guard_record_open(guard, path, ""), "records");
  return guard;
}

static void close_guard(struct guard *guard) {
  char path[256];
  must(guard_close(guard), "close");
  (void)snprintf(path, sizeof path, "%s/notify", folder);
  (void)unlink(path);
  (void)snprintf(path, sizeof path, "%s/records", folder);
  (void)unlink(path);
}

static void plan(struct guard *guard, const struct victim *victim) {
  guard_id process, countdown;
  must(guard_process_add(guard, victim->pid, 0, &process), "watch");
  must(guard_countdown_create(guard, &countdown), "create");
  must(guard_process_bind(guard, process, countdown), "bind");
  struct guard_plan asked = {
      .action = GUARD_TERMINATE,
      .flags = GUARD_PLAN_GROUP,
      .process = process,
      .kill_limit = 10000 * MS,
      .record_limit = 1000 * MS,
      .name = "victim",
  };
  must(guard_countdown_plan(guard, countdown, &asked), "plan");
  must(guard_countdown_arm(guard, countdown, LIMIT, LIMIT, NULL), "arm");
}

static void observe(struct victim *victims) {
  struct pollfd watched[AT_ONCE];
  int left = AT_ONCE;
  for (int index = 0; index < AT_ONCE; index++) watched[index] = (struct pollfd){.fd = victims[index].pidfd, .events = POLLIN};
  while (left > 0 && poll(watched, AT_ONCE, -1) > 0) {
    int64_t at = now();
    for (int index = 0; index < AT_ONCE; index++) {
      if (watched[index].fd < 0 || watched[index].revents == 0) continue;
      victims[index].died = at;
      watched[index].fd = -1;
      left--;
    }
  }
}

static void run_round(enum series series, double *out) {
  struct victim victims[AT_ONCE];
  pthread_t thread;
  be_priority(0);
  // Before the guard has its locked memory: a fork would copy that.
  for (int index = 0; index < AT_ONCE; index++) start(&victims[index], index);
  struct guard *guard = series == REFERENCE ? NULL : open_guard(series == RECORDED);
  if (guard == NULL) {
    must(-pthread_create(&thread, NULL, kill_on_time, victims), "thread");
    struct sched_param param = {.sched_priority = KILLER};
    (void)pthread_setschedparam(thread, SCHED_FIFO, &param);
  }
  be_priority(OBSERVER);
  int64_t begin = now();
  for (int index = 0; index < AT_ONCE; index++) {
    sleep_until(begin + index * APART);
    if (guard != NULL) plan(guard, &victims[index]);
    (void)!write(victims[index].order, "", 1);
  }
  observe(victims);
  if (guard == NULL) (void)pthread_join(thread, NULL);
  else close_guard(guard);
  for (int index = 0; index < AT_ONCE; index++) {
    out[index] = (double)(victims[index].died - atomic_load(&stamps[index]) - LIMIT) / 1e6;
    (void)close(victims[index].pidfd);
    (void)close(victims[index].order);
    (void)waitpid(victims[index].pid, NULL, 0);
  }
}

static void print_series(const char *name, const double *values, int count) {
  printf("{\"name\":\"%s\",\"values\":[", name);
  for (int index = 0; index < count; index++) printf("%s%.4f", index == 0 ? "" : ",", values[index]);
  printf("]}\n");
}

int main(int count, char **arguments) {
  static const char *const names[] = {"C reference, SCHED_FIFO", "guard alone, no record", "guard alone, record on disk first"};
  if (count < 2) {
    fprintf(stderr, "usage: alone-bench FOLDER [N]\n");
    return 64;
  }
  folder = arguments[1];
  int rounds = ((count > 2 ? atoi(arguments[2]) : 320) + AT_ONCE - 1) / AT_ONCE;
  stamps = mmap(NULL, AT_ONCE * sizeof *stamps, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  double *values[SERIES];
  for (int series = 0; series < SERIES; series++) values[series] = calloc((size_t)rounds * AT_ONCE, sizeof(double));
  // All take turns, so that each sees the same machine.
  for (int round = 0; round < rounds; round++) {
    for (int series = 0; series < SERIES; series++) run_round((enum series)series, values[series] + round * AT_ONCE);
  }
  for (int series = 0; series < SERIES; series++) print_series(names[series], values[series], rounds * AT_ONCE);
  return 0;
}
