/*
 * Plans: what the guard does when an expired countdown is not claimed. One step a turn, each with its own limit, in the guard's own time:
 *
 *   budget -> (held, as long as allowed) -> record -> signal -> grace -> SIGKILL -> proof -> told
 *                                             `-> last words -> sync -> stop the machine, one way after the other
 */
#include "plan.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define MILLISECOND INT64_C(1000000)
#define SECOND (1000 * MILLISECOND)
/* How often a process that cannot run is looked at: a quarter of its limit, within these. */
#define SHORTEST_HOLD_LOOK (50 * MILLISECOND)
#define LONGEST_HOLD_LOOK SECOND
/* Between two looks for the proof, and two kills: a fork may slip past one. */
#define PROOF_LOOK (5 * MILLISECOND)
/* For writing all disks back; the same as src/platform/linux-bugcheck.ts allows. */
#define SYNC_LIMIT (5 * SECOND)
#define EMERGENCY_SYNC SECOND
/* Until the machine must be down. */
#define STOP_LIMIT SECOND
#define WATCHDOG_LIMIT (15 * SECOND)
/* How soon an owner whose ring is full is told again. */
#define RETRY (10 * MILLISECOND)

static void start(struct guard *guard, struct countdown *countdown, int64_t now);

struct plan *plan_of(struct guard *guard, const struct countdown *countdown) {
  return &guard->plans[countdown - guard->countdowns];
}

static void wait_for(struct guard *guard, struct countdown *countdown, int64_t now, int64_t span) {
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

static void reset(struct plan *plan) {
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
  reset(plan);
  plan->phase = PLAN_BUDGET;
  plan->expired_at = now;
  wait_for(guard, countdown, now, plan->budget);
  if (plan->budget == 0) plan_step(guard, countdown, now);
}

void plan_leased(struct guard *guard, struct countdown *countdown, int64_t now, int64_t span) {
  struct plan *plan = plan_of(guard, countdown);
  reset(plan);
  plan->phase = PLAN_BUDGET;
  wait_for(guard, countdown, now, span);
}

/* ---- Before the first signal ---- */

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
    wait_for(guard, countdown, now, look);
    return true;
  }
  if (plan->phase != PLAN_HELD || hold != GUARD_NOT_HELD) return false;
  // It runs again, and gets its whole limit to say so.
  plan->phase = PLAN_BUDGET;
  plan->held_for = GUARD_NOT_HELD;
  wait_for(guard, countdown, now, countdown->limit);
  return true;
}

static void recorded(struct guard *guard, struct countdown *countdown, int64_t now) {
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
  start(guard, countdown, now);
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
  wait_for(guard, countdown, now, plan->record_limit);
  if (plan->slot == 0 || plan->record_limit == 0) recorded(guard, countdown, now);
}

static void consider(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  // What the service said meanwhile is for the owner to judge; until then nothing is looked at by itself.
  if (!plan_applies(guard, countdown)) {
    countdown_look_at(guard, countdown, INT64_MAX);
    return;
  }
  struct plan_sample sample = plan_sample(guard, plan, now);
  if (!is_held(guard, countdown, &sample, now)) begin(guard, countdown, &sample, now);
}

/* ---- From the first signal on ---- */

static void finish(struct guard *guard, struct countdown *countdown, int result, int64_t now) {
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
    wait_for(guard, countdown, now, RETRY);
    return;
  }
  reset(plan);
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

static void bugcheck(struct guard *guard, struct countdown *countdown, int64_t now);

static void prove(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  if (is_gone(guard, plan)) {
    finish(guard, countdown, 0, now);
    return;
  }
  if (now < plan->until) {
    kill_all(guard, plan);
    countdown_look_at(guard, countdown, now + PROOF_LOOK < plan->until ? now + PROOF_LOOK : plan->until);
    return;
  }
  bool escalates = (plan->flags & GUARD_PLAN_ESCALATE) != 0 && !plan->bugcheck_tried;
  if (escalates) bugcheck(guard, countdown, now);
  else finish(guard, countdown, -ETIMEDOUT, now);
}

