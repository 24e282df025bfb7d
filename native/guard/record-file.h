/* The file of records: a head, then slots of two halves. native/README.md has the format. */
#ifndef HANGDOG_RECORD_FILE_H
#define HANGDOG_RECORD_FILE_H

#include <stdint.h>

#include "guard-plan.h"
#include "recorder.h"

/* A half of a slot, as it is in the file; numbers are little-endian. */
struct record_half {
  char magic[8];
  /* Of all that follows, as far as it is used. */
  uint32_t checksum;
  uint32_t length;
  /* The half with the higher one is the newer. */
  uint64_t sequence;
  char text[GUARD_RECORD_MAX];
};

_Static_assert(sizeof(struct record_half) == RECORDER_HALF_BYTES, "a half of a slot has no gaps");

/* Makes it, with room for all slots. Returns its descriptor, or a negative errno value. */
int record_file_open(const char *path, const char *head);
/* Fills a half in, with its checksum. `text` has at most GUARD_RECORD_MAX bytes. */
void record_half_fill(struct record_half *half, uint64_t sequence, const char *text, uint32_t length);
/* Waits for the disk. Of `turn`, the lowest bit says which half of the slot. Returns 0 or a negative errno value. */
int record_half_write(int file, const struct record_half *half, uint32_t slot, uint64_t turn);

#endif
