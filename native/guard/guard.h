/*
 * The guard: keeps countdowns, receives heartbeats and ends processes in a thread of its own, so that all of it goes on while the
 * program that owns it is blocked. There is no Node in here. One file, as it is one contract; what the guard does alone is guard-plan.h.
 *
 * Every function checks its arguments and returns 0 (or what its comment says), or a negative errno value. Times are nanoseconds;
 * a span is never negative. All functions may be called from any thread, except guard_read, which has one caller at a time, and
 * guard_close, after which nothing may be called.
 *
 * Time is spent in the guard's own ticks: of a gap between two looks at the clock, at most the allowance counts (two ticks; a tick is an
 * eighth of the shortest limit that runs, from 5 ms to 1 s). The rest was a stall of our own and is nobody's silence.
 */
#ifndef HANGDOG_GUARD_H
#define HANGDOG_GUARD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct guard;

/* Names one countdown or one watched process. An identifier that was disposed of is never valid again. Always below 2^52. */
typedef uint64_t guard_id;

/* The largest limit: 0xFFFFFFFF seconds. */
#define GUARD_LIMIT_MAX (INT64_C(4294967295) * 1000000000)
/* The most countdowns, or processes, that one guard can hold. */
#define GUARD_CAPACITY_MAX (1u << 20)
/* The longest datagram that is taken. */
#define GUARD_TEXT_MAX 4096

enum guard_flag {
  /* There is no thread and time stands still: see guard_hand_set. For tests. */
  GUARD_BY_HAND = 1 << 0,
  /* Run the thread by SCHED_FIFO, where that is permitted. */
  GUARD_REALTIME = 1 << 1,
  /* Keep the guard's own memory from being swapped out, where that is permitted. */
  GUARD_LOCK_OWN = 1 << 2,
  /* As above for the whole process: every page, once it was used. */
  GUARD_LOCK_ALL = 1 << 3,
};

struct guard_config {
  /* Countdowns, 1 to GUARD_CAPACITY_MAX. Memory is taken as they are created. */
  uint32_t countdowns;
  /* Watched processes, 1 to GUARD_CAPACITY_MAX. */
  uint32_t processes;
  /* Bytes of records waiting for the owner: a power of two from 64 KiB to 64 MiB. */
  uint32_t ring_bytes;
  /* Of enum guard_flag. */
  uint32_t flags;
  /* Of SCHED_FIFO, 1 to 99; 0 takes 50. */
  int32_t priority;
};

int guard_open(const struct guard_config *config, struct guard **out);
/* Ends the thread and frees everything. Nothing that is watched is touched. */
int guard_close(struct guard *guard);

/* What the guard got of what it asked for. Zero is success; else the errno value that says why not, or -1 when it was not asked for. */
struct guard_strength {
  int32_t realtime;
  int32_t locked_own;
  int32_t locked_all;
};

int guard_strength(struct guard *guard, struct guard_strength *out);

/* ---- What the guard tells its owner ---- */

enum guard_kind {
  /* A countdown passed its warning point. */
  GUARD_WARNING = 1,
  /* A countdown passed its limit. It counts as expired until it is claimed, armed, disarmed or beaten. */
  GUARD_EXPIRED = 2,
  /* Nobody claimed an expired countdown within its budget, so that the guard sent the signal. `value` is the errno of that, or 0. */
  GUARD_ACTED = 3,
  /* A watched process has ended. Its countdown is off. `value` is when that was seen, by CLOCK_MONOTONIC. */
  GUARD_EXITED = 4,
  /* The guard did not run: `value` is how much was not counted. */
  GUARD_STALL = 5,
  /*
   * A datagram of the notify socket, with its text. `value` is for how long its process had not beaten, if there is a beat in it and its
   * countdown runs; else it is below zero.
   */
  GUARD_MESSAGE = 6,
  /*
   * There was a beat in the line of a countdown that is not quiet. `value` is the time from the beat before to this one, or below zero when
   * that is not known.
   */
  GUARD_PAGE_BEAT = 7,
  /* By a plan (guard-plan.h). `flags` is the slot of the record plus one, or 0; the same with GUARD_ACTED, whose `value` then is 0 when the
   * end of the process is proven. */
  /* The guard begins to act: from here on the countdown is its own until GUARD_ACTED. */
  GUARD_ACTING = 16,
  /* A record was written about something that was not acted on. */
  GUARD_NOTED = 17,
  /* An expired countdown is not acted on for now: `value` is of enum guard_hold. */
  GUARD_HOLDING = 18,
};

enum guard_record_flag {
  /* The guard has already counted the WATCHDOG=1 in this message. */
  GUARD_BEAT_TAKEN = 1 << 0,
};

