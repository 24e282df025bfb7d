/* Records on their way to the owner: one writer (the guard), one reader, no lock. */
#ifndef HANGDOG_RING_H
#define HANGDOG_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "guard.h"

struct ring {
  unsigned char *bytes;
  uint32_t size;
  /* Counted up for ever; the difference is what waits. */
  _Alignas(64) _Atomic uint32_t written;
  _Alignas(64) _Atomic uint32_t read;
};

/* `size` is a power of two. */
void ring_open(struct ring *ring, void *memory, uint32_t size);
/* Writes a record when that leaves at least `reserve` bytes free. */
bool ring_write(struct ring *ring, const struct guard_record *record, const char *text, uint32_t reserve);
bool ring_read(struct ring *ring, struct guard_record *record, char *text);

#endif
