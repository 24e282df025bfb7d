/* The countdowns: when each is looked at next. */
#include "countdown-schedule.h"

#define MILLISECOND INT64_C(1000000)
/* Two ticks without a look are counted in full, so a stall costs a service a quarter of its limit at most. */
#define TICKS_PER_LIMIT 8
#define SHORTEST_TICK (5 * MILLISECOND)
#define LONGEST_TICK (1000 * MILLISECOND)

void countdowns_retune(struct guard *guard) {
  const struct heap_entry *shortest = heap_first(&guard->limits);
  int64_t tick = shortest == NULL ? LONGEST_TICK : shortest->key / TICKS_PER_LIMIT;
  if (tick < SHORTEST_TICK) tick = SHORTEST_TICK;
  guard->tick = tick < LONGEST_TICK ? tick : LONGEST_TICK;
  awake_clock_retune(&guard->clock, 2 * guard->tick);
}

void countdown_put(struct guard *guard, struct countdown *countdown, int64_t due, int64_t now) {
  bool polled = countdown->paged && atomic_load(&countdown->mode) != (GUARD_ARMED | MODE_QUIET);
  int64_t poll = now + page_pace(countdown);
  heap_put(&guard->due, countdown_place_of(guard, countdown), polled && poll < due ? poll : due);
}

void countdown_place(struct guard *guard, struct countdown *countdown, int64_t now) {
  int64_t since = atomic_load(&countdown->since);
  int64_t point = state_of(atomic_load(&countdown->mode)) == GUARD_WARNED ? countdown->limit : countdown->warning;
  countdown_put(guard, countdown, since + grace_of(countdown, since) + point, now);
}

void countdown_start(struct guard *guard, struct countdown *countdown, uint32_t mode) {
  if (guard->due.size == 0) awake_clock_resume(&guard->clock);
  heap_put(&guard->limits, countdown_place_of(guard, countdown), countdown->limit);
  countdowns_retune(guard);
  int64_t now = awake_clock_peek(&guard->clock);
  atomic_store_explicit(&countdown->grace, 0, memory_order_relaxed);
  atomic_store(&countdown->since, now);
  atomic_store(&countdown->mode, mode);
  countdown_place(guard, countdown, now);
  countdowns_schedule(guard, now);
}

void countdown_poll(struct guard *guard, struct countdown *countdown) {
  if (guard->due.size == 0) awake_clock_resume(&guard->clock);
  int64_t now = awake_clock_peek(&guard->clock);
  heap_put(&guard->due, countdown_place_of(guard, countdown), now);
  countdowns_schedule(guard, now);
}

void countdown_stop_for(struct guard *guard, struct countdown *countdown, enum plan_off why) {
  (void)plan_called_off(guard, countdown, why);
  atomic_store(&countdown->mode, GUARD_DISARMED);
  if (countdown->paged) countdown_put(guard, countdown, INT64_MAX, awake_clock_peek(&guard->clock));
  else heap_remove(&guard->due, countdown_place_of(guard, countdown));
  heap_remove(&guard->limits, countdown_place_of(guard, countdown));
  countdowns_retune(guard);
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

void countdown_look_at(struct guard *guard, struct countdown *countdown, int64_t when) {
  countdown->act_at = when;
  if (when == INT64_MAX && !countdown->paged) heap_remove(&guard->due, countdown_place_of(guard, countdown));
  else countdown_put(guard, countdown, when, awake_clock_peek(&guard->clock));
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
