/* The countdowns: how they are made, beaten and looked at. */
#include <errno.h>

#include "guard-state.h"
#include "plan.h"

#define MILLISECOND INT64_C(1000000)
/* Two ticks without a look are counted in full, so a stall costs a service a quarter of its limit at most. */
#define TICKS_PER_LIMIT 8
#define SHORTEST_TICK (5 * MILLISECOND)
#define LONGEST_TICK (1000 * MILLISECOND)
/* How soon an event that found no room in the ring is tried again. */
#define RETRY (10 * MILLISECOND)

static uint32_t place_of(const struct guard *guard, const struct countdown *countdown) {
  return (uint32_t)(countdown - guard->countdowns);
}

static guard_id id_of(struct guard *guard, struct countdown *countdown) {
  return make_id(place_of(guard, countdown), atomic_load_explicit(&countdown->tenant, memory_order_relaxed));
}

static uint32_t state_of(uint32_t mode) {
  return mode & ~MODE_QUIET;
}

struct countdown *countdown_find(struct guard *guard, guard_id id) {
  uint32_t place = id_place(id);
  if (id >> 52 != 0 || id_tenant(id) == 0 || place >= guard->config.countdowns) return NULL;
  struct countdown *countdown = &guard->countdowns[place];
  return atomic_load_explicit(&countdown->tenant, memory_order_acquire) == id_tenant(id) ? countdown : NULL;
}

static void retune(struct guard *guard) {
  const struct heap_entry *shortest = heap_first(&guard->limits);
  int64_t tick = shortest == NULL ? LONGEST_TICK : shortest->key / TICKS_PER_LIMIT;
  if (tick < SHORTEST_TICK) tick = SHORTEST_TICK;
  guard->tick = tick < LONGEST_TICK ? tick : LONGEST_TICK;
  awake_clock_retune(&guard->clock, 2 * guard->tick);
}

static int64_t grace_of(struct countdown *countdown, int64_t since) {
  if (atomic_load_explicit(&countdown->grace_since, memory_order_relaxed) != since) return 0;
  return atomic_load_explicit(&countdown->grace, memory_order_relaxed);
}

static int64_t spent_since(struct countdown *countdown, int64_t since, int64_t now) {
  int64_t spent = now - since - grace_of(countdown, since);
  return spent > 0 ? spent : 0;
}

/* Is looked at then; earlier when there is a line to be read. */
static void put(struct guard *guard, struct countdown *countdown, int64_t due, int64_t now) {
  bool polled = countdown->paged && atomic_load(&countdown->mode) != (GUARD_ARMED | MODE_QUIET);
  int64_t poll = now + page_pace(countdown);
  heap_put(&guard->due, place_of(guard, countdown), polled && poll < due ? poll : due);
}

static void place(struct guard *guard, struct countdown *countdown, int64_t now) {
  int64_t since = atomic_load(&countdown->since);
  int64_t point = state_of(atomic_load(&countdown->mode)) == GUARD_WARNED ? countdown->limit : countdown->warning;
  put(guard, countdown, since + grace_of(countdown, since) + point, now);
}

/* Runs from now on, in this mode. */
static void start(struct guard *guard, struct countdown *countdown, uint32_t mode) {
  if (guard->due.size == 0) awake_clock_resume(&guard->clock);
  heap_put(&guard->limits, place_of(guard, countdown), countdown->limit);
  retune(guard);
  int64_t now = awake_clock_peek(&guard->clock);
  atomic_store_explicit(&countdown->grace, 0, memory_order_relaxed);
  atomic_store(&countdown->since, now);
  atomic_store(&countdown->mode, mode);
  place(guard, countdown, now);
  countdowns_schedule(guard, now);
}

void countdown_poll(struct guard *guard, struct countdown *countdown) {
  if (guard->due.size == 0) awake_clock_resume(&guard->clock);
  int64_t now = awake_clock_peek(&guard->clock);
  heap_put(&guard->due, place_of(guard, countdown), now);
  countdowns_schedule(guard, now);
}

static void countdown_stop_for(struct guard *guard, struct countdown *countdown, enum plan_off why) {
  (void)plan_called_off(guard, countdown, why);
  atomic_store(&countdown->mode, GUARD_DISARMED);
  if (countdown->paged) put(guard, countdown, INT64_MAX, awake_clock_peek(&guard->clock));
  else heap_remove(&guard->due, place_of(guard, countdown));
  heap_remove(&guard->limits, place_of(guard, countdown));
  retune(guard);
}

void countdown_stop(struct guard *guard, struct countdown *countdown) {
  countdown_stop_for(guard, countdown, PLAN_OFF_OWNER);
}

void countdown_claimed(struct guard *guard, struct countdown *countdown) {
  countdown_stop_for(guard, countdown, PLAN_OFF_CLAIM);
}