struct guard_record {
  uint32_t kind;
  /* Bytes of text. */
  uint32_t length;
  /* 0 when there is none, as for a message of an unknown sender. */
  guard_id countdown;
  guard_id process;
  int64_t value;
  /* Which arming of the countdown is meant: see guard_countdown_claim. */
  uint32_t arming;
  uint32_t flags;
  /* Of the sender, from the kernel. */
  int32_t pid;
  uint32_t uid;
};

/* An eventfd that is readable when records wait. It belongs to the guard; the owner reads it to reset it, then reads records. */
int guard_wake_fd(struct guard *guard);

/*
 * Takes the oldest record. `text` has room for GUARD_TEXT_MAX bytes; there is no NUL at its end.
 * Returns 1 when there was one, else 0.
 */
int guard_read(struct guard *guard, struct guard_record *out, char *text);

/* Since guard_open. */
struct guard_counters {
  uint64_t datagrams;
  /* Beats that reset a countdown without the owner. */
  uint64_t beats;
  uint64_t messages;
  /* Datagrams that carried file descriptors. The kernel closed them: none ever reaches this process. */
  uint64_t descriptors;
  /* Dropped datagrams, by reason. */
  uint64_t dropped_unsigned;
  uint64_t dropped_long;
  uint64_t dropped_nul;
  uint64_t dropped_malformed;
  /* Dropped as the sender had its share of the ring, or the ring its share of messages. */
  uint64_t dropped_share;
  uint64_t dropped_full;
  /* Taken as of an unknown sender without looking whose descendant that is, as too many had been looked up for nothing in that turn. */
  uint64_t untraced;
  /* Countdown events that had to wait for room in the ring. They are late, not lost. */
  uint64_t postponed;
  /* Stalls that found no room. Their time is uncounted all the same. */
  uint64_t lost_stalls;
  uint64_t turns;
};

int guard_counters(struct guard *guard, struct guard_counters *out);

/* ---- Countdowns ---- */

/* Makes one, disarmed. -ENOSPC when all are taken. */
int guard_countdown_create(struct guard *guard, guard_id *out);
int guard_countdown_dispose(struct guard *guard, guard_id id);

/*
 * Starts over with this limit, from 1 to GUARD_LIMIT_MAX, and a warning point within it. `arming`, if not null, gets the number by
 * which later records of this countdown can be told from those of before.
 */
int guard_countdown_arm(struct guard *guard, guard_id id, int64_t limit, int64_t warning, uint32_t *arming);

/*
 * A heartbeat: starts over with the present limit. One store and no system call, unless the warning point or the limit was passed.
 * `spent`, if not null, gets the time since the last. An expired countdown that nobody has claimed runs again. -ENODATA when disarmed.
 */
int guard_countdown_beat(struct guard *guard, guard_id id, int64_t *spent);

/*
 * As guard_countdown_beat, and says that the owner has nothing more to do for a beat than this: from now until the warning, arming or
 * disarming, WATCHDOG=1 from the bound process is not handed on as a message.
 */
int guard_countdown_quiet_beat(struct guard *guard, guard_id id, int64_t *spent);

/* Moves the end further away by this much, until the next beat. -ENODATA when disarmed. */
int guard_countdown_extend(struct guard *guard, guard_id id, int64_t span);
int guard_countdown_disarm(struct guard *guard, guard_id id);

/*
 * The owner takes a GUARD_EXPIRED upon itself: the countdown is disarmed, and the guard will not act. -ESTALE when it no longer is
 * expired by this arming: it was beaten, armed or disarmed since; then there is nothing to do.
 */
int guard_countdown_claim(struct guard *guard, guard_id id, uint32_t arming);

/*
 * What the guard does by itself when an expired countdown is not claimed within `budget`: it sends `signal` to the process. Stays
 * until it is set again; signal 0 does nothing.
 */
int guard_countdown_fallback(struct guard *guard, guard_id id, guard_id process, int signal, int64_t budget);

enum guard_state {
  GUARD_DISARMED = 0,
  GUARD_ARMED = 1,
  GUARD_WARNED = 2,
  GUARD_OVERDUE = 3,
  /* The guard carries out a plan. */
  GUARD_BUSY = 4,
  /* Claimed, and not dealt with yet: see guard_countdown_lease. */
  GUARD_LEASED = 5,
};

struct guard_countdown_reading {
  /* Of enum guard_state; GUARD_OVERDUE is expired and not claimed. */
  uint32_t state;
  uint32_t arming;
  /* Zero when disarmed. */
  int64_t spent;
  int64_t remaining;
  /* Since it was created, whoever counted them. */
  uint64_t beats;
  /* As its service counts them, while it is bound to a line of a page; at most 2^53, and 0 while another process has the page. */
  uint64_t page_beats;
  /* The process that says it opened that page; 0 for none, or when it is not bound. */
  int32_t page_beater;
};

