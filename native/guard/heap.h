/* A binary heap of table places by a key, in which any entry can be moved or taken out in O(log n). Takes no memory after it is open. */
#ifndef HANGDOG_HEAP_H
#define HANGDOG_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct heap_entry {
  int64_t key;
  uint32_t place;
};

struct heap {
  struct heap_entry *entries;
  /* By place: where it is in `entries`, plus one; 0 when it is not in there. */
  uint32_t *positions;
  uint32_t size;
};

/* Bytes to give to heap_open for this many places. */
uint64_t heap_bytes(uint32_t capacity);
/* Uses zeroed memory that the caller keeps. */
void heap_open(struct heap *heap, void *memory, uint32_t capacity);
/* Puts a place in, or moves it when it is in there. */
void heap_put(struct heap *heap, uint32_t place, int64_t key);
void heap_remove(struct heap *heap, uint32_t place);
bool heap_has(const struct heap *heap, uint32_t place);
/* The entry with the lowest key; null when empty. */
const struct heap_entry *heap_first(const struct heap *heap);

#endif
