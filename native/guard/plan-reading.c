/* What a silent process is judged by before the guard acts: the rules are those of src/watch/verdict.ts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan.h"

/* The kernel gives user space times in hundredths of a second on every architecture (USER_HZ). */
#define CLOCK_TICK INT64_C(10000000)
#define MICROSECOND INT64_C(1000)

/* Reads a small kernel file from its start. Returns its length, with a NUL behind it, or -1. */
static int read_start(int file, char *text, size_t size) {
  ssize_t length = pread(file, text, size - 1, 0);
  if (length < 0) return -1;
  text[length] = '\0';
  return (int)length;
}

/* The state letter and the CPU time of /proc/PID/stat. */
static bool read_stat(const char *text, char *state, int64_t *cpu) {
  // The second field is a name in brackets that may itself hold brackets and spaces.
  const char *at = strrchr(text, ')');
  if (at == NULL || at[1] != ' ') return false;
  *state = at[2];
  at++;
  for (int field = 2; at != NULL && field < 14; field++) at = strchr(at + 1, ' ');
  if (at == NULL) return false;
  char *next = NULL;
  int64_t user = strtoll(at + 1, &next, 10);
  *cpu = (user + strtoll(next, NULL, 10)) * CLOCK_TICK;
  return true;
}

/* How long the main thread has waited for a CPU. */
static bool read_wait(int32_t pid, int64_t *wait) {
  char path[64];
  char text[128];
  (void)snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  int length = read_start(file, text, sizeof text);
  (void)close(file);
  const char *second = length > 0 ? strchr(text, ' ') : NULL;
  if (second == NULL) return false;
  *wait = strtoll(second + 1, NULL, 10);
  return true;
}

/* Total of the line `some`. */
static bool read_pressure(int file, int64_t *pressure) {
  char text[256];
  if (file == 0 || read_start(file, text, sizeof text) <= 0) return false;
  const char *total = strstr(text, "total=");
  if (total == NULL || strncmp(text, "some ", 5) != 0) return false;
  *pressure = strtoll(total + 6, NULL, 10) * MICROSECOND;
  return true;
}

struct plan_sample plan_sample(struct guard *guard, const struct plan *plan, int64_t now) {
  struct plan_sample sample = {.at = now};
  struct watched *process = process_find(guard, plan->process);
  char text[1024];
  if (process == NULL || plan->stat_file == 0 || read_start(plan->stat_file, text, sizeof text) <= 0) return sample;
  if (!read_stat(text, &sample.state, &sample.cpu)) return sample;
  sample.complete = read_wait(process->pid, &sample.wait) && read_pressure(guard->machine.pressure, &sample.pressure);
  return sample;
}

/* The whole group stands still, or is about to; by cgroup.events of v2, or freezer.state of v1. */
static bool says_frozen(int file) {
  char text[256];
  if (file == 0 || read_start(file, text, sizeof text) <= 0) return false;
  return strncmp(text, "FR", 2) == 0 || strstr(text, "frozen 1") != NULL;
}

/* Nobody runs rather than this one service hangs. */
static bool is_starved(const struct plan_sample *before, const struct plan_sample *now) {
  if (!before->complete || !now->complete || now->at <= before->at) return false;
  int64_t span = now->at - before->at;
  return now->wait - before->wait >= span / 10 * 8 && now->pressure - before->pressure >= span / 10 * 8 &&
         now->cpu - before->cpu <= span / 10;
}

uint32_t plan_hold(const struct plan *plan, const struct plan_sample *sample) {
  if (says_frozen(plan->freezer_file) || says_frozen(plan->events_file)) return GUARD_HELD_FROZEN;
  if (sample->state == 't') return GUARD_HELD_TRACED;
  if (sample->state == 'T') return GUARD_HELD_STOPPED;
  return is_starved(&plan->before, sample) ? GUARD_HELD_STARVED : GUARD_NOT_HELD;
}

bool plan_group_empty(const struct plan *plan) {
  char text[256];
  if (plan->events_file == 0) return true;
  int length = read_start(plan->events_file, text, sizeof text);
  // A group that is gone is empty.
  return length < 0 ? errno == ENODEV : strstr(text, "populated 1") == NULL;
}
