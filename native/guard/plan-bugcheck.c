/* Stopping the machine for a service: last words, disks, then one way after the other. */
#include "plan-steps.h"

#include <errno.h>
#include <string.h>

#define MILLISECOND INT64_C(1000000)
#define SECOND (1000 * MILLISECOND)
/* For writing all disks back; the same as src/platform/linux-bugcheck.ts allows. */
#define SYNC_LIMIT (5 * SECOND)
#define EMERGENCY_SYNC SECOND
/* Until the machine must be down. */
#define STOP_LIMIT SECOND
#define WATCHDOG_LIMIT (15 * SECOND)

static void not_stopped(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  // Termination comes after it by action 3, and before it as an escalation.
  if (plan->action == GUARD_BUGCHECK) plan_terminate(guard, countdown, now);
  else plan_finish(guard, countdown, -ETIMEDOUT, now);
}

static void last_words(struct guard *guard, struct countdown *countdown) {
  struct plan *plan = plan_of(guard, countdown);
  struct watched *process = process_find(guard, plan->process);
  char id[96];
  record_identity(guard, plan, id, sizeof id);
  // 0x9E is USER_MODE_HEALTH_MONITOR. The same line as of src/platform/linux-bugcheck.ts.
  record_in_kernel_log(guard, 2, "bugcheck 0x9E: service %s (pid %d) hung for %lld ms, incident %s", plan->name,
                       process == NULL ? 0 : process->pid, (long long)(countdown->limit / MILLISECOND), id);
}

void plan_bugcheck(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  const char *refusal = machine_refusal(guard, now);
  plan->bugcheck_tried = true;
  if (refusal != NULL) {
    record_step(guard, plan, "bugcheck refused: %s", refusal);
    record_in_kernel_log(guard, 3, "guard: bugcheck for service %s refused: %s", plan->name, refusal);
    not_stopped(guard, countdown, now);
    return;
  }
  // By action 3 it is in the record already, and on the disk.
  if (plan->next != GUARD_BUGCHECK) record_step(guard, plan, "bugcheck by sysrq %c", machine_letter(guard));
  last_words(guard, countdown);
  plan->phase = PLAN_SYNCING;
  plan->rung = RUNG_SYSRQ;
  if (guard->recorder != NULL) {
    recorder_sync(guard->recorder);
    guard->syncing = make_id((uint32_t)(countdown - guard->countdowns), atomic_load(&countdown->tenant));
    plan_wait(guard, countdown, now, SYNC_LIMIT);
    return;
  }
  plan->rung = RUNG_NONE;
  machine_emergency_sync(guard);
  plan_wait(guard, countdown, now, EMERGENCY_SYNC);
}

static void fire(struct guard *guard, struct countdown *countdown, uint32_t rung, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  static const char *const names[] = {"sysrq", "reboot(2)", "the watchdog"};
  for (; rung < RUNG_NONE; rung++) {
    if (rung != RUNG_SYSRQ) record_step(guard, plan, "bugcheck by %s", names[rung]);
    int result = machine_stop(guard, rung);
    if (result == 0) {
      plan->phase = PLAN_FIRED;
      plan->rung = (uint8_t)rung;
      plan_wait(guard, countdown, now, rung == RUNG_WATCHDOG ? WATCHDOG_LIMIT : STOP_LIMIT);
      return;
    }
    record_step(guard, plan, "bugcheck failed: %s: %s", names[rung], strerror(-result));
  }
  record_in_kernel_log(guard, 2, "guard: the machine could not be stopped for service %s", plan->name);
  not_stopped(guard, countdown, now);
}

void plan_disks_synced(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  bool waits = plan->rung != RUNG_NONE;
  if (waits && recorder_synced(guard->recorder)) {
    fire(guard, countdown, RUNG_SYSRQ, now);
    return;
  }
  if (now < plan->until) {
    countdown_look_at(guard, countdown, plan->until);
    return;
  }
  if (!waits) {
    fire(guard, countdown, RUNG_SYSRQ, now);
    return;
  }
  plan->rung = RUNG_NONE;
  machine_emergency_sync(guard);
  plan_wait(guard, countdown, now, EMERGENCY_SYNC);
}

void plan_machine_runs(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  record_step(guard, plan, "bugcheck failed: the machine still runs");
  fire(guard, countdown, plan->rung + 1u, now);
}
