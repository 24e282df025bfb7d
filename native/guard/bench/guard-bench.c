/*
 * What the guard costs and how exact it is, beside the same thing done in C without it. `guard-bench WHAT [N]` prints one line of JSON for each
 * series of values; bench/guard.mjs builds and runs it.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../guard.h"

#define MS INT64_C(1000000)
#define LIMIT (100 * MS)
/* Services that expire in one round, 3 ms apart. */
#define AT_ONCE 16
#define APART (3 * MS)

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

static void must(int result, const char *what) {
  if (result >= 0) return;
  fprintf(stderr, "guard-bench: %s: %s\n", what, strerror(result == -1 ? errno : -result));
  exit(1);
}

static struct guard *open_guard(uint32_t countdowns, bool realtime) {
  struct guard *guard = NULL;
  struct guard_config config = {.countdowns = countdowns, .processes = 1024, .ring_bytes = 16u << 20};
  config.flags = GUARD_LOCK_OWN | (realtime ? GUARD_REALTIME : 0);
  must(guard_open(&config, &guard), "open");
  return guard;
}

static void print_series(const char *name, const double *values, int count) {
  printf("{\"name\":\"%s\",\"values\":[", name);
  for (int index = 0; index < count; index++) printf("%s%.4f", index == 0 ? "" : ",", values[index]);
  printf("]}\n");
  (void)fflush(stdout);
}

static void print_number(const char *name, double value) {
  print_series(name, &value, 1);
}

/* Victims that die at once, as they need not wait for a processor: then only the killer is measured. */
static bool urgent_victims;

static pid_t start_victim(void) {
  pid_t child = fork();
  must(child, "fork");
  if (child != 0) return child;
  struct sched_param ordinary = {0};
  if (!urgent_victims) (void)sched_setscheduler(0, SCHED_OTHER, &ordinary);
  for (;;) (void)pause();
}

/* ---- Overshoot: death of the service - last beat - limit, in ms ---- */

struct victim {
  pid_t pid;
  int pidfd;
  int64_t due;
  int64_t died;
};

static void *kill_on_time(void *argument) {
  struct victim *victims = argument;
  for (int index = 0; index < AT_ONCE; index++) {
    sleep_until(victims[index].due);
    (void)syscall(SYS_pidfd_send_signal, victims[index].pidfd, SIGKILL, NULL, 0);
  }
  return NULL;
}

/* The observer runs above all others, so that what is measured is the death and not our seeing it. */
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

static void be_priority(int priority) {
  struct sched_param param = {.sched_priority = priority};
  (void)pthread_setschedparam(pthread_self(), priority == 0 ? SCHED_OTHER : SCHED_FIFO, &param);
}

static void expire_by_guard(struct victim *victims, struct guard *guard, guard_id *processes, guard_id *countdowns) {
  for (int index = 0; index < AT_ONCE; index++) {
    must(guard_process_add(guard, victims[index].pid, 0, &processes[index]), "watch");
    must(guard_countdown_create(guard, &countdowns[index]), "create");
    must(guard_countdown_fallback(guard, countdowns[index], processes[index], SIGKILL, 0), "fallback");
  }
  int64_t start = now();
  for (int index = 0; index < AT_ONCE; index++) {
    sleep_until(start + index * APART);
    must(guard_countdown_arm(guard, countdowns[index], LIMIT, LIMIT, NULL), "arm");
    must(guard_countdown_beat(guard, countdowns[index], NULL), "beat");
    victims[index].due = now() + LIMIT;
  }
}

static void expire_by_sleep(struct victim *victims, bool realtime, pthread_t *thread) {
  int64_t start = now();
  for (int index = 0; index < AT_ONCE; index++) victims[index].due = start + index * APART + LIMIT;
  must(-pthread_create(thread, NULL, kill_on_time, victims), "thread");
  struct sched_param param = {.sched_priority = realtime ? 50 : 0};
  (void)pthread_setschedparam(*thread, realtime ? SCHED_FIFO : SCHED_OTHER, &param);
}

