/* The parts that stand alone: clock, heap, ring. */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "../awake-clock.h"
#include "../heap.h"
#include "../ring.h"
#include "../tally.h"
#include "check.h"

static void gaps_within_the_allowance_count(void) {
  struct awake_clock clock;
  awake_clock_open(&clock, true, 10);
  for (int64_t now = 10; now <= 100; now += 10) {
    atomic_store(&clock.hand, now);
    SAME(awake_clock_look(&clock), now);
  }
  SAME(awake_clock_take_lost(&clock), 0);
}

static void the_rest_of_a_longer_gap_is_lost(void) {
  struct awake_clock clock;
  awake_clock_open(&clock, true, 10);
  atomic_store(&clock.hand, 110);
  SAME(awake_clock_peek(&clock), 10);
  SAME(awake_clock_look(&clock), 10);
  SAME(awake_clock_peek(&clock), 10);
  SAME(awake_clock_take_lost(&clock), 100);
  SAME(awake_clock_take_lost(&clock), 0);
  atomic_store(&clock.hand, 115);
  SAME(awake_clock_look(&clock), 15);
}

static void a_new_allowance_judges_no_gap_before_it(void) {
  struct awake_clock clock;
  awake_clock_open(&clock, true, 100);
  atomic_store(&clock.hand, 90);
  awake_clock_retune(&clock, 10);
  SAME(awake_clock_look(&clock), 90);
  atomic_store(&clock.hand, 120);
  SAME(awake_clock_look(&clock), 100);
}

static void a_gap_before_a_resumption_is_no_stall(void) {
  struct awake_clock clock;
  awake_clock_open(&clock, true, 10);
  atomic_store(&clock.hand, 1000);
  awake_clock_resume(&clock);
  SAME(awake_clock_look(&clock), 1000);
  SAME(awake_clock_take_lost(&clock), 0);
}

#define PLACES 200

static void a_heap_gives_the_lowest_key_after_any_change(void) {
  struct heap heap;
  int64_t keys[PLACES];
  void *memory = calloc(1, heap_bytes(PLACES));
  heap_open(&heap, memory, PLACES);
  memset(keys, -1, sizeof keys);
  srand(1);
  for (int round = 0; round < 20000; round++) {
    uint32_t place = (uint32_t)rand() % PLACES;
    keys[place] = rand() % 3 == 0 ? -1 : rand() % 1000;
    if (keys[place] < 0) heap_remove(&heap, place);
    else heap_put(&heap, place, keys[place]);
    int64_t lowest = -1;
    uint32_t size = 0;
    for (int other = 0; other < PLACES; other++) {
      if (keys[other] < 0) continue;
      size++;
      if (lowest < 0 || keys[other] < lowest) lowest = keys[other];
    }
    const struct heap_entry *first = heap_first(&heap);
    if (heap.size != size || (first == NULL ? -1 : first->key) != lowest) {
      SAME(first == NULL ? -1 : first->key, lowest);
      break;
    }
  }
  free(memory);
}

#define RING_BYTES (64u << 10)

static void a_ring_keeps_its_reserve_and_refuses_when_full(void) {
  struct ring ring;
  struct guard_record record = {.kind = GUARD_MESSAGE, .length = 100};
  char text[GUARD_TEXT_MAX] = {0};
  void *memory = calloc(1, RING_BYTES);
  ring_open(&ring, memory, RING_BYTES);
  int with_reserve = 0;
  while (ring_write(&ring, &record, text, RING_BYTES / 4)) with_reserve++;
  int beyond = 0;
  while (ring_write(&ring, &record, text, 0)) beyond++;
  OK(with_reserve > 0 && beyond > with_reserve / 4);
  int taken = 0;
  while (ring_read(&ring, &record, text)) taken++;
  SAME(taken, with_reserve + beyond);
  free(memory);
}

