/*
 * What a heartbeat through shared memory costs, and what it costs the guard. `page-bench WHAT [N]` prints one line of JSON for each series of
 * values; bench/page.mjs builds and runs it.
 */
#include "../../include/hangdog.h"

#include <sched.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "../guard.h"

#define MS INT64_C(1000000)
#define LIMIT (6000 * MS)
#define ROUNDS 500

static int64_t clock_of(clockid_t clock) {
  struct timespec at;
  (void)clock_gettime(clock, &at);
  return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static int64_t now(void) {
  return clock_of(CLOCK_MONOTONIC);
}

static void sleep_until(int64_t at) {
  struct timespec to = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &to, NULL) == EINTR) {
  }
}

static void must(int result, const char *what) {
  if (result >= 0) return;
  fprintf(stderr, "page-bench: %s: %s\n", what, strerror(result == -1 ? errno : -result));
  exit(1);
}

static void print_series(const char *name, const double *values, int count) {
  printf("{\"name\":\"%s\",\"values\":[", name);
  for (int index = 0; index < count; index++) printf("%s%.3f", index == 0 ? "" : ",", values[index]);
  printf("]}\n");
  (void)fflush(stdout);
}

static void print_number(const char *name, double value) {
  print_series(name, &value, 1);
}

static struct guard *open_guard(uint32_t countdowns) {
  struct guard *guard = NULL;
  struct guard_config config = {.countdowns = countdowns, .processes = 64, .ring_bytes = 16u << 20};
  config.flags = GUARD_LOCK_OWN | GUARD_REALTIME;
  must(guard_open(&config, &guard), "open");
  return guard;
}

static void set_page(int fd, int lines) {
  char text[64];
  (void)snprintf(text, sizeof text, "%d:0:%d", fd, lines);
  (void)setenv("HANGDOG_PAGE", text, 1);
}

/* ---- A beat, in ns ---- */

static struct hangdog hangdog;
static uint64_t word;

static void nothing(int count) {
  for (int index = 0; index < count; index++) __asm__ volatile("" : : : "memory");
}

static void store(int count) {
  for (int index = 0; index < count; index++) __atomic_store_n(&word, (uint64_t)index, __ATOMIC_RELEASE);
}

static void read_coarse(int count) {
  struct timespec at;
  for (int index = 0; index < count; index++) (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &at);
}

static void read_exact(int count) {
  struct timespec at;
  for (int index = 0; index < count; index++) (void)clock_gettime(CLOCK_MONOTONIC, &at);
}

static void beat_page(int count) {
  for (int index = 0; index < count; index++) hangdog_beat(&hangdog);
}

static void system_call(int count) {
  for (int index = 0; index < count; index++) (void)getppid();
}

static void beat(int count) {
  static const struct {
    const char *name;
    void (*run)(int);
  } loops[] = {
      {"an empty loop", nothing},
      {"a store", store},
      {"clock_gettime, CLOCK_MONOTONIC_COARSE", read_coarse},
      {"clock_gettime, CLOCK_MONOTONIC", read_exact},
      {"a system call (getppid)", system_call},
      {"hangdog_beat", beat_page},
  };
  enum { LOOPS = sizeof loops / sizeof *loops };
  static double values[LOOPS][ROUNDS];
  struct guard *guard = open_guard(16);
  guard_id page = 0, id = 0;
  int fd = -1;
  must(guard_page_open(guard, 63, &page, &fd), "page");
  must(guard_countdown_create(guard, &id), "create");
  must(guard_page_bind(guard, page, 0, id), "bind");
  must(guard_countdown_arm(guard, id, LIMIT, LIMIT / 2, NULL), "arm");
  must(guard_countdown_quiet_beat(guard, id, NULL), "beat");
  set_page(fd, 63);
  must(hangdog_open(&hangdog), "client");
  for (int round = -5; round < ROUNDS; round++) {
    // All take turns, so that each sees the same machine. The first rounds warm up.
    for (int loop = 0; loop < LOOPS; loop++) {
      int64_t start = now();
      loops[loop].run(count);
      if (round >= 0) values[loop][round] = (double)(now() - start) / count;
    }
  }
  for (int loop = 0; loop < LOOPS; loop++) print_series(loops[loop].name, values[loop], ROUNDS);
  must(guard_close(guard), "close");
}

/* ---- Many services, at a beat a second each ---- */

static double resident_megabytes(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1) return -1;
  (void)fclose(file);
  return (double)pages * 4096 / 1e6;
}

