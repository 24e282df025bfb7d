#include "awake-clock.h"

#include <time.h>

static void publish(struct awake_clock *clock, int64_t now) {
  clock->last_look = now;
  atomic_store_explicit(&clock->ceiling, now + clock->allowance, memory_order_release);
}

void awake_clock_open(struct awake_clock *clock, bool by_hand, int64_t allowance) {
  clock->by_hand = by_hand;
  atomic_init(&clock->lost, 0);
  atomic_init(&clock->hand, 0);
  atomic_init(&clock->ceiling, 0);
  clock->allowance = allowance;
  clock->unreported = 0;
  clock->stall_count = 0;
  publish(clock, awake_clock_raw(clock));
}

int64_t awake_clock_raw(struct awake_clock *clock) {
  if (clock->by_hand) return atomic_load(&clock->hand);
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void remember(struct awake_clock *clock, struct awake_stall stall) {
  clock->stalls[clock->stall_count++ % AWAKE_STALLS] = stall;
}

int64_t awake_clock_look(struct awake_clock *clock) {
  int64_t now = awake_clock_raw(clock);
  int64_t excess = now - clock->last_look - clock->allowance;
  int64_t lost = atomic_load_explicit(&clock->lost, memory_order_relaxed);
  if (excess < 0) excess = 0;
  clock->unreported += excess;
  if (excess > 0) remember(clock, (struct awake_stall){.from = now - excess, .until = now, .lost = lost});
  publish(clock, now);
  if (excess > 0) atomic_store_explicit(&clock->lost, lost + excess, memory_order_release);
  return now - lost - excess;
}

/*
 * The order of the three readings matters. Whoever sees the new `lost` also sees the new `ceiling`; with an old `lost` the result can
 * only be too late, never too early, and a beat that is stamped too late is set right when its countdown is looked at. The clock
 * comes last: when we are stopped in between, the old ceiling holds the result down.
 */
int64_t awake_clock_peek(struct awake_clock *clock) {
  int64_t lost = atomic_load_explicit(&clock->lost, memory_order_acquire);
  int64_t ceiling = atomic_load_explicit(&clock->ceiling, memory_order_acquire);
  int64_t now = awake_clock_raw(clock);
  return (now < ceiling ? now : ceiling) - lost;
}

void awake_clock_retune(struct awake_clock *clock, int64_t allowance) {
  if (allowance == clock->allowance) return;
  (void)awake_clock_look(clock);
  clock->allowance = allowance;
  publish(clock, clock->last_look);
}

void awake_clock_resume(struct awake_clock *clock) {
  publish(clock, awake_clock_raw(clock));
}

int64_t awake_clock_at(const struct awake_clock *clock, int64_t raw) {
  int64_t lost = atomic_load_explicit(&clock->lost, memory_order_relaxed);
  uint64_t oldest = clock->stall_count > AWAKE_STALLS ? clock->stall_count - AWAKE_STALLS : 0;
  for (uint64_t index = clock->stall_count; index > oldest; index--) {
    const struct awake_stall *stall = &clock->stalls[(index - 1) % AWAKE_STALLS];
    if (raw >= stall->until) return raw - lost;
    lost = stall->lost;
    if (raw >= stall->from) return stall->from - lost;
  }
  // With all of them remembered, nothing was lost before the first.
  return oldest == 0 ? raw - lost : raw;
}

int64_t awake_clock_take_lost(struct awake_clock *clock) {
  int64_t lost = clock->unreported;
  clock->unreported = 0;
  return lost;
}
