/* Pages of lines in shared memory that services beat in. Only files of this folder include it. */
#ifndef HANGDOG_HEARTBEAT_PAGE_H
#define HANGDOG_HEARTBEAT_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "countdown.h"

struct guard;

/* Pages of lines in shared memory. */
struct heartbeat_page {
  /* Null when this place is free. */
  void *map;
  size_t bytes;
  uint32_t lines;
  /* Lines that are bound. */
  uint32_t bound;
  uint32_t tenant;
  uint32_t next_free;
};

/* By place of a countdown: its line, and what was last seen there. */
struct line_binding {
  uint32_t page;
  uint32_t line;
  /* Whose beats count; 0 for anybody's. */
  int32_t pid;
  uint64_t seen;
  /* In awake time; INT64_MIN before the first time. */
  int64_t looked;
};

/* The lock is held, and the countdown is bound to a line. */
/* Whether there is a beat that was not taken yet, and when it was, in awake time. */
bool page_beaten(struct guard *guard, struct countdown *countdown, int64_t now, int64_t *at);
/* The same, and takes it. */
bool page_take(struct guard *guard, struct countdown *countdown, int64_t now, int64_t *at);
/* How many beats the service says there were. */
uint64_t page_beats(struct guard *guard, struct countdown *countdown);
/* Which process says that it opened the page; 0 for none. */
int32_t page_beater(struct guard *guard, struct countdown *countdown);
/* How often the line is read for an owner that wants to hear of beats. */
int64_t page_pace(const struct countdown *countdown);
/* Does nothing when it is not bound. */
void page_unbind(struct guard *guard, struct countdown *countdown);
/* Of CLOCK_MONOTONIC_COARSE. */
int64_t page_stamp_lag(void);
/* At the end of the guard. */
void pages_free(struct guard *guard);

#endif