void countdown_lease(struct guard *guard, struct countdown *countdown, int64_t span) {
  if (span == 0) {
    countdown_stop_for(guard, countdown, PLAN_OFF_CLAIM);
    return;
  }
  if (guard->due.size == 0) awake_clock_resume(&guard->clock);
  int64_t now = awake_clock_peek(&guard->clock);
  atomic_store(&countdown->mode, GUARD_LEASED);
  plan_leased(guard, countdown, now, span);
  countdowns_schedule(guard, now);
}

/* ---- What the owner asks for; guard-calls.c checks the arguments and holds the lock. ---- */

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
  *out = id_of(guard, countdown);
  return 0;
}

void countdown_look_at(struct guard *guard, struct countdown *countdown, int64_t when) {
  countdown->act_at = when;
  if (when == INT64_MAX && !countdown->paged) heap_remove(&guard->due, place_of(guard, countdown));
  else put(guard, countdown, when, awake_clock_peek(&guard->clock));
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
  guard->countdowns_free = place_of(guard, countdown) + 1;
}

uint32_t countdown_arm(struct guard *guard, struct countdown *countdown, int64_t limit, int64_t warning) {
  countdown_stop(guard, countdown);
  countdown->limit = limit;
  countdown->warning = warning;
  countdown->arming++;
  if (countdown->planned) plan_of(guard, countdown)->owner_first = false;
  start(guard, countdown, GUARD_ARMED);
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
    start(guard, countdown, GUARD_ARMED | quiet);
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
  if (tally_count(&guard->tallies[place_of(guard, countdown)], *silent)) {
    countdown_heard(countdown, false);
    return true;
  }
  // The owner counts this one itself, and those to come until it has emptied the tally.
  (void)atomic_compare_exchange_strong(&countdown->mode, &mode, GUARD_ARMED);
  return false;
}

void countdown_take_tally(struct guard *guard, struct countdown *countdown, struct guard_tally *out) {
  tally_take(&guard->tallies[place_of(guard, countdown)], out);
}

