/* What the owner can ask: arguments are checked here, and the lock is taken. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "guard-state.h"

int guard_strength(struct guard *guard, struct guard_strength *out) {
  if (guard == NULL || out == NULL) return -EINVAL;
  *out = guard->strength;
  return 0;
}

int guard_counters(struct guard *guard, struct guard_counters *out) {
  if (guard == NULL || out == NULL) return -EINVAL;
  guard_lock(guard);
  *out = guard->counters;
  guard_unlock(guard);
  return 0;
}

int guard_wake_fd(struct guard *guard) {
  return guard == NULL ? -EINVAL : guard->wake;
}

int guard_read(struct guard *guard, struct guard_record *out, char *text) {
  if (guard == NULL || out == NULL || text == NULL) return -EINVAL;
  if (!ring_read(&guard->ring, out, text)) return 0;
  if (out->kind != GUARD_MESSAGE) return 1;
  struct watched *process = process_find(guard, out->process);
  if (out->process == 0) atomic_fetch_sub(unknown_queued(guard, out->pid), 1);
  else if (process != NULL) atomic_fetch_sub(&process->queued, 1);
  return 1;
}

/* ---- Countdowns ---- */

int guard_countdown_create(struct guard *guard, guard_id *out) {
  if (guard == NULL || out == NULL) return -EINVAL;
  guard_lock(guard);
  int result = countdown_create(guard, out);
  guard_unlock(guard);
  return result;
}

int guard_countdown_dispose(struct guard *guard, guard_id id) {
  if (guard == NULL) return -EINVAL;
  guard_lock(guard);
  struct countdown *countdown = countdown_find(guard, id);
  if (countdown != NULL) countdown_dispose(guard, countdown);
  guard_unlock(guard);
  return countdown == NULL ? -ENOENT : 0;
}

int guard_countdown_arm(struct guard *guard, guard_id id, int64_t limit, int64_t warning, uint32_t *arming) {
  if (guard == NULL || limit < 1 || limit > GUARD_LIMIT_MAX || warning < 0 || warning > limit) return -EINVAL;
  guard_lock(guard);
  struct countdown *countdown = countdown_find(guard, id);
  uint32_t number = countdown == NULL ? 0 : countdown_arm(guard, countdown, limit, warning);
  guard_unlock(guard);
  if (countdown == NULL) return -ENOENT;
  if (arming != NULL) *arming = number;
  return 0;
}

static int beat(struct guard *guard, guard_id id, uint32_t quiet, int64_t *spent) {
  if (guard == NULL) return -EINVAL;
  struct countdown *countdown = countdown_find(guard, id);
  if (countdown == NULL) return -ENOENT;
  int64_t before = 0;
  int result = countdown_beat(guard, countdown, quiet, &before);
  if (spent != NULL) *spent = before;
  return result;
}

int guard_countdown_beat(struct guard *guard, guard_id id, int64_t *spent) {
  return beat(guard, id, 0, spent);
}

int guard_countdown_quiet_beat(struct guard *guard, guard_id id, int64_t *spent) {
  return beat(guard, id, MODE_QUIET, spent);
}

int guard_countdown_extend(struct guard *guard, guard_id id, int64_t span) {
  if (guard == NULL || span < 0 || span > GUARD_LIMIT_MAX) return -EINVAL;
  int result = 0;
  guard_lock(guard);
  struct countdown *countdown = countdown_find(guard, id);
  if (countdown == NULL) result = -ENOENT;
  else if (atomic_load(&countdown->mode) == GUARD_DISARMED) result = -ENODATA;
  else countdown_extend(guard, countdown, span);
  guard_unlock(guard);
  return result;
}

int guard_countdown_disarm(struct guard *guard, guard_id id) {
  if (guard == NULL) return -EINVAL;
  guard_lock(guard);
  struct countdown *countdown = countdown_find(guard, id);
  if (countdown != NULL) countdown_stop(guard, countdown);
  guard_unlock(guard);
  return countdown == NULL ? -ENOENT : 0;
}

int guard_countdown_claim(struct guard *guard, guard_id id, uint32_t arming) {
  if (guard == NULL) return -EINVAL;
  int result = 0;
  guard_lock(guard);
  struct countdown *countdown = countdown_find(guard, id);
  if (countdown == NULL) result = -ENOENT;
  else if (atomic_load(&countdown->mode) != GUARD_OVERDUE || countdown->arming != arming) result = -ESTALE;
  else if (countdown_saved(guard, countdown)) result = -ESTALE;
  else countdown_claimed(guard, countdown);
  guard_unlock(guard);
  return result;
}

