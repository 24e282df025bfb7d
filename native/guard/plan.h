/* Plans, as the rest of the guard sees them. Only files of this folder include it. The guard's lock is held in all calls. */
#ifndef HANGDOG_PLAN_H
#define HANGDOG_PLAN_H

#include "guard-plan.h"
#include "guard-state.h"
#include "recorder.h"

enum plan_phase {
  PLAN_IDLE,
  /* Expired; the owner has time to claim. */
  PLAN_BUDGET,
  /* Expired, but for a reason that is not the service's own. */
  PLAN_HELD,
  /* Waits for the record, within its limit. Up to here a beat or a claim calls it off. */
  PLAN_RECORDING,
  /* Recorded, and that was all (action 1). */
  PLAN_NOTED,
  /* The first signal is sent. */
  PLAN_GRACE,
  /* Killed; waits for the proof. */
  PLAN_PROOF,
  /* Waits for the disks, within a limit. */
  PLAN_SYNCING,
  /* The machine was told to stop, and should have. */
  PLAN_FIRED,
  /* Done, but the owner could not be told yet. */
  PLAN_UNTOLD,
};

/* What a silence is judged by. */
struct plan_sample {
  int64_t at;
  /* Of the main thread, waiting for a CPU. */
  int64_t wait;
  /* Of the whole process, on CPUs. */
  int64_t cpu;
  /* Of the machine. */
  int64_t pressure;
  /* As of /proc/PID/stat; 0 when it could not be read. */
  char state;
  bool complete;
};

struct plan {
  guard_id process;
  int64_t budget;
  int64_t grace;
  int64_t kill_limit;
  int64_t record_limit;
  int64_t holds[GUARD_HOLDS];
  int32_t signal;
  uint8_t action;
  uint8_t flags;
  uint8_t phase;
  /* Which way of stopping the machine was tried last. */
  uint8_t rung;
  /* Zero when there is none. */
  int stat_file;
  int kill_file;
  int events_file;
  int freezer_file;
  /* Plus one; 0 when there is no record. */
  uint32_t slot;
  /* The service said something that only the owner can deal with; until the next arming. */
  bool owner_first;
  bool starved;
  bool bugcheck_tried;
  uint8_t held_for;
  /* What the action will begin with, once it is recorded: of enum guard_action. */
  uint8_t next;
  int32_t result;
  int64_t until;
  int64_t looked_at;
  int64_t expired_at;
  int64_t held[GUARD_HOLDS];
  struct plan_sample before;
  char name[GUARD_NAME_MAX + 1];
  char about[GUARD_ABOUT_MAX + 1];
};

struct plan *plan_of(struct guard *guard, const struct countdown *countdown);
/* Whether silence of this countdown would be acted on. */
bool plan_applies(struct guard *guard, struct countdown *countdown);
/* The points in the life of a countdown; `now` is awake time. */
void plan_warned(struct guard *guard, struct countdown *countdown, int64_t now);
void plan_expired(struct guard *guard, struct countdown *countdown, int64_t now);
/* The owner deals with it, for at most this long. */
void plan_leased(struct guard *guard, struct countdown *countdown, int64_t now, int64_t span);
void plan_step(struct guard *guard, struct countdown *countdown, int64_t now);
/* Why a plan is not carried out, or not to its end. */
enum plan_off { PLAN_OFF_BEAT, PLAN_OFF_CLAIM, PLAN_OFF_OWNER, PLAN_OFF_EXIT };
/* Says whether the guard was acting. */
bool plan_called_off(struct guard *guard, struct countdown *countdown, enum plan_off why);
/* A watched process has ended; says whether the plan deals with that. */
bool plan_process_ended(struct guard *guard, struct countdown *countdown);
/* A message of the service that is not only a beat; it has been taken in, and may wait long for the owner. */
void plan_message(struct guard *guard, struct countdown *countdown, const char *text, size_t length);
/* Once a turn: goes on where a record has come to the disk. */
void plans_turn(struct guard *guard, int64_t now);
void plan_dispose(struct guard *guard, struct countdown *countdown);
void plans_close(struct guard *guard);

/* plan-reading.c */
struct plan_sample plan_sample(struct guard *guard, const struct plan *plan, int64_t now);
/* Of enum guard_hold. `sample` was just taken. */
uint32_t plan_hold(const struct plan *plan, const struct plan_sample *sample);
/* Whether nobody is left in the control group; true when there is none. */
bool plan_group_empty(const struct plan *plan);

/* plan-calls.c: opens a file so that its descriptor is never 0. Returns it or a negative errno value. */
int plan_open_file(const char *path, int flags);
void plan_close_file(int *file);

/* plan-record.c */
void record_begin(struct guard *guard, struct countdown *countdown, const struct plan_sample *sample);
void record_step(struct guard *guard, struct plan *plan, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The last line; the slot is the owner's then. */
void record_outcome(struct guard *guard, struct plan *plan, const char *outcome);
/* A line of the kernel's log. */
void record_in_kernel_log(struct guard *guard, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));
void record_identity(struct guard *guard, const struct plan *plan, char *id, size_t size);

/* machine-stop.c */
enum machine_rung { RUNG_SYSRQ, RUNG_REBOOT, RUNG_WATCHDOG, RUNG_NONE };
/* Why the machine may not or cannot be stopped; null when it can. */
const char *machine_refusal(struct guard *guard, int64_t now);
char machine_letter(struct guard *guard);
/* Asks the kernel to write the disks back by itself. */
void machine_emergency_sync(struct guard *guard);
/* Tries one way. Returns 0, when the machine should be going down, or why that cannot be. */
int machine_stop(struct guard *guard, enum machine_rung rung);
void machine_close(struct guard *guard);

#endif