int guard_countdown_reading(struct guard *guard, guard_id id, struct guard_countdown_reading *out);

/* Different gaps that are counted apart. */
#define GUARD_TALLY_BINS 8

/*
 * How far the beats were apart that the guard took in without telling: what GUARD_MESSAGE and guard_countdown_beat tell is not in it. A
 * bin is an eighth of an octave wide; that of number 8o + n begins at (8 + n) * 2^o / 8192 s, and the last is 160. Number -1 has what is
 * shorter than 1/1024 s.
 */
struct guard_tally {
  /* Of the gaps, in nanoseconds. */
  int64_t sum;
  int64_t longest;
  uint32_t bins;
  int16_t bin[GUARD_TALLY_BINS];
  uint32_t count[GUARD_TALLY_BINS];
};

/* Gives out what was counted since the last time. When a beat finds no room, the guard tells the owner of beats until this is called. */
int guard_countdown_tally(struct guard *guard, guard_id id, struct guard_tally *out);

/* ---- Processes ---- */

/*
 * Watches a process. `start_time` is the 22nd field of /proc/PID/stat; when it is not 0 and the process has another, there is nobody
 * left to watch: -ESRCH. -EEXIST when the pid is watched already.
 */
int guard_process_add(struct guard *guard, int32_t pid, uint64_t start_time, guard_id *out);
int guard_process_remove(struct guard *guard, guard_id id);
/*
 * Sends a signal to this process and no other, whoever has its pid by now. -ESRCH when it has ended. With SIGKILL a guard of real-time priority lends
 * the main thread the lowest of these, so that its end does not wait for busy programs.
 */
int guard_process_signal(struct guard *guard, guard_id id, int signal);
/* 1 when it has ended (this is the proof), 0 when not. */
int guard_process_ended(struct guard *guard, guard_id id);
/* Its WATCHDOG=1 resets this countdown, and its end disarms it. Binding another one unbinds the first; 0 unbinds. */
int guard_process_bind(struct guard *guard, guard_id id, guard_id countdown);
/*
 * Whether processes that descend from this one speak for it on the notify socket, as with NotifyAccess=all. A sender is looked up while it
 * still waits for its datagram to be received, if it waits for that at all; one that has ended and is reaped belongs to nobody.
 */
int guard_process_admit(struct guard *guard, guard_id id, int admit);

/* ---- Heartbeats through shared memory; native/include/hangdog.h is the side of the services ---- */

/*
 * Makes a page with lines 0 to `lines` - 1 (at most GUARD_CAPACITY_MAX), and a file to give to a service, which is the caller's to close. Who
 * has the file can beat on all of its lines: isolated services have a page each, with up to 63 lines for 4 KiB. Its size is sealed.
 */
int guard_page_open(struct guard *guard, uint32_t lines, guard_id *page, int *fd);
/* -EBUSY while a line is bound. */
int guard_page_close(struct guard *guard, guard_id id);

/*
 * A beat in this line resets this countdown. It counts from when it was, though the guard finds it later: when the countdown reaches a point.
 * Until the countdown is quiet (guard_countdown_quiet_beat), and also while it is disarmed, the line is read in an eighth of the limit, from
 * 5 to 250 ms, and the owner is told by GUARD_PAGE_BEAT. Beats written before this call count. Binding another line unbinds the first;
 * dispose unbinds.
 */
int guard_page_bind(struct guard *guard, guard_id page, uint32_t line, guard_id countdown);
/*
 * The same, and beats count only while no other process than `pid` says that it has opened the page; 0 is anybody. It catches mistakes: who has
 * the page can write any pid.
 */
int guard_page_bind_to(struct guard *guard, guard_id page, uint32_t line, guard_id countdown, int32_t pid);
/* -ENOENT when it is bound to none. */
int guard_page_unbind(struct guard *guard, guard_id countdown);

/* ---- The notify socket ---- */

/*
 * Receives sd_notify datagrams at `path` (a leading @ means the abstract namespace). The file is made with `mode`; it must not exist.
 * One socket a guard: -EBUSY when there is one.
 */
int guard_notify_open(struct guard *guard, const char *path, uint32_t mode);
/* The file is left to the caller. */
int guard_notify_close(struct guard *guard);

/* ---- By hand: only with GUARD_BY_HAND, else -EPERM ---- */

/* Sets the clock, which may not go back. */
int guard_hand_set(struct guard *guard, int64_t now);
/* Does what the thread does when it wakes. */
int guard_hand_turn(struct guard *guard);
/* When the thread would wake by itself: a time of that clock, or INT64_MAX. */
int guard_hand_next(struct guard *guard, int64_t *out);

#ifdef __cplusplus
}
#endif

#endif