void countdown_extend(struct guard *guard, struct countdown *countdown, int64_t span) {
  int64_t since = atomic_load(&countdown->since);
  int64_t grace = grace_of(countdown, since);
  grace = span < GUARD_LIMIT_MAX - grace ? grace + span : GUARD_LIMIT_MAX;
  atomic_store_explicit(&countdown->grace, grace, memory_order_relaxed);
  atomic_store_explicit(&countdown->grace_since, since, memory_order_relaxed);
  if (state_of(atomic_load(&countdown->mode)) < GUARD_OVERDUE) place(guard, countdown, awake_clock_peek(&guard->clock));
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

/* ---- What the guard's own thread does ---- */

static bool tell(struct guard *guard, struct countdown *countdown, uint32_t kind, int64_t value) {
  const struct plan *plan = countdown->planned ? plan_of(guard, countdown) : NULL;
  struct guard_record record = {.kind = kind, .countdown = id_of(guard, countdown), .value = value};
  record.arming = countdown->arming;
  record.process = countdown->signal == 0 ? 0 : countdown->fallback;
  if (plan != NULL) {
    record.process = plan->process;
    record.flags = plan->slot;
  }
  bool written = ring_write(&guard->ring, &record, NULL, 0);
  if (written) guard->wrote = true;
  else guard->counters.postponed++;
  return written;
}

bool countdown_tell(struct guard *guard, struct countdown *countdown, uint32_t kind, int64_t value) {
  return tell(guard, countdown, kind, value);
}

static void act(struct guard *guard, struct countdown *countdown) {
  int result = process_kill(guard, countdown->fallback, countdown->signal);
  (void)tell(guard, countdown, GUARD_ACTED, -result);
  atomic_store(&countdown->mode, GUARD_DISARMED);
}

/* Goes over to a state, unless a beat came in between. Says whether it did. */
static bool change(struct countdown *countdown, uint32_t state, int64_t since) {
  uint32_t before = atomic_exchange(&countdown->mode, state);
  if (atomic_load(&countdown->since) == since) return true;
  atomic_store(&countdown->mode, before);
  return false;
}

bool countdown_change(struct countdown *countdown, uint32_t state, int64_t since) {
  return change(countdown, state, since);
}

static void expire(struct guard *guard, struct countdown *countdown, int64_t since, int64_t now) {
  if (!change(countdown, GUARD_OVERDUE, since)) {
    place(guard, countdown, now);
    return;
  }
  if (!tell(guard, countdown, GUARD_EXPIRED, spent_since(countdown, since, now))) {
    atomic_store(&countdown->mode, GUARD_WARNED);
    heap_put(&guard->due, place_of(guard, countdown), now + RETRY);
    return;
  }
  heap_remove(&guard->limits, place_of(guard, countdown));
  if (plan_applies(guard, countdown)) {
    plan_expired(guard, countdown, now);
    return;
  }
  countdown->act_at = countdown->signal == 0 ? INT64_MAX : now + countdown->budget;
  if (countdown->act_at <= now) act(guard, countdown);
  else if (countdown->paged || countdown->signal != 0) put(guard, countdown, countdown->act_at, now);
}

/* ---- Beats in a line of a page ---- */

static void tell_page_beat(struct guard *guard, struct countdown *countdown, int64_t gap) {
  countdown->untold = !tell(guard, countdown, GUARD_PAGE_BEAT, gap);
}

/* The beat was then; nothing that came later is undone by it. */
static int64_t move_since(struct countdown *countdown, int64_t at) {
  int64_t since = atomic_load(&countdown->since);
  int64_t before = since;
  while (at > since && !atomic_compare_exchange_weak(&countdown->since, &since, at)) {
  }
  return before;
}

/* Takes what is in its line. */
static void take_line(struct guard *guard, struct countdown *countdown, int64_t now) {
  int64_t at = now;
  if (!page_take(guard, countdown, now, &at)) {
    if (countdown->untold) tell_page_beat(guard, countdown, -1);
    return;
  }
  uint32_t mode = atomic_load(&countdown->mode);
  countdown_heard(countdown, mode != (GUARD_ARMED | MODE_QUIET));
  if (mode == GUARD_LEASED) countdown_stop_for(guard, countdown, PLAN_OFF_BEAT);
  if (mode == GUARD_DISARMED || mode == GUARD_LEASED || mode == GUARD_BUSY) {
    tell_page_beat(guard, countdown, -1);
    return;
  }
  int64_t gap = at - move_since(countdown, at);
  if (gap < 0) gap = 0;
  if (mode == (GUARD_ARMED | MODE_QUIET)) return;
  if (mode == GUARD_OVERDUE) (void)plan_called_off(guard, countdown, PLAN_OFF_BEAT);
  if (mode != GUARD_ARMED) {
    heap_put(&guard->limits, place_of(guard, countdown), countdown->limit);
    atomic_store(&countdown->mode, GUARD_ARMED);
  }
  tell_page_beat(guard, countdown, gap);
}

bool countdown_saved(struct guard *guard, struct countdown *countdown) {
  int64_t at;
  if (!countdown->paged || !page_beaten(guard, countdown, awake_clock_peek(&guard->clock), &at)) return false;
  countdown_poll(guard, countdown);
  return true;
}

/* Acts on whatever point has been passed. */
static void look_at(struct guard *guard, struct countdown *countdown, int64_t now) {
  if (countdown->paged) take_line(guard, countdown, now);
  uint32_t state = state_of(atomic_load(&countdown->mode));
  if (state == GUARD_DISARMED) {
    if (countdown->paged) put(guard, countdown, INT64_MAX, now);
    return;
  }
  if (state >= GUARD_OVERDUE) {
    bool planned = countdown->planned && plan_of(guard, countdown)->phase != PLAN_IDLE;
    if (now < countdown->act_at) countdown_look_at(guard, countdown, countdown->act_at);
    else if (planned) plan_step(guard, countdown, now);
    else act(guard, countdown);
    return;
  }
  int64_t since = atomic_load(&countdown->since);
  // A beat that overlapped with the end of a stall can be stamped too late; see awake_clock_peek.
  if (since > now && atomic_compare_exchange_strong(&countdown->since, &since, now)) since = now;
  int64_t spent = spent_since(countdown, since, now);
  if (spent >= countdown->limit) {
    expire(guard, countdown, since, now);
    return;
  }
  if (state == GUARD_ARMED && spent >= countdown->warning && change(countdown, GUARD_WARNED, since)) {
    // A warning that finds no room comes again; the limit is not touched by that.
    if (!tell(guard, countdown, GUARD_WARNING, spent)) {
      atomic_store(&countdown->mode, GUARD_ARMED);
      heap_put(&guard->due, place_of(guard, countdown), now + RETRY);
      return;
    }
    plan_warned(guard, countdown, now);
  }
  place(guard, countdown, now);
}

void countdowns_look(struct guard *guard, int64_t now) {
  // Those due a little later are looked at in the same turn: most have been reset meanwhile, and one wake-up serves them all.
  int64_t until = now + guard->tick / 4;
  uint32_t count = 0;
  for (const struct heap_entry *first = heap_first(&guard->due); first != NULL && first->key <= until;
       first = heap_first(&guard->due)) {
    uint32_t due = first->place;
    heap_remove(&guard->due, due);
    guard->looked_at[count++] = due;
  }
  for (uint32_t index = 0; index < count; index++) look_at(guard, &guard->countdowns[guard->looked_at[index]], now);
  if (count > 0) retune(guard);
}

void countdowns_schedule(struct guard *guard, int64_t now) {
  const struct heap_entry *first = heap_first(&guard->due);
  if (first == NULL) {
    if (guard->timer_due != INT64_MAX) guard_timer_set(guard, INT64_MAX);
    return;
  }
  int64_t delay = first->key - now;
  if (delay < 0) delay = 0;
  if (delay > guard->tick) delay = guard->tick;
  int64_t due = awake_clock_raw(&guard->clock) + delay;
  if (guard->timer_due > due) guard_timer_set(guard, due);
}
