/* What a guard consists of. Only files of this folder include it. */
#ifndef HANGDOG_GUARD_STATE_H
#define HANGDOG_GUARD_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/hangdog.h"
#include "awake-clock.h"
#include "guard.h"
#include "heap.h"
#include "ring.h"
#include "tally.h"

/* Of SCHED_FIFO. */
#define GUARD_DEFAULT_PRIORITY 50

/* An identifier is a place in a table and, above it, which of the tenants of that place is meant; the first is 1. */
#define PLACE_BITS 20

static inline guard_id make_id(uint32_t place, uint32_t tenant) {
  return ((guard_id)tenant << PLACE_BITS) | place;
}

static inline uint32_t id_place(guard_id id) {
  return (uint32_t)(id & (GUARD_CAPACITY_MAX - 1));
}

static inline uint32_t id_tenant(guard_id id) {
  return (uint32_t)(id >> PLACE_BITS);
}

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

/* Pages of lines in shared memory. */
struct heartbeat_page {
  /* Null when this place is free. */
  void *map;
  size_t bytes;
  uint32_t lines;
  /* Lines that are bound. */
  uint32_t bound;
  uint32_t tenant;
  uint32_t next_free;
};

/* By place of a countdown: its line, and what was last seen there. */
struct line_binding {
  uint32_t page;
  uint32_t line;
  /* Whose beats count; 0 for anybody's. */
  int32_t pid;
  uint64_t seen;
  /* In awake time; INT64_MIN before the first time. */
  int64_t looked;
};

/* HEARD_FORWARDED: the guard did, and the owner will hand in the same one. */
enum { HEARD_BY_OWNER = 0, HEARD_BY_GUARD = 1, HEARD_FORWARDED = 2 };

struct plan;
struct recorder;

/* What the machine can be stopped by; zero, as a descriptor, is none. */
struct machine {
  int sysrq;
  int crash_loaded;
  int kernel_log;
  int pressure;
  bool reboot;
  char watchdog[108];
  /* Of the owner. */
  int fed;
  /* Awake time up to which that is permitted. */
  int64_t permit_until;
};

struct watched {
  _Atomic uint32_t tenant;
  /* Messages in the ring. */
  _Atomic uint32_t queued;
  guard_id countdown;
  /* When the end was seen, in raw time. */
  int64_t ended_at;
  int pidfd;
  int32_t pid;
  /* Place plus one; 0 ends the chain. */
  uint32_t next_of_bucket;
  uint32_t next_free;
  bool used;
  bool ended;
  bool unreported;
  bool admits;
};

/* Datagrams taken by one system call. */
#define NOTIFY_BATCH 64
/* One more than is allowed, so that a longer one is recognised. */
#define NOTIFY_ROOM (GUARD_TEXT_MAX + 1)

/* Parts of the ring that senders have whom the guard does not know, by pid. A power of two. */
#define UNKNOWN_SHARES 1024

struct notify_batch;

struct guard {
  struct guard_config config;
  struct guard_strength strength;
  void *arena;
  size_t arena_bytes;

  /* Inherits priority, so that an ordinary thread that holds it does not hold up the guard. */
  pthread_mutex_t lock;
  struct awake_clock clock;
  struct countdown *countdowns;
  /* One for each countdown. Under the lock. */
  struct tally *tallies;
  /* Places below this were used once. */
  uint32_t countdowns_touched;
  /* Place plus one. */
  uint32_t countdowns_free;
  /* When each is to be looked at, in awake time. */
  struct heap due;
  /* The limits of those that run; the shortest gives the tick. */
  struct heap limits;
  /* Those that are looked at in one turn. */
  uint32_t *looked_at;
  int64_t tick;
  /* Raw time for which the timer is set; INT64_MAX when it is not. */
  int64_t timer_due;

  struct heartbeat_page *pages;
  uint32_t pages_touched;
  uint32_t pages_free;
  struct line_binding *bindings;
  /* How far the clock of the services may be behind. */
  int64_t stamp_lag;

