/* The owner's end of the two connections to a guard process. There is no Node in here. */
#ifndef HANGDOG_GUARD_LINK_H
#define HANGDOG_GUARD_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "../guard-process/wire.h"

struct guard_link {
  int calls;
  int notices;
  uint32_t sequence;
  /* A call failed to be answered; all later ones fail at once. The guard is taken for lost, whatever became of it. */
  bool broken;
  int32_t guard_pid;
  /* Of the one that owns it, when that is why we may not. */
  int32_t owner_pid;
};

/*
 * Becomes the owner of the guard that listens at `path`. Returns 0 or a negative errno value: -ECONNREFUSED or -ENOENT when there is
 * none, -EBUSY when it has an owner, -EPROTO when it is of another version.
 */
int link_open(struct guard_link *link, const char *path);
void link_close(struct guard_link *link);

/*
 * Asks, and waits for the reply, but not for long. Returns what the guard answered; -ENOTCONN once the link is broken. `reply` holds what
 * came.
 */
int64_t link_ask(struct guard_link *link, uint16_t call, const int64_t *numbers, const char *text, uint32_t length,
                 struct wire_reply_frame *reply);

/* Takes the oldest notice. Returns 1 when there was one, 0 for none, a negative errno value when the guard is gone. */
int link_read(struct guard_link *link, struct wire_record_frame *out);

#endif
