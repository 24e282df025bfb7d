/* The countdowns, as the rest of the guard sees them. Only files of this folder include it. */
#ifndef HANGDOG_COUNTDOWN_H
#define HANGDOG_COUNTDOWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "guard.h"

struct guard;

/* Added to a state of guard_state in `mode`: the owner has nothing to do for a beat. Only ever with GUARD_ARMED. */
#define MODE_QUIET 8u

/* A heartbeat touches the first half of a cache line and no more. */
struct countdown {
  /* Awake time of the last arming or beat. */
  _Alignas(32) _Atomic int64_t since;
  _Atomic uint64_t beats;
  _Atomic uint32_t mode;
  /* 0 while the place was never used. Changes when a tenant leaves. */
  _Atomic uint32_t tenant;
  /* The extension counts only while `since` is this: a beat ends it. */
  _Atomic int64_t grace_since;
  _Atomic int64_t grace;
  /* The rest is under the lock. */
  int64_t limit;
  int64_t warning;
  int64_t budget;
  guard_id fallback;
  int32_t signal;
  uint32_t arming;
  uint32_t next_free;
  bool used : 1;
  /* Bound to a line of a page. */
  bool paged : 1;
  /* There was a beat there of which the owner could not be told, as the ring was full. */
  bool untold : 1;
  /* There is a plan; without one the table of plans is not touched. */
  bool planned : 1;
  /* Who took in the last beat: see countdown_heard. */
  _Atomic uint8_t heard;
  /* When the guard acts alone, in awake time; while expired and not claimed. */
  int64_t act_at;
};

/* HEARD_FORWARDED: the guard did, and the owner will hand in the same one. */
enum { HEARD_BY_OWNER = 0, HEARD_BY_GUARD = 1, HEARD_FORWARDED = 2 };

/* The lock is held, but for countdown_find and countdown_beat. Arguments have been checked. */
struct countdown *countdown_find(struct guard *guard, guard_id id);
int countdown_create(struct guard *guard, guard_id *out);
void countdown_dispose(struct guard *guard, struct countdown *countdown);
uint32_t countdown_arm(struct guard *guard, struct countdown *countdown, int64_t limit, int64_t warning);
/* `quiet` is MODE_QUIET or 0. */
int countdown_beat(struct guard *guard, struct countdown *countdown, uint32_t quiet, int64_t *spent);
void countdown_extend(struct guard *guard, struct countdown *countdown, int64_t span);
void countdown_read(struct guard *guard, struct countdown *countdown, struct guard_countdown_reading *out);
/* Disarms, whatever it was. */
void countdown_stop(struct guard *guard, struct countdown *countdown);
/* As above; the owner has claimed it. */
void countdown_claimed(struct guard *guard, struct countdown *countdown);
/* See guard_countdown_lease. */
void countdown_lease(struct guard *guard, struct countdown *countdown, int64_t span);
/* When it is looked at next, in awake time; INT64_MAX for not by itself. For plans. */
void countdown_look_at(struct guard *guard, struct countdown *countdown, int64_t when);
/* Goes over to a state, unless a beat came in between. Says whether it did. */
bool countdown_change(struct countdown *countdown, uint32_t state, int64_t since);
/* Says something about a countdown. Returns false when there is no room. */
bool countdown_tell(struct guard *guard, struct countdown *countdown, uint32_t kind, int64_t value);
/* The guard has taken in a beat; `forwarded` when the owner will hand in the same one. */
void countdown_heard(struct countdown *countdown, bool forwarded);
/*
 * A beat that came by the notify socket. Says whether the owner need not hear of it. `silent` gets the time since the last, or -1 when
 * none was running.
 */
bool countdown_beaten(struct guard *guard, struct countdown *countdown, int64_t *silent);
void countdown_take_tally(struct guard *guard, struct countdown *countdown, struct guard_tally *out);
/* Acts on whatever points have passed by `now`, in awake time. */
void countdowns_look(struct guard *guard, int64_t now);
/* Sees that the timer comes in time for the next point. `now` is awake time. */
void countdowns_schedule(struct guard *guard, int64_t now);

/* Sees that the line of a bound one is read by the next turn. */
void countdown_poll(struct guard *guard, struct countdown *countdown);
/* A beat in its line that was not looked at yet calls the expiry off. Says whether there was one. */
bool countdown_saved(struct guard *guard, struct countdown *countdown);

#endif