static void kill_now(struct guard *guard, struct countdown *countdown, int64_t now) {
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

static void terminate(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  if (!can_take_signal(plan)) {
    kill_now(guard, countdown, now);
    return;
  }
  plan->phase = PLAN_GRACE;
  bool group = (plan->flags & GUARD_PLAN_GROUP) != 0;
  int (*send)(struct guard *, guard_id, int) = group ? process_kill_group : process_kill;
  (void)send(guard, plan->process, plan->signal);
  // What is stopped does not act on a signal.
  (void)send(guard, plan->process, SIGCONT);
  wait_for(guard, countdown, now, plan->grace);
}

static void start(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  char id[96];
  record_identity(guard, plan, id, sizeof id);
  if (plan->next == GUARD_BUGCHECK) {
    bugcheck(guard, countdown, now);
    return;
  }
  record_in_kernel_log(guard, 3, "guard: service %s hung and hangdog did not answer: terminated, incident %s", plan->name, id);
  terminate(guard, countdown, now);
}

/* ---- Stopping the machine ---- */

static void not_stopped(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  // Termination comes after it by action 3, and before it as an escalation.
  if (plan->action == GUARD_BUGCHECK) terminate(guard, countdown, now);
  else finish(guard, countdown, -ETIMEDOUT, now);
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

static void bugcheck(struct guard *guard, struct countdown *countdown, int64_t now) {
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
    wait_for(guard, countdown, now, SYNC_LIMIT);
    return;
  }
  plan->rung = RUNG_NONE;
  machine_emergency_sync(guard);
  wait_for(guard, countdown, now, EMERGENCY_SYNC);
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
      wait_for(guard, countdown, now, rung == RUNG_WATCHDOG ? WATCHDOG_LIMIT : STOP_LIMIT);
      return;
    }
    record_step(guard, plan, "bugcheck failed: %s: %s", names[rung], strerror(-result));
  }
  record_in_kernel_log(guard, 2, "guard: the machine could not be stopped for service %s", plan->name);
  not_stopped(guard, countdown, now);
}

static void synced(struct guard *guard, struct countdown *countdown, int64_t now) {
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
  wait_for(guard, countdown, now, EMERGENCY_SYNC);
}

static void still_runs(struct guard *guard, struct countdown *countdown, int64_t now) {
  struct plan *plan = plan_of(guard, countdown);
  record_step(guard, plan, "bugcheck failed: the machine still runs");
  fire(guard, countdown, plan->rung + 1u, now);
}

/* ---- What moves a plan on ---- */

void plan_step(struct guard *guard, struct countdown *countdown, int64_t now) {
  switch ((enum plan_phase)plan_of(guard, countdown)->phase) {
    case PLAN_BUDGET:
    case PLAN_HELD:
      consider(guard, countdown, now);
      return;
    case PLAN_RECORDING:
      recorded(guard, countdown, now);
      return;
    case PLAN_GRACE:
      kill_now(guard, countdown, now);
      return;
    case PLAN_PROOF:
      prove(guard, countdown, now);
      return;
    case PLAN_SYNCING:
      synced(guard, countdown, now);
      return;
    case PLAN_FIRED:
      still_runs(guard, countdown, now);
      return;
    case PLAN_UNTOLD:
      finish(guard, countdown, 0, now);
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
      kill_now(guard, countdown, now);
      if (plan->phase == PLAN_PROOF) prove(guard, countdown, now);
      return true;
    case PLAN_PROOF:
      prove(guard, countdown, now);
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
      reset(plan);
      return false;
    case PLAN_GRACE:
    case PLAN_PROOF:
    case PLAN_SYNCING:
    case PLAN_FIRED:
    case PLAN_UNTOLD:
      record_outcome(guard, plan, "taken-over");
      (void)countdown_tell(guard, countdown, GUARD_ACTED, ECANCELED);
      reset(plan);
      return true;
  }
  return false;
}
