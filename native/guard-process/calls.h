/* What an owner may ask of a guard process. */
#ifndef HANGDOG_CALLS_H
#define HANGDOG_CALLS_H

#include <stdbool.h>

#include "holdings.h"
#include "wire.h"

/* What calls work on. */
struct workplace {
  struct guard *guard;
  struct holdings holdings;
  /* Of the notify socket that is open; empty when there is none. */
  char notify_path[256];
  /* Of the file of records; empty when there is none. */
  char record_path[512];
  /* WIRE_END was asked for. */
  bool ended;
};

/* Answers any request but WIRE_HELLO. `reply` comes with its head filled in; its result, numbers and text are set here. */
void call_answer(struct workplace *place, const struct wire_request_frame *request, struct wire_reply_frame *reply);

#endif
