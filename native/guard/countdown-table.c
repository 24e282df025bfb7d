/* The countdowns: what their owner asks for, and beats. guard-calls.c checks the arguments and holds the lock. */
#include <errno.h>

#include "countdown-schedule.h"

struct countdown *countdown_find(struct guard *guard, guard_id id) {
  uint32_t place = id_place(id);
  if (id >> 52 != 0 || id_tenant(id) == 0 || place >= guard->config.countdowns) return NULL;
  struct countdown *countdown = &guard->countdowns[place];
  return atomic_load_explicit(&countdown->tenant, memory_order_acquire) == id_tenant(id) ? countdown : NULL;
}

int countdown_create(struct guard *guard, guard_id *out) {
  struct countdown *countdown;
  if (guard->countdowns_free != 0) {
    countdown = &guard->countdowns[guard->countdowns_free - 1];
    guard->countdowns_free = countdown->next_free;
  } else if (guard->countdowns_touched < guard->config.countdowns) {
    countdown = &guard->countdowns[guard->countdowns_touched++];
    atomic_store(&countdown->tenant, 1);
  } else {
    return -ENOSPC;
  }
  countdown->used = true;
  countdown->signal = 0;
  atomic_store(&countdown->beats, 0);
  struct guard_tally forgotten;
  countdown_take_tally(guard, countdown, &forgotten);
  countdown->limit = 0;
  *out = countdown_id(guard, countdown);
  return 0;
}

void countdown_heard(struct countdown *countdown, bool forwarded) {
  uint8_t heard = forwarded ? HEARD_FORWARDED : HEARD_BY_GUARD;
  if (atomic_load_explicit(&countdown->heard, memory_order_relaxed) != heard)
    atomic_store_explicit(&countdown->heard, heard, memory_order_relaxed);
}

/* The owner hands in a beat: one that the guard has forwarded, or one of which the guard knows nothing. */
static void heard_by_owner(struct countdown *countdown) {
  uint8_t heard = atomic_load_explicit(&countdown->heard, memory_order_relaxed);
  if (heard == HEARD_BY_OWNER) return;
  atomic_store_explicit(&countdown->heard, heard == HEARD_FORWARDED ? HEARD_BY_GUARD : HEARD_BY_OWNER, memory_order_relaxed);
}

void countdown_dispose(struct guard *guard, struct countdown *countdown) {
  page_unbind(guard, countdown);
  countdown_stop(guard, countdown);
  plan_dispose(guard, countdown);
  uint32_t tenant = atomic_load(&countdown->tenant) + 1;
  atomic_store(&countdown->tenant, tenant == 0 ? 1 : tenant);
  countdown->used = false;
  countdown->next_free = guard->countdowns_free;
  guard->countdowns_free = countdown_place_of(guard, countdown) + 1;
}

uint32_t countdown_arm(struct guard *guard, struct countdown *countdown, int64_t limit, int64_t warning) {
  countdown_stop(guard, countdown);
  countdown->limit = limit;
  countdown->warning = warning;
  countdown->arming++;
  if (countdown->planned) plan_of(guard, countdown)->owner_first = false;
  countdown_start(guard, countdown, GUARD_ARMED);
  return countdown->arming;
}

/* A beat for which a store is not enough. */
static int beat_slowly(struct guard *guard, struct countdown *countdown, uint32_t quiet) {
  uint32_t state = state_of(atomic_load(&countdown->mode));
  if (state == GUARD_DISARMED || state == GUARD_BUSY) return -ENODATA;
  if (state == GUARD_LEASED) {
    // The owner knows what to do about it, once it can.
    atomic_store(&countdown->since, awake_clock_peek(&guard->clock));
    countdown_stop_for(guard, countdown, PLAN_OFF_BEAT);
    return -ENODATA;
  }
  if (state == GUARD_OVERDUE) (void)plan_called_off(guard, countdown, PLAN_OFF_BEAT);
  if (state != GUARD_ARMED) {
    countdown_start(guard, countdown, GUARD_ARMED | quiet);
    return 0;
  }
  // Without a warning the entry stays where it is: it is looked at no later than the new warning point, and moved on then.
  atomic_store(&countdown->since, awake_clock_peek(&guard->clock));
  if (quiet != 0) atomic_store(&countdown->mode, GUARD_ARMED | MODE_QUIET);
  return 0;
}