static void overshoot_round(bool by_guard, bool realtime, double *out) {
  struct victim victims[AT_ONCE];
  guard_id processes[AT_ONCE];
  guard_id countdowns[AT_ONCE];
  pthread_t thread;
  // Before the guard has its locked memory: a fork would copy that.
  for (int index = 0; index < AT_ONCE; index++) {
    victims[index].pid = start_victim();
    victims[index].pidfd = (int)syscall(SYS_pidfd_open, victims[index].pid, 0);
    must(victims[index].pidfd, "pidfd_open");
  }
  // A thread begins with the priority of its maker.
  be_priority(0);
  struct guard *guard = by_guard ? open_guard(64, realtime) : NULL;
  if (!by_guard) expire_by_sleep(victims, realtime, &thread);
  be_priority(60);
  if (by_guard) expire_by_guard(victims, guard, processes, countdowns);
  observe(victims);
  if (by_guard) must(guard_close(guard), "close");
  else (void)pthread_join(thread, NULL);
  for (int index = 0; index < AT_ONCE; index++) {
    out[index] = (double)(victims[index].died - victims[index].due) / 1e6;
    (void)close(victims[index].pidfd);
    (void)waitpid(victims[index].pid, NULL, 0);
  }
}

static void overshoot(int count) {
  static const char *const names[] = {"C reference, SCHED_OTHER", "guard, SCHED_OTHER", "C reference, SCHED_FIFO", "guard, SCHED_FIFO"};
  int rounds = (count + AT_ONCE - 1) / AT_ONCE;
  double *values[4];
  for (int series = 0; series < 4; series++) values[series] = calloc((size_t)rounds * AT_ONCE, sizeof(double));
  be_priority(60);
  // All four take turns, so that each sees the same machine.
  for (int round = 0; round < rounds; round++) {
    for (int series = 0; series < 4; series++) overshoot_round(series % 2 == 1, series >= 2, values[series] + round * AT_ONCE);
  }
  be_priority(0);
  for (int series = 0; series < 4; series++) print_series(names[series], values[series], rounds * AT_ONCE);
}

/* ---- From SIGKILL to the exit observed, in ms ---- */

static void kill_to_exit(int count) {
  double *reference = calloc((size_t)count, sizeof(double));
  double *seen = calloc((size_t)count, sizeof(double));
  double *told = calloc((size_t)count, sizeof(double));
  struct guard *guard = open_guard(64, true);
  be_priority(50);
  static char text[GUARD_TEXT_MAX];
  for (int index = 0; index < count; index++) {
    pid_t pid = start_victim();
    struct pollfd poll_on = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    sleep_until(now() + 2 * MS);
    int64_t start = now();
    (void)syscall(SYS_pidfd_send_signal, poll_on.fd, SIGKILL, NULL, 0);
    (void)poll(&poll_on, 1, -1);
    reference[index] = (double)(now() - start) / 1e6;
    (void)close(poll_on.fd);
    (void)waitpid(pid, NULL, 0);

    struct guard_record record = {0};
    guard_id process = 0;
    uint64_t woken;
    pid = start_victim();
    must(guard_process_add(guard, pid, 0, &process), "watch");
    sleep_until(now() + 2 * MS);
    poll_on.fd = guard_wake_fd(guard);
    start = now();
    must(guard_process_signal(guard, process, SIGKILL), "signal");
    while (guard_process_ended(guard, process) != 1) (void)poll(&poll_on, 1, -1);
    told[index] = (double)(now() - start) / 1e6;
    (void)!read(poll_on.fd, &woken, sizeof woken);
    while (guard_read(guard, &record, text) == 1 && record.kind != GUARD_EXITED) {
    }
    seen[index] = (double)(record.value - start) / 1e6;
    must(guard_process_remove(guard, process), "forget");
    (void)waitpid(pid, NULL, 0);
  }
  be_priority(0);
  print_series("C reference: pidfd and poll, SCHED_FIFO", reference, count);
  print_series("guard: seen, and the countdown off", seen, count);
  print_series("guard: known to the owner, SCHED_FIFO", told, count);
  must(guard_close(guard), "close");
}

