/* The steps of a plan that is carried out, as its files see each other; plan.h is what the rest of the guard sees. The lock is held. */
#ifndef HANGDOG_PLAN_STEPS_H
#define HANGDOG_PLAN_STEPS_H

#include "plan.h"

/* plan.c */
/* The next step is due after this span. */
void plan_wait(struct guard *guard, struct countdown *countdown, int64_t now, int64_t span);
void plan_reset(struct plan *plan);

/* plan-judgement.c */
/* The budget or a hold is over. */
void plan_judge(struct guard *guard, struct countdown *countdown, int64_t now);
/* The record is on the disk, or its time is over. */
void plan_recorded(struct guard *guard, struct countdown *countdown, int64_t now);

/* plan-termination.c */
/* Begins with the action that was recorded. */
void plan_start(struct guard *guard, struct countdown *countdown, int64_t now);
void plan_terminate(struct guard *guard, struct countdown *countdown, int64_t now);
void plan_kill(struct guard *guard, struct countdown *countdown, int64_t now);
void plan_prove(struct guard *guard, struct countdown *countdown, int64_t now);
void plan_finish(struct guard *guard, struct countdown *countdown, int result, int64_t now);

/* plan-bugcheck.c */
void plan_bugcheck(struct guard *guard, struct countdown *countdown, int64_t now);
void plan_disks_synced(struct guard *guard, struct countdown *countdown, int64_t now);
/* It should be down by now. */
void plan_machine_runs(struct guard *guard, struct countdown *countdown, int64_t now);

#endif
