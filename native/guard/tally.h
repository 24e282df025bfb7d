/* Counts how far beats were apart, until the owner asks. */
#ifndef HANGDOG_GUARD_TALLY_H
#define HANGDOG_GUARD_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "guard.h"

/* A cache line. Most services beat so regularly that two bins hold all their gaps. */
struct tally {
  _Alignas(64) int64_t sum;
  int64_t longest;
  uint32_t counts[GUARD_TALLY_BINS];
  /* Those that have a count, in the order in which they came. */
  int16_t bins[GUARD_TALLY_BINS];
};

/* Counts one gap. False when there is no room for it: then nothing is counted. */
bool tally_count(struct tally *tally, int64_t gap);
/* Gives out what was counted, and begins anew. */
void tally_take(struct tally *tally, struct guard_tally *out);

#endif
