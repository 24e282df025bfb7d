/* A clock that only moves while the guard's thread runs; the same rule as src/watch/awake-clock.ts. */
#ifndef HANGDOG_AWAKE_CLOCK_H
#define HANGDOG_AWAKE_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Stalls that are remembered, to judge beats of before them. */
#define AWAKE_STALLS 64

struct awake_stall {
  /* In raw time: from when on it was not counted, and until when. */
  int64_t from;
  int64_t until;
  /* What had been lost before it. */
  int64_t lost;
};

struct awake_clock {
  /* What was not counted. Published after `ceiling`. */
  _Atomic int64_t lost;
  /* Up to here, in raw time, all counts: the last look and the allowance. */
  _Atomic int64_t ceiling;
  /* The time of a clock that is moved by hand. */
  _Atomic int64_t hand;
  bool by_hand;
  /* The rest belongs to whoever holds the guard's lock. */
  int64_t last_look;
  int64_t allowance;
  int64_t unreported;
  /* The last stalls, in a circle; counted up for ever. */
  struct awake_stall stalls[AWAKE_STALLS];
  uint64_t stall_count;
};

void awake_clock_open(struct awake_clock *clock, bool by_hand, int64_t allowance);
/* CLOCK_MONOTONIC, which goes on while we do not run. */
int64_t awake_clock_raw(struct awake_clock *clock);
/* One tick of our own. */
int64_t awake_clock_look(struct awake_clock *clock);
/* The same time without a tick: for other threads, without the lock. */
int64_t awake_clock_peek(struct awake_clock *clock);
/* Another allowance from now on; the gap up to now is judged by the old one. */
void awake_clock_retune(struct awake_clock *clock, int64_t allowance);
/* Nobody looked because there was nothing to look for: the gap up to now was no stall. */
void awake_clock_resume(struct awake_clock *clock);
/* The time that this clock showed at a raw time of the past; later, never earlier, where that is no longer known. Needs the lock. */
int64_t awake_clock_at(const struct awake_clock *clock, int64_t raw);
/* What was not counted since this was last asked. */
int64_t awake_clock_take_lost(struct awake_clock *clock);

#endif
