/* The countdowns: what the guard's own thread does when one is due. */
#include "countdown-schedule.h"

/* How soon an event that found no room in the ring is tried again. */
#define RETRY (10 * INT64_C(1000000))

bool countdown_tell(struct guard *guard, struct countdown *countdown, uint32_t kind, int64_t value) {
  const struct plan *plan = countdown->planned ? plan_of(guard, countdown) : NULL;
  struct guard_record record = {.kind = kind, .countdown = countdown_id(guard, countdown), .value = value};
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

static void act(struct guard *guard, struct countdown *countdown) {
  int result = process_kill(guard, countdown->fallback, countdown->signal);
  (void)countdown_tell(guard, countdown, GUARD_ACTED, -result);
  atomic_store(&countdown->mode, GUARD_DISARMED);
}

bool countdown_change(struct countdown *countdown, uint32_t state, int64_t since) {
  uint32_t before = atomic_exchange(&countdown->mode, state);
  if (atomic_load(&countdown->since) == since) return true;
  atomic_store(&countdown->mode, before);
  return false;
}

static void expire(struct guard *guard, struct countdown *countdown, int64_t since, int64_t now) {
  if (!countdown_change(countdown, GUARD_OVERDUE, since)) {
    countdown_place(guard, countdown, now);
    return;
  }
  if (!countdown_tell(guard, countdown, GUARD_EXPIRED, spent_since(countdown, since, now))) {
    atomic_store(&countdown->mode, GUARD_WARNED);
    heap_put(&guard->due, countdown_place_of(guard, countdown), now + RETRY);
    return;
  }
  heap_remove(&guard->limits, countdown_place_of(guard, countdown));
  if (plan_applies(guard, countdown)) {
    plan_expired(guard, countdown, now);
    return;
  }
  countdown->act_at = countdown->signal == 0 ? INT64_MAX : now + countdown->budget;
  if (countdown->act_at <= now) act(guard, countdown);
  else if (countdown->paged || countdown->signal != 0) countdown_put(guard, countdown, countdown->act_at, now);
}

/* ---- Beats in a line of a page ---- */

static void tell_page_beat(struct guard *guard, struct countdown *countdown, int64_t gap) {
  countdown->untold = !countdown_tell(guard, countdown, GUARD_PAGE_BEAT, gap);
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
    heap_put(&guard->limits, countdown_place_of(guard, countdown), countdown->limit);
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
    if (countdown->paged) countdown_put(guard, countdown, INT64_MAX, now);
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
  if (state == GUARD_ARMED && spent >= countdown->warning && countdown_change(countdown, GUARD_WARNED, since)) {
    // A warning that finds no room comes again; the limit is not touched by that.
    if (!countdown_tell(guard, countdown, GUARD_WARNING, spent)) {
      atomic_store(&countdown->mode, GUARD_ARMED);
      heap_put(&guard->due, countdown_place_of(guard, countdown), now + RETRY);
      return;
    }
    plan_warned(guard, countdown, now);
  }
  countdown_place(guard, countdown, now);
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
  if (count > 0) countdowns_retune(guard);
}
