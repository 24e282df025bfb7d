#include "heap.h"

#include <stddef.h>

uint64_t heap_bytes(uint32_t capacity) {
  return (uint64_t)capacity * (sizeof(struct heap_entry) + sizeof(uint32_t));
}

void heap_open(struct heap *heap, void *memory, uint32_t capacity) {
  heap->entries = memory;
  heap->positions = (uint32_t *)(heap->entries + capacity);
  heap->size = 0;
}

static void set(struct heap *heap, uint32_t index, struct heap_entry entry) {
  heap->entries[index] = entry;
  heap->positions[entry.place] = index + 1;
}

static uint32_t rise(struct heap *heap, uint32_t index) {
  struct heap_entry entry = heap->entries[index];
  while (index > 0) {
    uint32_t parent = (index - 1) / 2;
    if (heap->entries[parent].key <= entry.key) break;
    set(heap, index, heap->entries[parent]);
    index = parent;
  }
  set(heap, index, entry);
  return index;
}

static void sink(struct heap *heap, uint32_t index) {
  struct heap_entry entry = heap->entries[index];
  for (;;) {
    uint32_t child = 2 * index + 1;
    if (child >= heap->size) break;
    if (child + 1 < heap->size && heap->entries[child + 1].key < heap->entries[child].key) child++;
    if (heap->entries[child].key >= entry.key) break;
    set(heap, index, heap->entries[child]);
    index = child;
  }
  set(heap, index, entry);
}

void heap_put(struct heap *heap, uint32_t place, int64_t key) {
  uint32_t index = heap_has(heap, place) ? heap->positions[place] - 1 : heap->size++;
  set(heap, index, (struct heap_entry){.key = key, .place = place});
  sink(heap, rise(heap, index));
}

void heap_remove(struct heap *heap, uint32_t place) {
  if (!heap_has(heap, place)) return;
  uint32_t index = heap->positions[place] - 1;
  struct heap_entry last = heap->entries[--heap->size];
  heap->positions[place] = 0;
  if (last.place == place) return;
  set(heap, index, last);
  sink(heap, rise(heap, index));
}

bool heap_has(const struct heap *heap, uint32_t place) {
  return heap->positions[place] != 0;
}

const struct heap_entry *heap_first(const struct heap *heap) {
  return heap->size == 0 ? NULL : &heap->entries[0];
}
