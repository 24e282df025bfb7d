/* What a service says while nobody owns the guard, as far as it moves its countdown. */
#ifndef HANGDOG_OWNERLESS_H
#define HANGDOG_OWNERLESS_H

#include "../guard/guard.h"

/*
 * Does what keeps a healthy service from being taken for a hung one: READY and RELOADING are signs of life, EXTEND_TIMEOUT_USEC gives
 * time, STOPPING and WATCHDOG_USEC=0 end the watch. The rest is for the owner, and there is none to hear it.
 */
void ownerless_message(struct guard *guard, const struct guard_record *record, const char *text);

#endif
