/* When countdowns are looked at, as their files see it; guard-state.h is what the rest of the guard sees. The lock is held. */
#ifndef HANGDOG_COUNTDOWN_SCHEDULE_H
#define HANGDOG_COUNTDOWN_SCHEDULE_H

#include "guard-state.h"
#include "plan.h"

static inline uint32_t countdown_place_of(const struct guard *guard, const struct countdown *countdown) {
  return (uint32_t)(countdown - guard->countdowns);
}

static inline guard_id countdown_id(struct guard *guard, struct countdown *countdown) {
  return make_id(countdown_place_of(guard, countdown), atomic_load_explicit(&countdown->tenant, memory_order_relaxed));
}

static inline uint32_t state_of(uint32_t mode) {
  return mode & ~MODE_QUIET;
}

static inline int64_t grace_of(struct countdown *countdown, int64_t since) {
  if (atomic_load_explicit(&countdown->grace_since, memory_order_relaxed) != since) return 0;
  return atomic_load_explicit(&countdown->grace, memory_order_relaxed);
}

static inline int64_t spent_since(struct countdown *countdown, int64_t since, int64_t now) {
  int64_t spent = now - since - grace_of(countdown, since);
  return spent > 0 ? spent : 0;
}

/* countdown-schedule.c */
/* The tick follows the shortest limit. */
void countdowns_retune(struct guard *guard);
/* Is looked at then; earlier when there is a line to be read. */
void countdown_put(struct guard *guard, struct countdown *countdown, int64_t due, int64_t now);
/* Is looked at when its next point is due. */
void countdown_place(struct guard *guard, struct countdown *countdown, int64_t now);
/* Runs from now on, in this mode. */
void countdown_start(struct guard *guard, struct countdown *countdown, uint32_t mode);
void countdown_stop_for(struct guard *guard, struct countdown *countdown, enum plan_off why);

#endif
