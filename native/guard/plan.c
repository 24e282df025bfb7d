/*
 * Plans: what the guard does when an expired countdown is not claimed. One step a turn, each with its own limit, in the guard's own time:
 *
 *   budget -> (held, as long as allowed) -> record -> signal -> grace -> SIGKILL -> proof -> told
 *                                             `-> last words -> sync -> stop the machine, one way after the other
 */
#include "plan-steps.h"

#include <errno.h>
#include <string.h>

struct plan *plan_of(struct guard *guard, const struct countdown *countdown) {
  return &guard->plans[countdown - guard->countdowns];
}

void plan_wait(struct guard *guard, struct countdown *countdown, int64_t now, int64_t span) {
  struct plan *plan = plan_of(guard, countdown);
  plan->until = now + span;
  countdown_look_at(guard, countdown, plan->until);
}

static bool has_ended(struct guard *guard, const struct plan *plan) {
  // One that was given back had ended, and the owner has seen it.
  return process_find(guard, plan->process) == NULL || process_kill(guard, plan->process, 0) != 0;
}

bool plan_applies(struct guard *guard, struct countdown *countdown) {
  struct plan *plan = plan_of(guard, countdown);
  if (!countdown->planned || plan->owner_first) return false;
  return atomic_load(&countdown->heard) != HEARD_BY_OWNER && !has_ended(guard, plan);
}

void plan_reset(struct plan *plan) {
  plan->phase = PLAN_IDLE;
  plan->slot = 0;
  plan->starved = false;
  plan->bugcheck_tried = false;
  plan->held_for = GUARD_NOT_HELD;
  plan->result = 0;
  plan->rung = RUNG_SYSRQ;
  memset(plan->held, 0, sizeof plan->held);
}

void plan_warned(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  if (countdown->planned) plan->before = plan_sample(guard, plan, now);
}

void plan_expired(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  plan_reset(plan);
  plan->phase = PLAN_BUDGET;
  plan->expired_at = now;
  plan_wait(guard, countdown, now, plan->budget);
  if (plan->budget == 0) plan_step(guard, countdown, now);
}

void plan_leased(struct guard *guard, struct countdown *countdown, int64_t now, int64_t span) {
  struct plan *plan = plan_of(guard, countdown);
  plan_reset(plan);
  plan->phase = PLAN_BUDGET;
  plan_wait(guard, countdown, now, span);
}

void plan_step(struct guard *guard, struct countdown *countdown, int64_t now) {
  switch ((enum plan_phase)plan_of(guard, countdown)->phase) {
    case PLAN_BUDGET:
    case PLAN_HELD:
      plan_judge(guard, countdown, now);
      return;
    case PLAN_RECORDING:
      plan_recorded(guard, countdown, now);
      return;
    case PLAN_GRACE:
      plan_kill(guard, countdown, now);
      return;
    case PLAN_PROOF:
      plan_prove(guard, countdown, now);
      return;
    case PLAN_SYNCING:
      plan_disks_synced(guard, countdown, now);
      return;
    case PLAN_FIRED:
      plan_machine_runs(guard, countdown, now);
      return;
    case PLAN_UNTOLD:
      plan_finish(guard, countdown, 0, now);
      return;
    case PLAN_IDLE:
    case PLAN_NOTED:
      return;
  }
}

void plans_turn(struct guard *guard, int64_t now) {
  if (guard->recorder == NULL) return;
  uint32_t place = 0;
  for (guard_id id = recorder_news(guard->recorder, &place); id != 0; id = recorder_news(guard->recorder, &place)) {
    struct countdown *countdown = countdown_find(guard, id);
    bool planned = countdown != NULL && countdown->planned;
    uint8_t phase = planned ? plan_of(guard, countdown)->phase : PLAN_IDLE;
    if (phase == PLAN_RECORDING) plan_step(guard, countdown, now);
  }
  if (guard->syncing == 0 || !recorder_synced(guard->recorder)) return;
  struct countdown *countdown = countdown_find(guard, guard->syncing);
  guard->syncing = 0;
  if (countdown != NULL && plan_of(guard, countdown)->phase == PLAN_SYNCING) plan_step(guard, countdown, now);
}

bool plan_process_ended(struct guard *guard, struct countdown *countdown) {
  struct plan *plan = plan_of(guard, countdown);
  if (!countdown->planned) return false;
  int64_t now = awake_clock_peek(&guard->clock);
  switch ((enum plan_phase)plan->phase) {
    case PLAN_GRACE:
      // What it left behind is ended too.
      plan_kill(guard, countdown, now);
      if (plan->phase == PLAN_PROOF) plan_prove(guard, countdown, now);
      return true;
    case PLAN_PROOF:
      plan_prove(guard, countdown, now);
      return true;
    case PLAN_SYNCING:
    case PLAN_FIRED:
    case PLAN_UNTOLD:
      return true;
    case PLAN_IDLE:
    case PLAN_BUDGET:
    case PLAN_HELD:
    case PLAN_RECORDING:
    case PLAN_NOTED:
      (void)plan_called_off(guard, countdown, PLAN_OFF_EXIT);
      return false;
  }
  return false;
}

/* The record says how it ended, and the owner hears of it; one that the owner will write itself is not kept twice. */
static void close_record(struct guard *guard, struct countdown *countdown, enum plan_off why) {
  static const char *const outcomes[] = {"called-off", "claimed", "taken-over", "ended-by-itself"};
  struct plan *plan = plan_of(guard, countdown);
  if (plan->slot == 0) return;
  if (why == PLAN_OFF_CLAIM && plan->phase != PLAN_NOTED) {
    recorder_let_go(guard->recorder, plan->slot - 1);
    (void)recorder_free(guard->recorder, plan->slot - 1);
    return;
  }
  if (why == PLAN_OFF_CLAIM) recorder_let_go(guard->recorder, plan->slot - 1);
  else record_outcome(guard, plan, outcomes[why]);
  (void)countdown_tell(guard, countdown, GUARD_NOTED, 0);
}

bool plan_called_off(struct guard *guard, struct countdown *countdown, enum plan_off why) {
  struct plan *plan = plan_of(guard, countdown);
  if (!countdown->planned) return false;
  switch ((enum plan_phase)plan->phase) {
    case PLAN_IDLE:
      return false;
    case PLAN_BUDGET:
    case PLAN_HELD:
    case PLAN_RECORDING:
    case PLAN_NOTED:
      close_record(guard, countdown, why);
      plan_reset(plan);
      return false;
    case PLAN_GRACE:
    case PLAN_PROOF:
    case PLAN_SYNCING:
    case PLAN_FIRED:
    case PLAN_UNTOLD:
      record_outcome(guard, plan, "taken-over");
      (void)countdown_tell(guard, countdown, GUARD_ACTED, ECANCELED);
      plan_reset(plan);
      return true;
  }
  return false;
}
