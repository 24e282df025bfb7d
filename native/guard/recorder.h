/*
 * Records of what the guard does: texts in slots, brought to the disk by a thread of its own. A disk that hangs holds up that thread and
 * nobody else: whoever wants to know whether a text is on the disk asks, and decides how long to wait.
 */
#ifndef HANGDOG_RECORDER_H
#define HANGDOG_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "guard-plan.h"

/* Where the slots begin in the file. */
#define RECORDER_HEAD_BYTES 4096
/* A slot has two halves, written in turn, so that a torn one leaves the one before. */
#define RECORDER_HALF_BYTES 1024

struct recorder;

/*
 * Makes the file and starts the thread. `wake` is an eventfd that is written to whenever something has been done; it is duplicated.
 * Returns 0 or a negative errno value.
 */
int recorder_open(const char *path, const char *head, int wake, struct recorder **out);
/* Ends the thread, if it ends soon; one that hangs in a write is left to itself, with its memory. */
void recorder_close(struct recorder *recorder);
/* The thread gets this priority of SCHED_FIFO, where permitted. */
void recorder_become_realtime(struct recorder *recorder, int priority);

/* Takes a free slot for `owner`. Returns its number, or -ENOSPC. */
int recorder_take(struct recorder *recorder, uint64_t owner);
/* Sets the text of a slot, cut to GUARD_RECORD_MAX, and has it written. */
void recorder_put(struct recorder *recorder, uint32_t slot, const char *text, uint32_t length);
/* Has all disks synced once the records are written. */
void recorder_sync(struct recorder *recorder);
/* The guard is done with the slot: its owner may free it. */
void recorder_let_go(struct recorder *recorder, uint32_t slot);

/* 0 when the last text of the slot is on the disk, -EAGAIN when it is not known yet, else why it could not be written. */
int recorder_result(struct recorder *recorder, uint32_t slot);
/* Whether the sync that was asked for last is done. */
bool recorder_synced(struct recorder *recorder);
/* See guard-plan.h. */
int recorder_text(struct recorder *recorder, uint32_t slot, char *text);
int recorder_free(struct recorder *recorder, uint32_t slot);
/* The owner of a slot about which there is news, once each; 0 when there is none. `place` is where the search goes on; at first 0. */
uint64_t recorder_news(struct recorder *recorder, uint32_t *place);

uint32_t recorder_checksum(const void *bytes, uint32_t length);

#endif
