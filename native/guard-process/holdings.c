#include "holdings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../guard/guard-plan.h"

/* An identifier has the place of what it names in its lower part: see guard-state.h. */
static uint32_t place_of(guard_id id) {
  return (uint32_t)(id & (GUARD_CAPACITY_MAX - 1));
}

int holdings_open(struct holdings *holdings, uint32_t countdowns, uint32_t processes) {
  memset(holdings, 0, sizeof *holdings);
  holdings->countdown_room = countdowns;
  holdings->process_room = processes;
  holdings->countdowns = calloc(countdowns, sizeof *holdings->countdowns);
  holdings->processes = calloc(processes, sizeof *holdings->processes);
  if (holdings->countdowns != NULL && holdings->processes != NULL) return 0;
  holdings_close(holdings);
  return -ENOMEM;
}

void holdings_close(struct holdings *holdings) {
  for (uint32_t place = 0; holdings->processes != NULL && place < holdings->process_room; place++)
    free(holdings->processes[place].label);
  free(holdings->countdowns);
  free(holdings->processes);
  holdings->countdowns = NULL;
  holdings->processes = NULL;
}

void holdings_add_countdown(struct holdings *holdings, guard_id id) {
  if (place_of(id) < holdings->countdown_room) holdings->countdowns[place_of(id)] = id;
}

void holdings_remove_countdown(struct holdings *holdings, guard_id id) {
  uint32_t place = place_of(id);
  if (place < holdings->countdown_room && holdings->countdowns[place] == id) holdings->countdowns[place] = 0;
}

struct held_process *holdings_process(struct holdings *holdings, guard_id id) {
  uint32_t place = place_of(id);
  if (id == 0 || place >= holdings->process_room || holdings->processes[place].id != id) return NULL;
  return &holdings->processes[place];
}

static bool is_resident(const struct held_process *process) {
  return process->label != NULL && !process->ended;
}

static void forget(struct holdings *holdings, struct held_process *process) {
  if (is_resident(process)) holdings->residents--;
  free(process->label);
  *process = (struct held_process){0};
}

void holdings_add_process(struct holdings *holdings, guard_id id, int32_t pid) {
  if (place_of(id) >= holdings->process_room) return;
  struct held_process *process = &holdings->processes[place_of(id)];
  forget(holdings, process);
  process->id = id;
  process->pid = pid;
}

void holdings_remove_process(struct holdings *holdings, guard_id id) {
  struct held_process *process = holdings_process(holdings, id);
  if (process != NULL) forget(holdings, process);
}

int holdings_label(struct holdings *holdings, guard_id id, bool beats_here, const char *text, uint32_t length) {
  struct held_process *process = holdings_process(holdings, id);
  if (process == NULL) return -ENOENT;
  char *label = malloc(length + 1);
  if (label == NULL) return -ENOMEM;
  memcpy(label, text, length);
  label[length] = '\0';
  if (process->label == NULL && !process->ended) holdings->residents++;
  free(process->label);
  process->label = label;
  process->label_length = length;
  process->beats_here = beats_here;
  return 0;
}

struct held_process *holdings_next(struct holdings *holdings, uint32_t from, uint32_t *place) {
  for (uint32_t at = from; at < holdings->process_room; at++) {
    if (holdings->processes[at].label == NULL) continue;
    *place = at;
    return &holdings->processes[at];
  }
  return NULL;
}

void holdings_heard(struct holdings *holdings, const struct guard_record *record) {
  struct held_process *process = holdings_process(holdings, record->process);
  if (process == NULL) return;
  if (record->kind == GUARD_ACTED) process->acted = true;
  if (record->kind != GUARD_EXITED || process->ended) return;
  if (is_resident(process)) holdings->residents--;
  process->ended = true;
}

/* Set in the table beside a countdown that goes on; identifiers are below 2^52. */
#define GOES_ON (UINT64_C(1) << 63)

static void mark_what_goes_on(struct holdings *holdings) {
  for (uint32_t place = 0; place < holdings->process_room; place++) {
    const struct held_process *process = &holdings->processes[place];
    if (process->label == NULL || !process->beats_here) continue;
    uint32_t at = place_of(process->countdown);
    if (process->countdown != 0 && at < holdings->countdown_room && holdings->countdowns[at] == process->countdown)
      holdings->countdowns[at] |= GOES_ON;
  }
}

void holdings_owner_lost(struct holdings *holdings, struct guard *guard) {
  mark_what_goes_on(holdings);
  for (uint32_t place = 0; place < holdings->countdown_room; place++) {
    guard_id id = holdings->countdowns[place];
    holdings->countdowns[place] = (id & GOES_ON) != 0 ? id & ~GOES_ON : 0;
    if ((id & GOES_ON) != 0) (void)guard_countdown_unowned(guard, holdings->countdowns[place]);
    else if (id != 0) (void)guard_countdown_dispose(guard, id);
  }
  for (uint32_t place = 0; place < holdings->process_room; place++) {
    struct held_process *process = &holdings->processes[place];
    if (!process->beats_here) process->countdown = 0;
    if (process->id == 0 || process->label != NULL) continue;
    (void)guard_process_remove(guard, process->id);
    forget(holdings, process);
  }
}

void holdings_release(struct holdings *holdings, struct guard *guard) {
  for (uint32_t place = 0; place < holdings->process_room; place++) {
    struct held_process *process = &holdings->processes[place];
    if (process->id == 0) continue;
    (void)guard_process_remove(guard, process->id);
    forget(holdings, process);
  }
  for (uint32_t place = 0; place < holdings->countdown_room; place++) {
    if (holdings->countdowns[place] == 0) continue;
    (void)guard_countdown_dispose(guard, holdings->countdowns[place]);
    holdings->countdowns[place] = 0;
  }
}