int countdown_beat(struct guard *guard, struct countdown *countdown, uint32_t quiet, int64_t *spent) {
  uint32_t mode = atomic_load(&countdown->mode);
  if (mode == GUARD_DISARMED) return -ENODATA;
  int64_t now = awake_clock_peek(&guard->clock);
  int64_t since = atomic_load_explicit(&countdown->since, memory_order_relaxed);
  bool quickly = state_of(mode) == GUARD_ARMED && (mode & quiet) == quiet;
  if (quickly) since = atomic_exchange(&countdown->since, now);
  *spent = spent_since(countdown, since, now);
  heard_by_owner(countdown);
  atomic_fetch_add_explicit(&countdown->beats, 1, memory_order_relaxed);
  // Either we see here that the guard has just found it warned or expired, or the guard sees that `since` has moved.
  if (quickly && atomic_load(&countdown->mode) == mode) return 0;
  guard_lock(guard);
  int result = beat_slowly(guard, countdown, quiet);
  guard_unlock(guard);
  return result;
}

bool countdown_beaten(struct guard *guard, struct countdown *countdown, int64_t *silent) {
  uint32_t mode = atomic_load(&countdown->mode);
  int64_t now = awake_clock_peek(&guard->clock);
  *silent = mode == GUARD_DISARMED ? -1 : spent_since(countdown, atomic_load(&countdown->since), now);
  atomic_fetch_add_explicit(&countdown->beats, 1, memory_order_relaxed);
  countdown_heard(countdown, true);
  (void)beat_slowly(guard, countdown, 0);
  if (mode != (GUARD_ARMED | MODE_QUIET)) return false;
  if (tally_count(&guard->tallies[countdown_place_of(guard, countdown)], *silent)) {
    countdown_heard(countdown, false);
    return true;
  }
  // The owner counts this one itself, and those to come until it has emptied the tally.
  (void)atomic_compare_exchange_strong(&countdown->mode, &mode, GUARD_ARMED);
  return false;
}

void countdown_take_tally(struct guard *guard, struct countdown *countdown, struct guard_tally *out) {
  tally_take(&guard->tallies[countdown_place_of(guard, countdown)], out);
}

void countdown_extend(struct guard *guard, struct countdown *countdown, int64_t span) {
  int64_t since = atomic_load(&countdown->since);
  int64_t grace = grace_of(countdown, since);
  grace = span < GUARD_LIMIT_MAX - grace ? grace + span : GUARD_LIMIT_MAX;
  atomic_store_explicit(&countdown->grace, grace, memory_order_relaxed);
  atomic_store_explicit(&countdown->grace_since, since, memory_order_relaxed);
  if (state_of(atomic_load(&countdown->mode)) < GUARD_OVERDUE) countdown_place(guard, countdown, awake_clock_peek(&guard->clock));
}

void countdown_read(struct guard *guard, struct countdown *countdown, struct guard_countdown_reading *out) {
  int64_t now = awake_clock_peek(&guard->clock);
  int64_t since = atomic_load(&countdown->since);
  uint32_t state = state_of(atomic_load(&countdown->mode));
  *out = (struct guard_countdown_reading){.state = state, .arming = countdown->arming};
  out->beats = atomic_load(&countdown->beats);
  if (countdown->paged) {
    out->page_beats = page_beats(guard, countdown);
    out->page_beater = page_beater(guard, countdown);
  }
  if (state == GUARD_DISARMED) return;
  int64_t beat;
  // A beat that was not taken yet is one already; what follows from it is for the guard's own turn.
  if (countdown->paged && page_beaten(guard, countdown, now, &beat) && beat > since) since = beat;
  out->spent = spent_since(countdown, since, now);
  int64_t left = since + grace_of(countdown, since) + countdown->limit - now;
  out->remaining = left > 0 ? left : 0;
}