static void *write_many(void *argument) {
  struct ring *ring = argument;
  char text[GUARD_TEXT_MAX];
  for (uint32_t index = 0; index < 50000; index++) {
    struct guard_record record = {.kind = GUARD_MESSAGE, .length = index % 311, .arming = index};
    memset(text, (int)(index & 0x7f), record.length);
    while (!ring_write(ring, &record, text, 0)) sched_yield();
  }
  return NULL;
}

static void what_one_thread_writes_another_reads_whole_and_in_order(void) {
  struct ring ring;
  struct guard_record record;
  char text[GUARD_TEXT_MAX];
  pthread_t writer;
  void *memory = calloc(1, RING_BYTES);
  ring_open(&ring, memory, RING_BYTES);
  SAME(pthread_create(&writer, NULL, write_many, &ring), 0);
  for (uint32_t index = 0; index < 50000; index++) {
    while (!ring_read(&ring, &record, text)) sched_yield();
    bool good = record.arming == index && record.length == index % 311;
    for (uint32_t at = 0; at < record.length; at++) good = good && text[at] == (char)(index & 0x7f);
    if (!good) {
      SAME(record.arming, index);
      OK(good);
      break;
    }
  }
  SAME(pthread_join(writer, NULL), 0);
  free(memory);
}

/* The lower edge of a bin in nanoseconds, rounded up: the first whole one that belongs to it. */
static int64_t edge_of(int bin) {
  int64_t units = (int64_t)(8 + bin % 8) << (bin / 8);
  return (units * 1000000000 + 8191) / 8192;
}

static int bin_for(int64_t gap) {
  struct tally tally = {0};
  struct guard_tally out;
  OK(tally_count(&tally, gap));
  tally_take(&tally, &out);
  SAME(out.bins, 1);
  SAME(out.sum, gap);
  return out.bin[0];
}

static void a_gap_is_counted_in_its_bin(void) {
  SAME(bin_for(0), -1);
  for (int bin = 0; bin <= 160; bin++) {
    SAME(bin_for(edge_of(bin) - 1), bin - 1);
    SAME(bin_for(edge_of(bin)), bin);
  }
  SAME(bin_for(GUARD_LIMIT_MAX), 160);
}

static void a_tally_is_full_when_it_has_no_room_for_another_bin(void) {
  struct tally tally = {0};
  struct guard_tally out;
  for (int bin = 0; bin < GUARD_TALLY_BINS; bin++) OK(tally_count(&tally, edge_of(bin)));
  OK(!tally_count(&tally, edge_of(100)));
  OK(tally_count(&tally, edge_of(3)));
  tally_take(&tally, &out);
  SAME(out.bins, GUARD_TALLY_BINS);
  SAME(out.count[3], 2);
  SAME(out.longest, edge_of(GUARD_TALLY_BINS - 1));
  OK(tally_count(&tally, edge_of(100)));
  tally_take(&tally, &out);
  SAME(out.bins, 1);
  SAME(out.bin[0], 100);
}

int main(void) {
  check_case("gaps within the allowance count in full", gaps_within_the_allowance_count);
  check_case("the rest of a longer gap is lost, and told once", the_rest_of_a_longer_gap_is_lost);
  check_case("a new allowance judges no gap before it", a_new_allowance_judges_no_gap_before_it);
  check_case("a gap before a resumption is no stall", a_gap_before_a_resumption_is_no_stall);
  check_case("a heap gives the lowest key after any change", a_heap_gives_the_lowest_key_after_any_change);
  check_case("a ring keeps its reserve and refuses when it is full", a_ring_keeps_its_reserve_and_refuses_when_full);
  check_case("what one thread writes another reads whole and in order", what_one_thread_writes_another_reads_whole_and_in_order);
  check_case("a gap is counted in its bin", a_gap_is_counted_in_its_bin);
  check_case("a tally is full when it has no room for another bin", a_tally_is_full_when_it_has_no_room_for_another_bin);
  return check_end("parts");
}
