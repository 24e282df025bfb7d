/* Whose descendant the sender of a datagram is, where it is not known itself. Only files of this folder include it. */
#ifndef HANGDOG_SENDER_TRACE_H
#define HANGDOG_SENDER_TRACE_H

#include <stdint.h>

struct guard;
struct watched;

/*
 * Each level of a line of parents is a file of /proc. Whoever writes for nothing has that read so often in a turn, and no more; the guard
 * has countdowns to look at.
 */
#define FAILED_TRACES 8

/* The senders of this turn that were traced for nothing. */
struct sender_traces {
  uint32_t failed;
  int32_t strangers[FAILED_TRACES];
};

/* A turn begins. The lock is held. */
void sender_traces_forget(struct guard *guard);
/*
 * The watched process that admits its descendants and is an ancestor of this one; null also for one that was not traced, as too many had
 * been for nothing: that is counted. The lock is held.
 */
struct watched *sender_trace(struct guard *guard, int32_t pid);

#endif