/* ---- A beat, in ns ---- */

static void beat(int count) {
  struct guard *guard = open_guard(64, true);
  guard_id id = 0;
  double clock_cost[20], beats[20];
  must(guard_countdown_create(guard, &id), "create");
  must(guard_countdown_arm(guard, id, 60000 * MS, 30000 * MS, NULL), "arm");
  for (int round = 0; round < 20; round++) {
    int64_t start = now();
    for (int index = 0; index < count; index++) (void)now();
    int64_t between = now();
    for (int index = 0; index < count; index++) (void)guard_countdown_quiet_beat(guard, id, NULL);
    beats[round] = (double)(now() - between) / count;
    clock_cost[round] = (double)(between - start) / count;
  }
  print_series("C reference: clock_gettime alone", clock_cost, 20);
  print_series("guard_countdown_quiet_beat", beats, 20);
  must(guard_close(guard), "close");
}

/* ---- Notify datagrams a second ---- */

static pid_t start_sender(const struct sockaddr_un *to, socklen_t size, int *gate) {
  pid_t pid = fork();
  must(pid, "fork");
  if (pid != 0) return pid;
  char go;
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  (void)!read(gate[0], &go, 1);
  must(connect(fd, (const struct sockaddr *)to, size), "connect");
  for (;;) (void)send(fd, "WATCHDOG=1", 10, 0);
}

static double thread_seconds(clockid_t clock) {
  struct timespec at;
  (void)clock_gettime(clock, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* Takes datagrams as fast as can be, with the credentials of their senders, and does nothing with them: what senders can do at most. */
static double drain_rate(int fd, int64_t end) {
  static char text[64][64];
  static _Alignas(struct cmsghdr) char control[64][CMSG_SPACE(sizeof(struct ucred))];
  struct mmsghdr headers[64];
  struct iovec vectors[64];
  int64_t count = 0;
  int64_t start = now();
  while (now() < end) {
    for (int index = 0; index < 64; index++) {
      vectors[index] = (struct iovec){.iov_base = text[index], .iov_len = sizeof text[index]};
      headers[index].msg_hdr = (struct msghdr){.msg_iov = &vectors[index], .msg_iovlen = 1};
      headers[index].msg_hdr.msg_control = control[index];
      headers[index].msg_hdr.msg_controllen = sizeof control[index];
    }
    int taken = recvmmsg(fd, headers, 64, MSG_WAITFORONE, NULL);
    if (taken > 0) count += taken;
  }
  return (double)count / ((double)(now() - start) / 1e9);
}

static void notify(int senders) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  char path[64], name[96];
  for (int by_guard = 0; by_guard < 2; by_guard++) {
    int length = snprintf(path, sizeof path, "@hangdog-bench-%d-%d", (int)getpid(), by_guard);
    memcpy(to.sun_path + 1, path + 1, (size_t)length - 1);
    to.sun_path[0] = '\0';
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length);
    pid_t pids[8];
    int gate[2];
    must(pipe(gate), "pipe");
    for (int index = 0; index < senders; index++) pids[index] = start_sender(&to, size, gate);
    struct guard_counters before = {0}, after = {0};
    double rate = 0, cpu = 0;
    if (by_guard == 0) {
      int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
      int on = 1;
      must(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), "credentials");
      must(bind(fd, (struct sockaddr *)&to, size), "bind");
      (void)!write(gate[1], "12345678", (size_t)senders);
      rate = drain_rate(fd, now() + 3000 * MS);
      (void)close(fd);
    } else {
      struct guard *guard = open_guard(64, false);
      must(guard_notify_open(guard, path, 0600), "notify");
      for (int index = 0; index < senders; index++) {
        guard_id process = 0, id = 0;
        must(guard_process_add(guard, pids[index], 0, &process), "watch");
        must(guard_countdown_create(guard, &id), "create");
        must(guard_process_bind(guard, process, id), "bind");
        must(guard_countdown_arm(guard, id, 60000 * MS, 60000 * MS, NULL), "arm");
        must(guard_countdown_quiet_beat(guard, id, NULL), "beat");
      }
      (void)!write(gate[1], "12345678", (size_t)senders);
      double used = thread_seconds(CLOCK_PROCESS_CPUTIME_ID);
      int64_t start = now();
      must(guard_counters(guard, &before), "counters");
      sleep_until(start + 3000 * MS);
      must(guard_counters(guard, &after), "counters");
      rate = (double)(after.beats - before.beats) / ((double)(now() - start) / 1e9);
      cpu = (thread_seconds(CLOCK_PROCESS_CPUTIME_ID) - used) / (double)(after.datagrams - before.datagrams) * 1e9;
      must(guard_close(guard), "close");
    }
    for (int index = 0; index < senders; index++) {
      (void)kill(pids[index], SIGKILL);
      (void)waitpid(pids[index], NULL, 0);
    }
    (void)close(gate[0]);
    (void)close(gate[1]);
    (void)snprintf(name, sizeof name, "%s, %d sender(s): datagrams/s", by_guard ? "guard" : "bare recvmmsg", senders);
    print_number(name, rate);
    if (by_guard) print_number("  guard: ns of CPU a datagram", cpu);
    if (by_guard) print_number("  guard: records for the owner", (double)(after.messages - before.messages));
  }
}

