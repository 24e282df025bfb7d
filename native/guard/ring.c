#include "ring.h"

#include <string.h>

void ring_open(struct ring *ring, void *memory, uint32_t size) {
  ring->bytes = memory;
  ring->size = size;
  atomic_init(&ring->written, 0);
  atomic_init(&ring->read, 0);
}

static uint32_t spanned(uint32_t length) {
  return (uint32_t)sizeof(struct guard_record) + ((length + 7) & ~7u);
}

static void copy_in(struct ring *ring, uint32_t at, const void *from, uint32_t length) {
  uint32_t offset = at & (ring->size - 1);
  uint32_t first = length < ring->size - offset ? length : ring->size - offset;
  memcpy(ring->bytes + offset, from, first);
  memcpy(ring->bytes, (const char *)from + first, length - first);
}

static void copy_out(const struct ring *ring, uint32_t at, void *to, uint32_t length) {
  uint32_t offset = at & (ring->size - 1);
  uint32_t first = length < ring->size - offset ? length : ring->size - offset;
  memcpy(to, ring->bytes + offset, first);
  memcpy((char *)to + first, ring->bytes, length - first);
}

bool ring_write(struct ring *ring, const struct guard_record *record, const char *text, uint32_t reserve) {
  uint32_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
  uint32_t free = ring->size - (written - atomic_load_explicit(&ring->read, memory_order_acquire));
  uint32_t need = spanned(record->length);
  if (free < reserve || free - reserve < need) return false;
  copy_in(ring, written, record, sizeof *record);
  if (record->length > 0) copy_in(ring, written + (uint32_t)sizeof *record, text, record->length);
  atomic_store_explicit(&ring->written, written + need, memory_order_release);
  return true;
}

bool ring_read(struct ring *ring, struct guard_record *record, char *text) {
  uint32_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);
  if (read == atomic_load_explicit(&ring->written, memory_order_acquire)) return false;
  copy_out(ring, read, record, sizeof *record);
  if (record->length > 0) copy_out(ring, read + (uint32_t)sizeof *record, text, record->length);
  atomic_store_explicit(&ring->read, read + spanned(record->length), memory_order_release);
  return true;
}
