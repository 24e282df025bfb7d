/* What the owner has in the guard, so that it can be let go when the owner is lost, or be found again by the next. */
#ifndef HANGDOG_HOLDINGS_H
#define HANGDOG_HOLDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "../guard/guard.h"

struct held_process {
  /* 0 when nobody is here. */
  guard_id id;
  int32_t pid;
  guard_id countdown;
  /* Null while it has no label. */
  char *label;
  uint32_t label_length;
  /* Its beats reach the guard without the owner. */
  bool beats_here;
  bool ended;
  bool acted;
};

struct holdings {
  uint32_t countdown_room;
  uint32_t process_room;
  /* By the place that an identifier names; 0 when nobody is there. */
  guard_id *countdowns;
  struct held_process *processes;
  /* Labelled and not ended. */
  uint32_t residents;
};

int holdings_open(struct holdings *holdings, uint32_t countdowns, uint32_t processes);
void holdings_close(struct holdings *holdings);

void holdings_add_countdown(struct holdings *holdings, guard_id id);
void holdings_remove_countdown(struct holdings *holdings, guard_id id);
void holdings_add_process(struct holdings *holdings, guard_id id, int32_t pid);
void holdings_remove_process(struct holdings *holdings, guard_id id);
/* Null when there is none of this identifier. */
struct held_process *holdings_process(struct holdings *holdings, guard_id id);
int holdings_label(struct holdings *holdings, guard_id id, bool beats_here, const char *text, uint32_t length);
/* The first labelled process from this place on, or null. */
struct held_process *holdings_next(struct holdings *holdings, uint32_t from, uint32_t *place);
/* Takes note of what the guard says of a process. */
void holdings_heard(struct holdings *holdings, const struct guard_record *record);

/*
 * The owner is lost. What is not labelled is let go, and every countdown stops but those of processes whose beats reach the guard without
 * it: nobody else is left who could pass a beat on, and a silence of the owner is not one of its services.
 */
void holdings_owner_lost(struct holdings *holdings, struct guard *guard);
/* Lets go of everything. */
void holdings_release(struct holdings *holdings, struct guard *guard);

#endif
