/* From the first signal on: the grace, SIGKILL and the proof that nothing is left. */
#include "plan-steps.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define MILLISECOND INT64_C(1000000)
/* Between two looks for the proof, and two kills: a fork may slip past one. */
#define PROOF_LOOK (5 * MILLISECOND)
/* How soon an owner whose ring is full is told again. */
#define RETRY (10 * MILLISECOND)

void plan_finish(struct guard *guard, struct countdown *countdown, int result, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  if (plan->phase != PLAN_UNTOLD) {
    int64_t after = (now - plan->expired_at) / MILLISECOND;
    if (result == 0) record_step(guard, plan, "gone after %lld ms", (long long)after);
    else record_step(guard, plan, "not gone");
    record_outcome(guard, plan, result == 0 ? "terminated" : "not-terminated");
    record_in_kernel_log(guard, 4, "guard: service %s: %s", plan->name, result == 0 ? "terminated" : "not terminated");
    plan->result = result;
  }
  if (!countdown_tell(guard, countdown, GUARD_ACTED, -plan->result)) {
    plan->phase = PLAN_UNTOLD;
    plan_wait(guard, countdown, now, RETRY);
    return;
  }
  plan_reset(plan);
  countdown_stop(guard, countdown);
}

static void kill_all(struct guard *guard, struct plan *plan) {
  if (plan->kill_file != 0) (void)!pwrite(plan->kill_file, "1", 1, 0);
  if ((plan->flags & GUARD_PLAN_GROUP) != 0) (void)process_kill_group(guard, plan->process, SIGKILL);
  (void)process_kill(guard, plan->process, SIGKILL);
}

static bool is_gone(struct guard *guard, struct plan *plan) {
  return process_has_ended(guard, plan->process) && plan_group_empty(plan);
}

void plan_prove(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  if (is_gone(guard, plan)) {
    plan_finish(guard, countdown, 0, now);
    return;
  }
  if (now < plan->until) {
    kill_all(guard, plan);
    countdown_look_at(guard, countdown, now + PROOF_LOOK < plan->until ? now + PROOF_LOOK : plan->until);
    return;
  }
  bool escalates = (plan->flags & GUARD_PLAN_ESCALATE) != 0 && !plan->bugcheck_tried;
  if (escalates) plan_bugcheck(guard, countdown, now);
  else plan_finish(guard, countdown, -ETIMEDOUT, now);
}

void plan_kill(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  plan->phase = PLAN_PROOF;
  kill_all(guard, plan);
  plan->until = now + plan->kill_limit;
  countdown_look_at(guard, countdown, now + (PROOF_LOOK < plan->kill_limit ? PROOF_LOOK : plan->kill_limit));
}

/* A signal does not reach what cannot run: then the grace would only be time lost. */
static bool can_take_signal(const struct plan *plan) {
  return plan->signal != 0 && plan->grace > 0 && plan->held_for == GUARD_NOT_HELD && plan->before.state != 'D';
}

void plan_terminate(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  if (!can_take_signal(plan)) {
    plan_kill(guard, countdown, now);
    return;
  }
  plan->phase = PLAN_GRACE;
  bool group = (plan->flags & GUARD_PLAN_GROUP) != 0;
  int (*send)(struct guard *, guard_id, int) = group ? process_kill_group : process_kill;
  (void)send(guard, plan->process, plan->signal);
  // What is stopped does not act on a signal.
  (void)send(guard, plan->process, SIGCONT);
  plan_wait(guard, countdown, now, plan->grace);
}

void plan_start(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  char id[96];
  record_identity(guard, plan, id, sizeof id);
  if (plan->next == GUARD_BUGCHECK) {
    plan_bugcheck(guard, countdown, now);
    return;
  }
  record_in_kernel_log(guard, 3, "guard: service %s hung and hangdog did not answer: terminated, incident %s", plan->name, id);
  plan_terminate(guard, countdown, now);
}