/* A hundredth of them every 10 ms. */
static _Noreturn void beat_for_all(int count) {
  must(hangdog_open(&hangdog), "client");
  int64_t start = now();
  for (int64_t slice = 0;; slice++) {
    for (int index = (int)(slice % 100); index < count; index += 100) hangdog_beat_line(&hangdog, index);
    sleep_until(start + slice * 10 * MS);
  }
}

static int take(struct guard *guard, uint32_t kind, int64_t *last) {
  static char text[GUARD_TEXT_MAX];
  struct guard_record record;
  int count = 0;
  while (guard_read(guard, &record, text) == 1) {
    if (record.kind != kind) continue;
    count++;
    *last = now();
  }
  return count;
}

static void watch_all(struct guard *guard, guard_id page, guard_id *ids, int count) {
  for (int index = 0; index < count; index++) {
    must(guard_countdown_create(guard, &ids[index]), "create");
    must(guard_page_bind(guard, page, (uint32_t)index, ids[index]), "bind");
    must(guard_countdown_arm(guard, ids[index], LIMIT, LIMIT / 2, NULL), "arm");
    must(guard_countdown_quiet_beat(guard, ids[index], NULL), "beat");
  }
}

static void scale(int count) {
  guard_id *ids = calloc((size_t)count, sizeof *ids);
  memset(ids, 1, (size_t)count * sizeof *ids);
  double before = resident_megabytes();
  struct guard *guard = open_guard((uint32_t)count);
  guard_id page = 0;
  int fd = -1;
  int64_t ignored = 0;
  must(guard_page_open(guard, (uint32_t)count, &page, &fd), "page");
  set_page(fd, count);
  pid_t beater = fork();
  must(beater, "fork");
  if (beater == 0) beat_for_all(count);
  sleep_until(now() + 1500 * MS);
  watch_all(guard, page, ids, count);
  sleep_until(now() + 3000 * MS);
  (void)take(guard, GUARD_EXPIRED, &ignored);
  struct guard_counters first = {0}, last = {0};
  double used[10];
  must(guard_counters(guard, &first), "counters");
  for (int second = 0; second < 10; second++) {
    int64_t cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    int64_t start = now();
    sleep_until(start + 1000 * MS);
    used[second] = (double)(clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)(now() - start) * 100;
  }
  must(guard_counters(guard, &last), "counters");
  print_series("CPU of the guard, % of a core, in each of ten seconds", used, 10);
  print_number("memory of the guard and its page, MB", resident_megabytes() - before);
  print_number("turns of the guard a second", (double)(last.turns - first.turns) / 10);
  print_number("expiries while all beat", take(guard, GUARD_EXPIRED, &ignored));
  (void)kill(beater, SIGKILL);
  (void)waitpid(beater, NULL, 0);
  int64_t silent = now();
  int64_t end = silent;
  int expired = 0;
  while (expired < count && now() < silent + 3 * LIMIT) {
    expired += take(guard, GUARD_EXPIRED, &end);
    sleep_until(now() + MS);
  }
  print_number("expiries when all fall silent", expired);
  print_number("from the kill of all to the last of them, s", (double)(end - silent) / 1e9);
  must(guard_close(guard), "close");
}

/* ---- A page for each service ---- */

static void isolated(int count) {
  double before = resident_megabytes();
  struct guard *guard = open_guard((uint32_t)count);
  double *opened = calloc((size_t)count, sizeof *opened);
  double own = resident_megabytes() - before;
  for (int index = 0; index < count; index++) {
    guard_id page = 0, id = 0;
    int fd = -1;
    int64_t start = now();
    must(guard_page_open(guard, 63, &page, &fd), "page");
    opened[index] = (double)(now() - start) / 1e3;
    must(guard_countdown_create(guard, &id), "create");
    must(guard_page_bind(guard, page, 0, id), "bind");
    must(guard_countdown_arm(guard, id, LIMIT, LIMIT / 2, NULL), "arm");
    must(guard_countdown_quiet_beat(guard, id, NULL), "beat");
    must(close(fd), "file");
  }
  print_series("guard_page_open, us", opened, count);
  print_number("memory of the guard and all pages, MB", resident_megabytes() - before - own);
  must(guard_close(guard), "close");
}

int main(int count, char **arguments) {
  const char *what = count > 1 ? arguments[1] : "";
  int number = count > 2 ? atoi(arguments[2]) : 1000;
  if (strcmp(what, "beat") == 0) beat(number);
  else if (strcmp(what, "scale") == 0) scale(number);
  else if (strcmp(what, "isolated") == 0) isolated(number);
  else fprintf(stderr, "usage: page-bench beat|scale|isolated [N]\n");
  return 0;
}