  struct watched *processes;
  uint32_t processes_touched;
  uint32_t processes_free;
  uint32_t unreported_ends;
  /* Processes whose descendants may speak for them. */
  uint32_t admitting;
  /* By pid: place plus one. */
  uint32_t *buckets;
  uint32_t bucket_mask;

  /* By place of the countdown. */
  struct plan *plans;
  /* Null until it is opened. */
  struct recorder *recorder;
  struct machine machine;
  /* The countdown whose action waits for the disks; 0 for none. */
  guard_id syncing;

  struct ring ring;
  bool wrote;
  /* Messages in the ring. */
  _Atomic uint32_t unknown_queued[UNKNOWN_SHARES];
  struct guard_counters counters;

  /* Held while the notify socket is read, and to change it. Taken before `lock`. */
  pthread_mutex_t receiving;
  int notify;
  struct notify_batch *batch;

  int epoll;
  int timer;
  int wake;
  int kick;
  pthread_t thread;
  bool has_thread;
  atomic_bool stopping;
};

/* What epoll says beside the identifiers of processes, which are all larger. */
enum { EPOLL_TIMER = 1, EPOLL_NOTIFY = 2, EPOLL_KICK = 3 };

void guard_lock(struct guard *guard);
void guard_unlock(struct guard *guard);

/*
 * countdown-table.c. The lock is held, but for countdown_find and countdown_beat. Arguments have been checked.
 */
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

/* heartbeat-page.c. The lock is held, and the countdown is bound to a line. */
/* Whether there is a beat that was not taken yet, and when it was, in awake time. */
bool page_beaten(struct guard *guard, struct countdown *countdown, int64_t now, int64_t *at);
/* The same, and takes it. */
bool page_take(struct guard *guard, struct countdown *countdown, int64_t now, int64_t *at);
/* How many beats the service says there were. */
uint64_t page_beats(struct guard *guard, struct countdown *countdown);
/* Which process says that it opened the page; 0 for none. */
int32_t page_beater(struct guard *guard, struct countdown *countdown);
/* How often the line is read for an owner that wants to hear of beats. */
int64_t page_pace(const struct countdown *countdown);
/* Does nothing when it is not bound. */
void page_unbind(struct guard *guard, struct countdown *countdown);
/* Of CLOCK_MONOTONIC_COARSE. */
int64_t page_stamp_lag(void);
/* At the end of the guard. */
void pages_free(struct guard *guard);

/* process-table.c. The lock is held, but for process_find. */
int process_add(struct guard *guard, int32_t pid, uint64_t start_time, guard_id *out);
void process_remove(struct guard *guard, struct watched *process);
struct watched *process_find(struct guard *guard, guard_id id);
struct watched *process_of_pid(struct guard *guard, int32_t pid);
/* The watched process that admits its descendants and is an ancestor of this one. */
/* Where unknown senders with this pid are counted. */
static inline _Atomic uint32_t *unknown_queued(struct guard *guard, int32_t pid) {
  return &guard->unknown_queued[(uint32_t)pid % UNKNOWN_SHARES];
}

struct watched *process_of_descendant(struct guard *guard, int32_t pid);
void process_admit(struct guard *guard, struct watched *process, bool admits);
guard_id process_id(struct guard *guard, struct watched *process);
void process_may_have_ended(struct guard *guard, guard_id id);
/* Tells what could not be told when the ring was full. */
void process_report_ends(struct guard *guard);
int process_kill(struct guard *guard, guard_id id, int signal);
/* As above, to the process group that it leads. */
int process_kill_group(struct guard *guard, guard_id id, int signal);
/* Whether it has ended, which epoll may not have said yet; also when it is not watched any more. */
bool process_has_ended(struct guard *guard, guard_id id);

/* notify-socket.c */
size_t notify_batch_bytes(void);
/* Takes what waits in the socket, within a bound. The lock is not held. */
void notify_drain(struct guard *guard);

/* guard-thread.c */
/* `raw` is when the timer is to come, in raw time; INT64_MAX for never. The lock is held. */
void guard_timer_set(struct guard *guard, int64_t raw);
int guard_thread_start(struct guard *guard);
void guard_turn(struct guard *guard, int timeout_ms);

#endif
