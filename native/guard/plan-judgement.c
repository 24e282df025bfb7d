/* From the budget to the first signal: a silence is judged, held or recorded. Up to here a beat or a claim calls it off. */
#include "plan-steps.h"

#include <errno.h>
#include <string.h>

#define MILLISECOND INT64_C(1000000)
#define SECOND (1000 * MILLISECOND)
/* How often a process that cannot run is looked at: a quarter of its limit, within these. */
#define SHORTEST_HOLD_LOOK (50 * MILLISECOND)
#define LONGEST_HOLD_LOOK SECOND

static bool is_used_up(const struct plan *plan, uint32_t hold) {
  // Starvation is excused once: a machine that starves its services for ever has to be acted on as well.
  if (hold == GUARD_HELD_STARVED) return plan->starved || plan->holds[hold - 1] == 0;
  return plan->held[hold - 1] >= plan->holds[hold - 1];
}

static void note_hold(struct guard *guard, struct countdown *countdown, uint32_t hold) {
  static const char *const reasons[] = {"", "stopped", "traced", "frozen", "starved"};
  struct plan *plan = plan_of(guard, countdown);
  if (plan->held_for == hold) return;
  plan->held_for = (uint8_t)hold;
  (void)countdown_tell(guard, countdown, GUARD_HOLDING, hold);
  record_in_kernel_log(guard, 4, "guard: service %s is silent, but %s: not acted on for now", plan->name, reasons[hold]);
}

/* Says whether the service is held, and then looks again later. */
static bool is_held(struct guard *guard, struct countdown *countdown, const struct plan_sample *sample, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  if (plan->phase == PLAN_HELD) plan->held[plan->held_for - 1] += now - plan->looked_at;
  plan->looked_at = now;
  uint32_t hold = plan_hold(plan, sample);
  if (hold != GUARD_NOT_HELD && !is_used_up(plan, hold)) {
    note_hold(guard, countdown, hold);
    plan->phase = hold == GUARD_HELD_STARVED ? PLAN_BUDGET : PLAN_HELD;
    plan->starved = plan->starved || hold == GUARD_HELD_STARVED;
    int64_t look = countdown->limit / 4;
    if (look < SHORTEST_HOLD_LOOK) look = SHORTEST_HOLD_LOOK;
    if (look > LONGEST_HOLD_LOOK) look = LONGEST_HOLD_LOOK;
    if (hold == GUARD_HELD_STARVED)
      look = countdown->limit < plan->holds[hold - 1] ? countdown->limit : plan->holds[hold - 1];
    plan_wait(guard, countdown, now, look);
    return true;
  }
  if (plan->phase != PLAN_HELD || hold != GUARD_NOT_HELD) return false;
  // It runs again, and gets its whole limit to say so.
  plan->phase = PLAN_BUDGET;
  plan->held_for = GUARD_NOT_HELD;
  plan_wait(guard, countdown, now, countdown->limit);
  return true;
}

void plan_recorded(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  int result = plan->slot == 0 ? -ENOSPC : recorder_result(guard->recorder, plan->slot - 1);
  if (result == -EAGAIN && now < plan->until) {
    countdown_look_at(guard, countdown, plan->until);
    return;
  }
  if (result != 0) {
    record_in_kernel_log(guard, 3, "guard: the record of service %s is not on the disk: %s", plan->name,
                         result == -EAGAIN ? "not confirmed in time" : strerror(-result));
    if (plan->slot != 0) record_step(guard, plan, "not waited for any longer: the record was not on the disk");
  }
  if (plan->next == GUARD_LOG) {
    plan->phase = PLAN_NOTED;
    (void)countdown_tell(guard, countdown, GUARD_NOTED, 0);
    return;
  }
  struct plan_sample sample = plan_sample(guard, plan, now);
  if (is_held(guard, countdown, &sample, now) || countdown_saved(guard, countdown)) return;
  // A beat that is just coming in has seen the state of before, and waits for the lock to call this off.
  if (!countdown_change(countdown, GUARD_BUSY, atomic_load(&countdown->since))) return;
  plan->before = sample;
  (void)countdown_tell(guard, countdown, GUARD_ACTING, 0);
  plan_start(guard, countdown, now);
}

static void begin(struct guard *guard, struct countdown *countdown, const struct plan_sample *sample, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  const char *refusal = plan->action == GUARD_BUGCHECK ? machine_refusal(guard, now) : NULL;
  plan->next = refusal != NULL ? GUARD_TERMINATE : plan->action;
  record_begin(guard, countdown, sample);
  if (plan->held_for != GUARD_NOT_HELD) record_step(guard, plan, "held for longer than allowed");
  if (refusal != NULL) {
    plan->bugcheck_tried = true;
    record_step(guard, plan, "bugcheck refused: %s", refusal);
    record_in_kernel_log(guard, 3, "guard: bugcheck for service %s refused: %s", plan->name, refusal);
  }
  struct watched *process = process_find(guard, plan->process);
  if (plan->next == GUARD_LOG) record_step(guard, plan, "reported only");
  else if (plan->next == GUARD_BUGCHECK) record_step(guard, plan, "bugcheck by sysrq %c", machine_letter(guard));
  else record_step(guard, plan, "terminate pid %d", process == NULL ? 0 : process->pid);
  plan->phase = PLAN_RECORDING;
  plan_wait(guard, countdown, now, plan->record_limit);
  if (plan->slot == 0 || plan->record_limit == 0) plan_recorded(guard, countdown, now);
}

void plan_judge(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  // What the service said meanwhile is for the owner to judge; until then nothing is looked at by itself.
  if (!plan_applies(guard, countdown)) {
    countdown_look_at(guard, countdown, INT64_MAX);
    return;
  }
  struct plan_sample sample = plan_sample(guard, plan, now);
  if (!is_held(guard, countdown, &sample, now)) begin(guard, countdown, &sample, now);
}
