#include "tally.h"

#include <string.h>

#define NANOSECONDS_PER_SECOND INT64_C(1000000000)
#define BINS_PER_OCTAVE 8
/* From here on all gaps are in the last bin: 2^20 / 1024 s. */
#define OPEN_FROM (1024 * NANOSECONDS_PER_SECOND)
#define OPEN_BIN 160

/* The bins are those of src/watch/beat-gaps.ts: eight an octave from 1/1024 s on, -1 for what is shorter. */
static int16_t bin_of(int64_t gap) {
  if (gap >= OPEN_FROM) return OPEN_BIN;
  uint32_t units = (uint32_t)(gap * (1024 * BINS_PER_OCTAVE) / NANOSECONDS_PER_SECOND);
  if (units < BINS_PER_OCTAVE) return -1;
  int octave = 28 - __builtin_clz(units);
  return (int16_t)(octave * BINS_PER_OCTAVE + (int)(units >> octave) - BINS_PER_OCTAVE);
}

bool tally_count(struct tally *tally, int64_t gap) {
  int16_t bin = bin_of(gap);
  int place = 0;
  while (place < GUARD_TALLY_BINS && tally->counts[place] != 0 && tally->bins[place] != bin) place++;
  if (place == GUARD_TALLY_BINS || tally->counts[place] == UINT32_MAX) return false;
  tally->bins[place] = bin;
  tally->counts[place]++;
  tally->sum += gap;
  if (gap > tally->longest) tally->longest = gap;
  return true;
}

void tally_take(struct tally *tally, struct guard_tally *out) {
  *out = (struct guard_tally){.sum = tally->sum, .longest = tally->longest};
  for (; out->bins < GUARD_TALLY_BINS && tally->counts[out->bins] != 0; out->bins++) {
    out->bin[out->bins] = tally->bins[out->bins];
    out->count[out->bins] = tally->counts[out->bins];
  }
  // What was never written takes no memory.
  if (out->bins > 0) memset(tally, 0, sizeof *tally);
}
