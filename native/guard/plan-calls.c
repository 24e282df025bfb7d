/* What the owner can ask about plans, records and the machine: arguments are checked here, files opened, and the lock taken. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan.h"

/* The lock, which the decision path takes, is never held while a file is opened. */
int plan_open_file(const char *path, int flags) {
  int file = open(path, flags | O_CLOEXEC | O_NONBLOCK);
  if (file != 0) return file < 0 ? -errno : file;
  int high = fcntl(file, F_DUPFD_CLOEXEC, 3);
  int error = errno;
  (void)close(file);
  return high < 0 ? -error : high;
}

void plan_close_file(int *file) {
  if (*file > 0) (void)close(*file);
  *file = 0;
}

/* As above; 0 when there is none. */
static int open_if_any(const char *path, int flags) {
  int file = path == NULL ? 0 : plan_open_file(path, flags);
  return file < 0 ? 0 : file;
}

static void close_files(struct plan *plan) {
  plan_close_file(&plan->stat_file);
  plan_close_file(&plan->kill_file);
  plan_close_file(&plan->events_file);
  plan_close_file(&plan->freezer_file);
}

static bool is_span(int64_t span) {
  return span >= 0 && span <= GUARD_LIMIT_MAX;
}

static bool is_name(const char *name) {
  return name != NULL && name[0] != '\0' && strlen(name) <= GUARD_NAME_MAX && strchr(name, '\n') == NULL;
}

/* Nothing, or whole lines. */
static bool is_about(const char *about) {
  if (about == NULL || about[0] == '\0') return true;
  size_t length = strlen(about);
  return length <= GUARD_ABOUT_MAX && about[length - 1] == '\n';
}

static bool is_sound(const struct guard_plan *plan) {
  for (int hold = 0; hold < GUARD_HOLDS; hold++) {
    if (!is_span(plan->holds[hold])) return false;
  }
  return plan->action <= GUARD_BUGCHECK && (plan->flags & ~(uint32_t)(GUARD_PLAN_GROUP | GUARD_PLAN_ESCALATE)) == 0 &&
         plan->signal >= 0 && plan->signal <= SIGRTMAX && is_span(plan->budget) && is_span(plan->grace) &&
         is_span(plan->kill_limit) && plan->kill_limit > 0 && is_span(plan->record_limit) && is_name(plan->name) &&
         is_about(plan->about);
}

static int open_beside(const char *directory, const char *name, int flags) {
  char path[512];
  if (directory == NULL) return 0;
  int length = snprintf(path, sizeof path, "%s/%s", directory, name);
  return length < (int)sizeof path ? open_if_any(path, flags) : 0;
}

