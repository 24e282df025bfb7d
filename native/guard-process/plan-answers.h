/* Calls about what the guard does alone: plans, records and the machine. */
#ifndef HANGDOG_PLAN_ANSWERS_H
#define HANGDOG_PLAN_ANSWERS_H

#include "calls.h"

/* Answers the calls from WIRE_COUNTDOWN_PLAN to WIRE_BUGCHECK_PERMIT; -ENOSYS for any other. */
int64_t answer_about_plans(struct workplace *place, const struct wire_request_frame *request, struct wire_reply_frame *reply);

#endif
