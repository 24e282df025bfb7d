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
#include "countdown.h"
#include "guard.h"
#include "heap.h"
#include "heartbeat-page.h"
#include "process-table.h"
#include "ring.h"
#include "sender-trace.h"
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
  /* Under `lock`. */
  struct sender_traces traces;

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

/* Where unknown senders with this pid are counted. */
static inline _Atomic uint32_t *unknown_queued(struct guard *guard, int32_t pid) {
  return &guard->unknown_queued[(uint32_t)pid % UNKNOWN_SHARES];
}

void guard_lock(struct guard *guard);
void guard_unlock(struct guard *guard);

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