static struct plan describe(const struct guard_plan *asked, int32_t pid) {
  struct plan plan = {
      .process = asked->process,
      .budget = asked->budget,
      .grace = asked->grace,
      .kill_limit = asked->kill_limit,
      .record_limit = asked->record_limit,
      .signal = asked->signal,
      .action = (uint8_t)asked->action,
      .flags = (uint8_t)asked->flags,
  };
  char path[64];
  memcpy(plan.holds, asked->holds, sizeof plan.holds);
  (void)snprintf(plan.name, sizeof plan.name, "%s", asked->name);
  (void)snprintf(plan.about, sizeof plan.about, "%s", asked->about == NULL ? "" : asked->about);
  (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
  plan.stat_file = open_if_any(path, O_RDONLY);
  plan.kill_file = open_beside(asked->group, "cgroup.kill", O_WRONLY);
  plan.events_file = open_beside(asked->group, "cgroup.events", O_RDONLY);
  plan.freezer_file = open_if_any(asked->freezer, O_RDONLY);
  return plan;
}

/* Takes the place of the plan that was. What was said and heard of the same process still counts. */
static int put(struct guard *guard, guard_id id, struct plan *made) {
  struct countdown *countdown = countdown_find(guard, id);
  if (countdown == NULL) return -ENOENT;
  struct plan *plan = plan_of(guard, countdown);
  if (countdown->planned && plan->phase >= PLAN_RECORDING) return -EBUSY;
  struct plan before = *plan;
  bool same = countdown->planned && before.process == made->process && made->action != GUARD_NOTHING;
  if (made->action != GUARD_NOTHING || countdown->planned) *plan = *made;
  if (same) {
    plan->owner_first = before.owner_first;
    plan->before = before.before;
    plan->phase = before.phase;
    plan->slot = before.slot;
    plan->until = before.until;
    plan->expired_at = before.expired_at;
    plan->looked_at = before.looked_at;
    plan->starved = before.starved;
    plan->held_for = before.held_for;
    memcpy(plan->held, before.held, sizeof plan->held);
  } else {
    atomic_store(&countdown->heard, HEARD_BY_OWNER);
    if (countdown->planned && before.phase != PLAN_IDLE) countdown_look_at(guard, countdown, INT64_MAX);
  }
  countdown->planned = made->action != GUARD_NOTHING;
  // What is to be closed goes back to the caller, who does not hold the lock.
  *made = before;
  return 0;
}

int guard_countdown_plan(struct guard *guard, guard_id id, const struct guard_plan *asked) {
  if (guard == NULL || asked == NULL || (asked->action != GUARD_NOTHING && !is_sound(asked))) return -EINVAL;
  struct plan made = {0};
  if (asked->action != GUARD_NOTHING) {
    guard_lock(guard);
    struct watched *process = process_find(guard, asked->process);
    int32_t pid = process == NULL || process->ended ? 0 : process->pid;
    guard_unlock(guard);
    if (pid == 0) return -ESRCH;
    made = describe(asked, pid);
  }
  int got = (made.kill_file != 0 ? GUARD_GOT_GROUP : 0) | (made.freezer_file != 0 ? GUARD_GOT_FREEZER : 0);
  guard_lock(guard);
  int result = put(guard, id, &made);
  guard_unlock(guard);
  close_files(&made);
  return result == 0 ? got : result;
}

int guard_countdown_lease(struct guard *guard, guard_id id, int64_t span) {
  if (guard == NULL || !is_span(span)) return -EINVAL;
  int result = 0;
  guard_lock(guard);
  struct countdown *countdown = countdown_find(guard, id);
  uint32_t mode = countdown == NULL ? GUARD_DISARMED : atomic_load(&countdown->mode);
  if (countdown == NULL) result = -ENOENT;
  else if (mode == GUARD_BUSY) result = -EBUSY;
  else if (mode != GUARD_LEASED && (mode != GUARD_DISARMED || span == 0)) result = -ENODATA;
  else if (span > 0 && !plan_applies(guard, countdown)) result = -ENODATA;
  else countdown_lease(guard, countdown, span);
  guard_unlock(guard);
  return result;
}

static void take_over(struct guard *guard, struct countdown *countdown) {
  struct plan *plan = plan_of(guard, countdown);
  uint32_t mode = atomic_load(&countdown->mode);
  bool waits = plan->phase == PLAN_IDLE || plan->phase == PLAN_BUDGET;
  atomic_store(&countdown->heard, HEARD_BY_GUARD);
  if (mode == GUARD_LEASED && waits) countdown_lease(guard, countdown, plan->budget + 1);
  if (mode != GUARD_OVERDUE || !waits || !plan_applies(guard, countdown)) return;
  // An expiry that was left to the owner is looked at by nobody until here.
  if (guard->due.size == 0) awake_clock_resume(&guard->clock);
  int64_t now = awake_clock_peek(&guard->clock);
  plan_expired(guard, countdown, now);
  countdowns_schedule(guard, now);
}

int guard_countdown_unowned(struct guard *guard, guard_id id) {
  if (guard == NULL) return -EINVAL;
  guard_lock(guard);
  struct countdown *countdown = countdown_find(guard, id);
  int result = countdown == NULL ? -ENOENT : countdown->planned ? 0 : -ENODATA;
  if (result == 0) take_over(guard, countdown);
  guard_unlock(guard);
  return result;
}

void plan_dispose(struct guard *guard, struct countdown *countdown) {
  if (!countdown->planned) return;
  struct plan *plan = plan_of(guard, countdown);
  close_files(plan);
  memset(plan, 0, sizeof *plan);
  countdown->planned = false;
  atomic_store(&countdown->heard, HEARD_BY_OWNER);
}

void plans_close(struct guard *guard) {
  for (uint32_t place = 0; place < guard->countdowns_touched; place++) {
    if (guard->countdowns[place].planned) close_files(&guard->plans[place]);
  }
}

/* ---- What the service says ---- */

static bool begins(const char *line, size_t length, const char *with) {
  size_t wanted = strlen(with);
  return length >= wanted && memcmp(line, with, wanted) == 0;
}

/* More time is given at once, as the owner may be long in reading; what else changes its watch is for the owner to judge. */
static void take_line(struct guard *guard, struct countdown *countdown, const char *line, size_t length) {
  static const char extend[] = "EXTEND_TIMEOUT_USEC=";
  struct plan *plan = plan_of(guard, countdown);
  if (begins(line, length, "STOPPING=1") || begins(line, length, "WATCHDOG_USEC=")) plan->owner_first = true;
  if (!begins(line, length, extend)) return;
  struct guard_countdown_reading reading;
  char digits[20] = {0};
  size_t count = length - (sizeof extend - 1);
  memcpy(digits, line + sizeof extend - 1, count < sizeof digits ? count : sizeof digits - 1);
  unsigned long long microseconds = strtoull(digits, NULL, 10);
  int64_t span = microseconds < (unsigned long long)GUARD_LIMIT_MAX / 1000 ? (int64_t)microseconds * 1000 : GUARD_LIMIT_MAX;
  countdown_read(guard, countdown, &reading);
  bool runs = reading.state == GUARD_ARMED || reading.state == GUARD_WARNED;
  if (runs && span > reading.remaining) countdown_extend(guard, countdown, span - reading.remaining);
}

void plan_message(struct guard *guard, struct countdown *countdown, const char *text, size_t length) {
  if (!countdown->planned) return;
  for (size_t start = 0; start < length;) {
    const char *newline = memchr(text + start, '\n', length - start);
    size_t size = newline == NULL ? length - start : (size_t)(newline - (text + start));
    take_line(guard, countdown, text + start, size);
    start += size + 1;
  }
}

/* ---- Records ---- */

int guard_record_open(struct guard *guard, const char *path, const char *head) {
  if (guard == NULL || path == NULL || head == NULL || strlen(head) > GUARD_HEAD_MAX) return -EINVAL;
  if (guard->recorder != NULL) return -EBUSY;
  struct recorder *recorder = NULL;
  int result = recorder_open(path, head, guard->kick, &recorder);
  if (result != 0) return result;
  if (guard->strength.realtime == 0)
    recorder_become_realtime(recorder, guard->config.priority == 0 ? GUARD_DEFAULT_PRIORITY : guard->config.priority);
  guard_lock(guard);
  guard->recorder = recorder;
  guard_unlock(guard);
  return 0;
}

int guard_record_text(struct guard *guard, uint32_t slot, char *text) {
  if (guard == NULL || slot >= GUARD_SLOTS || text == NULL) return -EINVAL;
  return guard->recorder == NULL ? -ENOENT : recorder_text(guard->recorder, slot, text);
}

int guard_record_free(struct guard *guard, uint32_t slot) {
  if (guard == NULL || slot >= GUARD_SLOTS) return -EINVAL;
  return guard->recorder == NULL ? -ENOENT : recorder_free(guard->recorder, slot);
}

/* ---- The machine ---- */

int guard_machine_open(struct guard *guard, const struct guard_machine *asked) {
  if (guard == NULL || asked == NULL || asked->reboot > 1) return -EINVAL;
  struct machine made = {.reboot = asked->reboot != 0};
  if (asked->watchdog != NULL) {
    if (strlen(asked->watchdog) >= sizeof made.watchdog) return -ENAMETOOLONG;
    (void)snprintf(made.watchdog, sizeof made.watchdog, "%s", asked->watchdog);
  }
  made.sysrq = open_if_any(asked->sysrq, O_WRONLY);
  made.crash_loaded = open_if_any(asked->crash_loaded, O_RDONLY);
  made.kernel_log = open_if_any(asked->kernel_log, O_WRONLY);
  made.pressure = open_if_any(asked->pressure, O_RDONLY);
  int got = (made.sysrq != 0 ? GUARD_GOT_SYSRQ : 0) | (made.kernel_log != 0 ? GUARD_GOT_KERNEL_LOG : 0) |
            (made.pressure != 0 ? GUARD_GOT_PRESSURE : 0);
  guard_lock(guard);
  made.permit_until = guard->machine.permit_until;
  made.fed = guard->machine.fed;
  machine_close(guard);
  guard->machine = made;
  guard_unlock(guard);
  return got;
}

int guard_machine_fed(struct guard *guard, int watchdog) {
  if (guard == NULL || watchdog < 0) return -EINVAL;
  guard_lock(guard);
  guard->machine.fed = watchdog;
  guard_unlock(guard);
  return 0;
}

int guard_bugcheck_permit(struct guard *guard, int64_t span) {
  if (guard == NULL || !is_span(span)) return -EINVAL;
  guard_lock(guard);
  guard->machine.permit_until = span == 0 ? INT64_MIN : awake_clock_peek(&guard->clock) + span;
  guard_unlock(guard);
  return 0;
}