/* ---- 100,000 services at a beat a second each ---- */

static double resident_megabytes(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1) return -1;
  (void)fclose(file);
  return (double)pages * 4096 / 1e6;
}

static void scale(int count) {
  guard_id *ids = calloc((size_t)count, sizeof *ids);
  memset(ids, 1, (size_t)count * sizeof *ids);
  double before = resident_megabytes();
  struct guard *guard = open_guard((uint32_t)count, true);
  for (int index = 0; index < count; index++) {
    must(guard_countdown_create(guard, &ids[index]), "create");
    must(guard_countdown_arm(guard, ids[index], 6000 * MS, 3000 * MS, NULL), "arm");
  }
  print_number("memory, MB", resident_megabytes() - before);
  double used = thread_seconds(CLOCK_PROCESS_CPUTIME_ID);
  double own = thread_seconds(CLOCK_THREAD_CPUTIME_ID);
  int64_t start = now();
  // A hundredth of them every 10 ms, for ten seconds.
  for (int slice = 0; slice < 1000; slice++) {
    for (int index = slice % 100; index < count; index += 100) (void)guard_countdown_quiet_beat(guard, ids[index], NULL);
    sleep_until(start + slice * 10 * MS);
  }
  double seconds = (double)(now() - start) / 1e9;
  double beater = thread_seconds(CLOCK_THREAD_CPUTIME_ID) - own;
  print_number("CPU of the guard's thread, % of a core", (thread_seconds(CLOCK_PROCESS_CPUTIME_ID) - used - beater) / seconds * 100);
  print_number("CPU of whoever beats, % of a core", beater / seconds * 100);
  static char text[GUARD_TEXT_MAX];
  struct guard_record record;
  int notices = 0;
  while (guard_read(guard, &record, text) == 1) notices += record.kind != GUARD_STALL;
  print_number("warnings and expiries (none are due)", notices);
  must(guard_close(guard), "close");
}

int main(int count, char **arguments) {
  const char *what = count > 1 ? arguments[1] : "";
  int number = count > 2 ? atoi(arguments[2]) : 1000;
  urgent_victims = strcmp(what, "overshoot-urgent") == 0;
  if (strcmp(what, "overshoot") == 0 || urgent_victims) overshoot(number);
  else if (strcmp(what, "kill") == 0) kill_to_exit(number);
  else if (strcmp(what, "beat") == 0) beat(number * 1000);
  else if (strcmp(what, "notify") == 0) notify(number > 8 ? 8 : number);
  else if (strcmp(what, "scale") == 0) scale(number);
  else fprintf(stderr, "usage: guard-bench overshoot|overshoot-urgent|kill|beat|notify|scale [N]\n");
  return 0;
}
