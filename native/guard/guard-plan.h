/*
 * What the guard does alone: the plan of each countdown, the file in which it records what it does, and the machine that it may stop.
 *
 * A plan is carried out when a countdown has expired and the owner has not claimed it within the budget, or has claimed it with a lease that
 * ran out. Only silence that the guard can see itself counts: the last beat must have been taken in by the guard, not handed in by the
 * owner, whose beats may wait unread while it is blocked. Until the first signal a beat, a claim, arming or disarming calls it off.
 *
 * Nothing here waits: records are written, and disks synced, by a thread of its own, for which the guard allows a bounded time.
 */
#ifndef HANGDOG_GUARD_PLAN_H
#define HANGDOG_GUARD_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "guard.h"

#ifdef __cplusplus
extern "C" {
#endif

/* HangRecoveryAction. GUARD_NOTHING removes a plan. */
enum guard_action { GUARD_NOTHING = 0, GUARD_LOG = 1, GUARD_TERMINATE = 2, GUARD_BUGCHECK = 3 };

enum guard_plan_flag {
  /* The process leads a group, which is ended with it. */
  GUARD_PLAN_GROUP = 1 << 0,
  /* A termination that cannot be proven is followed by a bugcheck, if that is permitted. */
  GUARD_PLAN_ESCALATE = 1 << 1,
};

/* Why a silent service is not acted on for now. Holds are bounded by guard_plan.holds, in this order. */
enum guard_hold { GUARD_NOT_HELD = 0, GUARD_HELD_STOPPED = 1, GUARD_HELD_TRACED = 2, GUARD_HELD_FROZEN = 3, GUARD_HELD_STARVED = 4 };
#define GUARD_HOLDS 4

/* The longest name of a service, and the longest text about it. */
#define GUARD_NAME_MAX 64
#define GUARD_ABOUT_MAX 191

struct guard_plan {
  /* Of enum guard_action. */
  uint32_t action;
  /* Of enum guard_plan_flag. */
  uint32_t flags;
  guard_id process;
  /* Sent first, when `grace` is not 0; then SIGKILL. */
  int32_t signal;
  /* How long the owner has to claim an expiry. */
  int64_t budget;
  /* Between `signal` and SIGKILL. */
  int64_t grace;
  /* Between SIGKILL and the conclusion that the process cannot be terminated; more than 0. */
  int64_t kill_limit;
  /* How long the action waits for its record to be on the disk. */
  int64_t record_limit;
  /* How long each enum guard_hold may hold in one silence, less one. */
  int64_t holds[GUARD_HOLDS];
  /* Directory of a control group that holds the service and nothing else, or null. It is opened here. */
  const char *group;
  /* A file that says whether the process is frozen: cgroup.events of its group, or freezer.state; or null. It is opened here. */
  const char *freezer;
  /* For records and the kernel's log; no line breaks. */
  const char *name;
  /* Whole lines that are put into the record, each of the form KEY=VALUE and with a line break at its end; or null. */
  const char *about;
};

/* What guard_countdown_plan could open of what it was given. */
enum guard_plan_got { GUARD_GOT_GROUP = 1 << 0, GUARD_GOT_FREEZER = 1 << 1 };

/*
 * Sets the plan of a countdown; it stays until it is set again. An action that is under way goes on by the old one: -EBUSY.
 * Returns what was opened, of enum guard_plan_got.
 */
int guard_countdown_plan(struct guard *guard, guard_id id, const struct guard_plan *plan);

/*
 * The owner deals with an expiry that it has claimed, and will have done so within `span`: if it has not let go by then (0), nor armed the
 * countdown again, and no beat came, the guard acts after all. -ENODATA without a plan, -EBUSY while the guard acts.
 */
int guard_countdown_lease(struct guard *guard, guard_id id, int64_t span);

/*
 * There is no owner any more: the guard is the only one that could have heard of a beat, so that all silence is its to judge, and nobody
 * else deals with an expiry that was claimed. -ENODATA without a plan.
 */
int guard_countdown_unowned(struct guard *guard, guard_id id);

/* ---- Records ---- */

#define GUARD_SLOTS 64
/* The longest text of a record. */
#define GUARD_RECORD_MAX 1000

/*
 * Makes the file for records at `path`, which must not exist, with room for all of them; native/README.md has its format. `head` is
 * text, at most GUARD_HEAD_MAX bytes, for whoever finds the file. Once a guard: -EBUSY.
 */
#define GUARD_HEAD_MAX 4000
int guard_record_open(struct guard *guard, const char *path, const char *head);
/* Copies the present text of a slot, with a NUL. `text` has room for GUARD_RECORD_MAX + 1. Returns its length; -ENOENT when there is none. */
int guard_record_text(struct guard *guard, uint32_t slot, char *text);
/* The owner has kept this record elsewhere: the slot is cleared, and may be used again. -EBUSY while the guard still works on it. */
int guard_record_free(struct guard *guard, uint32_t slot);

/* ---- The machine ---- */

/* Null paths are not there. All but the watchdog are opened at once; opening a watchdog would arm it. */
struct guard_machine {
  /* /proc/sysrq-trigger */
  const char *sysrq;
  /* /sys/kernel/kexec_crash_loaded: holds 1 when a crash kernel is loaded. */
  const char *crash_loaded;
  /* /dev/kmsg */
  const char *kernel_log;
  /* /dev/watchdog */
  const char *watchdog;
  /* /proc/pressure/cpu */
  const char *pressure;
  /* Whether reboot(2) may be used. */
  uint32_t reboot;
};

enum guard_machine_got { GUARD_GOT_SYSRQ = 1 << 0, GUARD_GOT_KERNEL_LOG = 1 << 1, GUARD_GOT_PRESSURE = 1 << 2 };

/* Returns what was opened, of enum guard_machine_got. What was opened before is closed. */
int guard_machine_open(struct guard *guard, const struct guard_machine *machine);

/*
 * The owner feeds the machine's watchdog by this descriptor, which stays its own; 0 says that it feeds none, and must be said before the
 * descriptor is closed. The guard gives the machine more time by it before a crash dump, which would be cut off.
 */
int guard_machine_fed(struct guard *guard, int watchdog);

/* Stopping the machine is permitted from now on for this long, in the guard's own time; 0 takes the permission back. At first there is none. */
int guard_bugcheck_permit(struct guard *guard, int64_t span);

#ifdef __cplusplus
}
#endif

#endif
