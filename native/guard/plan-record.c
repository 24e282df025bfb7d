/* The texts of records: lines KEY=VALUE, one to a fact. native/README.md lists the keys. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "plan.h"

#define MILLISECOND INT64_C(1000000)
/* Kept free for the last line. */
#define OUTCOME_ROOM 48
/* Of a service in an incident's name. */
#define LABEL_MAX 40

/* Wall time, in parts. gmtime_r is not used: it takes a lock of the C library under which others read files. */
struct moment {
  int year, month, day, hour, minute, second, millisecond;
};

static struct moment wall_time(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_REALTIME, &now);
  int64_t days = now.tv_sec / 86400;
  int rest = (int)(now.tv_sec % 86400);
  // Years that begin in March put the leap day last; an era is 400 of them. Day 0 is 1 March of the year 0.
  int64_t shifted = days + 719468;
  int64_t era = shifted / 146097;
  int64_t of_era = shifted % 146097;
  int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  int64_t month = (5 * of_year + 2) / 153;
  struct moment at = {
      .year = (int)(year + era * 400 + (month >= 10 ? 1 : 0)),
      .month = (int)(month < 10 ? month + 3 : month - 9),
      .day = (int)(of_year - (153 * month + 2) / 5 + 1),
      .hour = rest / 3600,
      .minute = rest / 60 % 60,
      .second = rest % 60,
      .millisecond = (int)(now.tv_nsec / MILLISECOND),
  };
  return at;
}

/* ISO 8601. */
static void print_time(char *text, size_t size) {
  struct moment at = wall_time();
  (void)snprintf(text, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", at.year, at.month, at.day, at.hour, at.minute, at.second,
                 at.millisecond);
}

/* Names an incident as src/incident/incident-file.ts does. */
static void print_id(char *text, size_t size, const char *name) {
  struct moment at = wall_time();
  char label[LABEL_MAX + 1];
  unsigned char random[3] = {0};
  size_t length = 0;
  bool gap = false;
  for (; *name != '\0' && length < LABEL_MAX; name++) {
    bool safe = (*name >= 'A' && *name <= 'Z') || (*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9') ||
                *name == '_' || *name == '-';
    if (safe || !gap) label[length++] = *name == '\0' || !safe ? '_' : *name;
    gap = !safe;
  }
  label[length] = '\0';
  (void)!getrandom(random, sizeof random, GRND_NONBLOCK);
  (void)snprintf(text, size, "%04d%02d%02dT%02d%02d%02d%03dZ-%s-%02x%02x%02x", at.year, at.month, at.day, at.hour, at.minute,
                 at.second, at.millisecond, label, random[0], random[1], random[2]);
}

/* Adds a line to the record, if it finds room. */
static void add(struct guard *guard, struct plan *plan, const char *line, size_t room) {
  char text[GUARD_RECORD_MAX + 1];
  if (plan->slot == 0) return;
  int length = recorder_text(guard->recorder, plan->slot - 1, text);
  size_t more = strlen(line);
  if (length < 0 || (size_t)length + more > room) return;
  memcpy(text + length, line, more);
  recorder_put(guard->recorder, plan->slot - 1, text, (uint32_t)length + (uint32_t)more);
}

void record_begin(struct guard *guard, struct countdown *countdown, const struct plan_sample *sample) {
  struct plan *plan = plan_of(guard, countdown);
  struct watched *process = process_find(guard, plan->process);
  char id[96], at[32], text[GUARD_RECORD_MAX + 1];
  if (guard->recorder == NULL || plan->slot != 0) return;
  guard_id owner = make_id((uint32_t)(countdown - guard->countdowns), atomic_load(&countdown->tenant));
  int slot = recorder_take(guard->recorder, owner);
  if (slot < 0) return;
  plan->slot = (uint32_t)slot + 1;
  print_id(id, sizeof id, plan->name);
  print_time(at, sizeof at);
  int64_t silent = awake_clock_peek(&guard->clock) - atomic_load(&countdown->since);
  int length = snprintf(text, sizeof text, "id=%s\nat=%s\nservice=%s\npid=%d\nlimit-ms=%lld\nsilent-ms=%lld\naction=%d\nstate=%c\n%s",
                        id, at, plan->name, process == NULL ? 0 : process->pid, (long long)(countdown->limit / MILLISECOND),
                        (long long)(silent / MILLISECOND), plan->action, sample->state == 0 ? '?' : sample->state, plan->about);
  recorder_put(guard->recorder, plan->slot - 1, text, (uint32_t)length);
  record_step(guard, plan, "the guard acts: hangdog did not answer within its time");
}

void record_step(struct guard *guard, struct plan *plan, const char *format, ...) {
  char at[32], said[192], line[256];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(said, sizeof said, format, arguments);
  va_end(arguments);
  print_time(at, sizeof at);
  (void)snprintf(line, sizeof line, "step=%s %s\n", at, said);
  add(guard, plan, line, GUARD_RECORD_MAX - OUTCOME_ROOM);
}

void record_outcome(struct guard *guard, struct plan *plan, const char *outcome) {
  char line[OUTCOME_ROOM];
  if (plan->slot == 0) return;
  (void)snprintf(line, sizeof line, "outcome=%s\n", outcome);
  add(guard, plan, line, GUARD_RECORD_MAX);
  recorder_let_go(guard->recorder, plan->slot - 1);
}

void record_identity(struct guard *guard, const struct plan *plan, char *id, size_t size) {
  char text[GUARD_RECORD_MAX + 1];
  (void)snprintf(id, size, "unwritten");
  if (plan->slot == 0 || recorder_text(guard->recorder, plan->slot - 1, text) < 0) return;
  // The first line.
  char *end = strchr(text, '\n');
  if (end == NULL || strncmp(text, "id=", 3) != 0) return;
  *end = '\0';
  (void)snprintf(id, size, "%s", text + 3);
}

void record_in_kernel_log(struct guard *guard, int level, const char *format, ...) {
  char said[256], line[300];
  va_list arguments;
  if (guard->machine.kernel_log == 0) return;
  va_start(arguments, format);
  (void)vsnprintf(said, sizeof said, format, arguments);
  va_end(arguments);
  int length = snprintf(line, sizeof line, "<%d>hangdog: %s\n", level, said);
  (void)!write(guard->machine.kernel_log, line, (size_t)length);
}