int guard_countdown_fallback(struct guard *guard, guard_id id, guard_id process, int signal, int64_t budget) {
  if (guard == NULL || signal < 0 || signal > SIGRTMAX || budget < 0 || budget > GUARD_LIMIT_MAX) return -EINVAL;
  int result = -ENOENT;
  guard_lock(guard);
  struct countdown *countdown = countdown_find(guard, id);
  if (countdown != NULL && (signal == 0 || process_find(guard, process) != NULL)) {
    countdown->fallback = process;
    countdown->signal = signal;
    countdown->budget = budget;
    result = 0;
  }
  guard_unlock(guard);
  return result;
}

int guard_countdown_reading(struct guard *guard, guard_id id, struct guard_countdown_reading *out) {
  if (guard == NULL || out == NULL) return -EINVAL;
  guard_lock(guard);
  struct countdown *countdown = countdown_find(guard, id);
  if (countdown != NULL) countdown_read(guard, countdown, out);
  guard_unlock(guard);
  return countdown == NULL ? -ENOENT : 0;
}

int guard_countdown_tally(struct guard *guard, guard_id id, struct guard_tally *out) {
  if (guard == NULL || out == NULL) return -EINVAL;
  guard_lock(guard);
  struct countdown *countdown = countdown_find(guard, id);
  if (countdown != NULL) countdown_take_tally(guard, countdown, out);
  guard_unlock(guard);
  return countdown == NULL ? -ENOENT : 0;
}

/* ---- Processes ---- */

int guard_process_add(struct guard *guard, int32_t pid, uint64_t start_time, guard_id *out) {
  if (guard == NULL || out == NULL || pid <= 0) return -EINVAL;
  guard_lock(guard);
  int result = process_add(guard, pid, start_time, out);
  guard_unlock(guard);
  return result;
}

int guard_process_remove(struct guard *guard, guard_id id) {
  if (guard == NULL) return -EINVAL;
  guard_lock(guard);
  struct watched *process = process_find(guard, id);
  if (process != NULL) process_remove(guard, process);
  guard_unlock(guard);
  return process == NULL ? -ENOENT : 0;
}

int guard_process_signal(struct guard *guard, guard_id id, int signal) {
  if (guard == NULL || signal < 0 || signal > SIGRTMAX) return -EINVAL;
  guard_lock(guard);
  int result = process_kill(guard, id, signal);
  guard_unlock(guard);
  return result;
}

int guard_process_ended(struct guard *guard, guard_id id) {
  if (guard == NULL) return -EINVAL;
  guard_lock(guard);
  struct watched *process = process_find(guard, id);
  int result = process == NULL ? -ENOENT : process->ended;
  guard_unlock(guard);
  return result;
}

int guard_process_bind(struct guard *guard, guard_id id, guard_id countdown) {
  if (guard == NULL) return -EINVAL;
  int result = -ENOENT;
  guard_lock(guard);
  struct watched *process = process_find(guard, id);
  if (process != NULL && (countdown == 0 || countdown_find(guard, countdown) != NULL)) {
    process->countdown = countdown;
    result = 0;
  }
  guard_unlock(guard);
  return result;
}

int guard_process_admit(struct guard *guard, guard_id id, int admit) {
  if (guard == NULL) return -EINVAL;
  guard_lock(guard);
  struct watched *process = process_find(guard, id);
  if (process != NULL) process_admit(guard, process, admit != 0);
  guard_unlock(guard);
  return process == NULL ? -ENOENT : 0;
}

/* ---- By hand ---- */

/* Some 18 years: later, the longest limit with the longest extension would overflow. */
#define HAND_MOST (INT64_C(1) << 59)

static int check_by_hand(const struct guard *guard) {
  if (guard == NULL) return -EINVAL;
  return (guard->config.flags & GUARD_BY_HAND) == 0 ? -EPERM : 0;
}

int guard_hand_set(struct guard *guard, int64_t now) {
  int result = check_by_hand(guard);
  if (result != 0) return result;
  if (now < atomic_load(&guard->clock.hand) || now > HAND_MOST) return -EINVAL;
  atomic_store(&guard->clock.hand, now);
  return 0;
}

int guard_hand_turn(struct guard *guard) {
  int result = check_by_hand(guard);
  if (result == 0) guard_turn(guard, 0);
  return result;
}

int guard_hand_next(struct guard *guard, int64_t *out) {
  int result = check_by_hand(guard);
  if (result != 0) return result;
  if (out == NULL) return -EINVAL;
  guard_lock(guard);
  *out = guard->timer_due;
  guard_unlock(guard);
  return 0;
}
