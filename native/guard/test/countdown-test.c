/* Countdowns, with time moved by hand. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "check.h"

#define RING (64u << 10)

static guard_id armed(struct guard *guard, int64_t limit, int64_t warning) {
  guard_id id = 0;
  SAME(guard_countdown_create(guard, &id), 0);
  SAME(guard_countdown_arm(guard, id, limit, warning, NULL), 0);
  return id;
}

static uint32_t state_of(struct guard *guard, guard_id id) {
  struct guard_countdown_reading reading;
  return guard_countdown_reading(guard, id, &reading) == 0 ? reading.state : 99;
}

static void it_warns_and_expires_to_the_nanosecond(void) {
  struct guard *guard = check_guard_by_hand(4, RING);
  guard_id id = armed(guard, 1000 * MS, 500 * MS);
  check_pass(guard, 500 * MS - 1);
  SAME(check_next(guard).kind, 0);
  check_pass(guard, 1);
  struct guard_record record = check_next(guard);
  SAME(record.kind, GUARD_WARNING);
  SAME(record.countdown, id);
  SAME(record.value, 500 * MS);
  check_pass(guard, 500 * MS - 1);
  SAME(check_next(guard).kind, 0);
  check_pass(guard, 1);
  record = check_next(guard);
  SAME(record.kind, GUARD_EXPIRED);
  SAME(record.value, 1000 * MS);
  check_pass(guard, 9000 * MS);
  SAME(check_next(guard).kind, 0);
  SAME(guard_countdown_claim(guard, id, record.arming), 0);
  SAME(state_of(guard, id), GUARD_DISARMED);
  SAME(guard_countdown_claim(guard, id, record.arming), -ESTALE);
  (void)guard_close(guard);
}

static void beats_keep_it_away(void) {
  struct guard *guard = check_guard_by_hand(4, RING);
  guard_id id = armed(guard, 1000 * MS, 900 * MS);
  int64_t spent = 0;
  for (int beat = 0; beat < 20; beat++) {
    check_pass(guard, 400 * MS);
    SAME(guard_countdown_beat(guard, id, &spent), 0);
    SAME(spent, 400 * MS);
  }
  SAME(check_next(guard).kind, 0);
  check_pass(guard, 1000 * MS);
  SAME(check_count(guard, GUARD_EXPIRED), 1);
  (void)guard_close(guard);
}

static void a_beat_takes_the_warning_back(void) {
  struct guard *guard = check_guard_by_hand(4, RING);
  guard_id id = armed(guard, 1000 * MS, 300 * MS);
  check_pass(guard, 500 * MS);
  SAME(state_of(guard, id), GUARD_WARNED);
  SAME(guard_countdown_beat(guard, id, NULL), 0);
  SAME(state_of(guard, id), GUARD_ARMED);
  check_pass(guard, 300 * MS);
  SAME(check_count(guard, GUARD_WARNING), 2);
  (void)guard_close(guard);
}

static void a_beat_before_the_claim_calls_the_expiry_off(void) {
  struct guard *guard = check_guard_by_hand(4, RING);
  guard_id id = armed(guard, 100 * MS, 50 * MS);
  check_pass(guard, 150 * MS);
  SAME(check_next(guard).kind, GUARD_WARNING);
  struct guard_record record = check_next(guard);
  SAME(record.kind, GUARD_EXPIRED);
  int64_t spent = 0;
  SAME(guard_countdown_quiet_beat(guard, id, &spent), 0);
  SAME(spent, 150 * MS);
  SAME(guard_countdown_claim(guard, id, record.arming), -ESTALE);
  SAME(state_of(guard, id), GUARD_ARMED);
  check_pass(guard, 100 * MS);
  SAME(check_count(guard, GUARD_EXPIRED), 1);
  (void)guard_close(guard);
}

static void an_extension_lasts_until_the_next_beat(void) {
  struct guard *guard = check_guard_by_hand(4, RING);
  guard_id id = armed(guard, 1000 * MS, 900 * MS);
  SAME(guard_countdown_extend(guard, id, 1000 * MS), 0);
  SAME(guard_countdown_extend(guard, id, 1000 * MS), 0);
  check_pass(guard, 2899 * MS);
  SAME(check_next(guard).kind, 0);
  int64_t spent = 0;
  SAME(guard_countdown_beat(guard, id, &spent), 0);
  SAME(spent, 899 * MS);
  check_pass(guard, 1000 * MS);
  SAME(check_count(guard, GUARD_EXPIRED), 1);
  (void)guard_close(guard);
}

static void a_stall_costs_a_quarter_of_the_limit_at_most(void) {
  struct guard *guard = check_guard_by_hand(4, RING);
  guard_id id = armed(guard, 1000 * MS, 990 * MS);
  check_pass(guard, 300 * MS);
  check_jump(guard, 3600000 * MS);
  check_pass(guard, 449 * MS);
  SAME(state_of(guard, id), GUARD_ARMED);
  struct guard_record record = check_next(guard);
  SAME(record.kind, GUARD_STALL);
  OK(record.value > 3599000 * MS);
  check_pass(guard, 600 * MS);
  SAME(check_count(guard, GUARD_EXPIRED), 1);
  (void)guard_close(guard);
}

static void a_beat_during_a_stall_is_worth_no_more_than_one_after_it(void) {
  struct guard *guard = check_guard_by_hand(4, RING);
  guard_id id = armed(guard, 1000 * MS, 990 * MS);
  check_jump(guard, 3600000 * MS);
  SAME(guard_countdown_beat(guard, id, NULL), 0);
  check_jump(guard, 3600000 * MS);
  check_pass(guard, 0);
  check_pass(guard, 1000 * MS);
  SAME(check_count(guard, GUARD_EXPIRED), 1);
  (void)guard_close(guard);
}

static void nothing_to_count_is_no_stall(void) {
  struct guard *guard = check_guard_by_hand(4, RING);
  check_jump(guard, 3600000 * MS);
  (void)armed(guard, 100 * MS, 50 * MS);
  check_pass(guard, 100 * MS);
  SAME(check_next(guard).kind, GUARD_WARNING);
  SAME(check_next(guard).kind, GUARD_EXPIRED);
  SAME(check_next(guard).kind, 0);
  int64_t next = 0;
  SAME(guard_hand_next(guard, &next), 0);
  SAME(next, INT64_MAX);
  (void)guard_close(guard);
}

static void expiries_that_find_no_room_come_later(void) {
  enum { COUNT = 5000 };
  struct guard *guard = check_guard_by_hand(COUNT, RING);
  for (int index = 0; index < COUNT; index++) (void)armed(guard, 100 * MS, 100 * MS);
  check_pass(guard, 100 * MS);
  int expired = 0;
  for (int round = 0; round < 100 && expired < COUNT; round++) {
    expired += check_count(guard, GUARD_EXPIRED);
    check_pass(guard, 10 * MS);
  }
  SAME(expired, COUNT);
  struct guard_counters counters;
  SAME(guard_counters(guard, &counters), 0);
  OK(counters.postponed > 0);
  (void)guard_close(guard);
}

static void the_longest_limit_is_counted_without_overflow(void) {
  struct guard *guard = check_guard_by_hand(4, RING);
  guard_id id = armed(guard, GUARD_LIMIT_MAX, GUARD_LIMIT_MAX / 2);
  SAME(guard_countdown_extend(guard, id, GUARD_LIMIT_MAX), 0);
  SAME(guard_countdown_extend(guard, id, GUARD_LIMIT_MAX), 0);
  check_pass(guard, 10000 * MS);
  struct guard_countdown_reading reading;
  SAME(guard_countdown_reading(guard, id, &reading), 0);
  SAME(reading.remaining, 2 * GUARD_LIMIT_MAX - 10000 * MS);
  SAME(check_next(guard).kind, 0);
  (void)guard_close(guard);
}

static void an_identifier_outlives_nothing(void) {
  struct guard *guard = check_guard_by_hand(1, RING);
  guard_id first = armed(guard, 100 * MS, 50 * MS);
  guard_id second = 0;
  SAME(guard_countdown_create(guard, &second), -ENOSPC);
  SAME(guard_countdown_dispose(guard, first), 0);
  SAME(guard_countdown_create(guard, &second), 0);
  OK(first != second);
  SAME(guard_countdown_beat(guard, first, NULL), -ENOENT);
  SAME(guard_countdown_arm(guard, first, MS, MS, NULL), -ENOENT);
  SAME(guard_countdown_beat(guard, second, NULL), -ENODATA);
  check_pass(guard, 1000 * MS);
  SAME(check_next(guard).kind, 0);
  (void)guard_close(guard);
}

static void arguments_out_of_bounds_are_refused(void) {
  struct guard *guard = check_guard_by_hand(4, RING);
  guard_id id = armed(guard, 1000 * MS, 500 * MS);
  struct guard_config config = {.countdowns = 0, .processes = 1, .ring_bytes = RING};
  struct guard *other = NULL;
  SAME(guard_open(&config, &other), -EINVAL);
  config.countdowns = GUARD_CAPACITY_MAX + 1;
  SAME(guard_open(&config, &other), -EINVAL);
  config = (struct guard_config){.countdowns = 1, .processes = 1, .ring_bytes = RING + 1};
  SAME(guard_open(&config, &other), -EINVAL);
  config = (struct guard_config){.countdowns = 1, .processes = 1, .ring_bytes = RING, .flags = 1u << 30};
  SAME(guard_open(&config, &other), -EINVAL);
  SAME(guard_open(NULL, &other), -EINVAL);
  SAME(guard_countdown_arm(guard, id, 0, 0, NULL), -EINVAL);
  SAME(guard_countdown_arm(guard, id, GUARD_LIMIT_MAX + 1, 0, NULL), -EINVAL);
  SAME(guard_countdown_arm(guard, id, 10, 11, NULL), -EINVAL);
  SAME(guard_countdown_arm(guard, id, 10, -1, NULL), -EINVAL);
  SAME(guard_countdown_extend(guard, id, -1), -EINVAL);
  SAME(guard_countdown_fallback(guard, id, 0, -1, 0), -EINVAL);
  SAME(guard_countdown_fallback(guard, id, 12345, SIGKILL, 0), -ENOENT);
  for (int bit = 0; bit < 64; bit++) {
    guard_id wrong = UINT64_C(1) << bit;
    if (wrong != id) SAME(guard_countdown_beat(guard, wrong, NULL), -ENOENT);
    if (wrong != id) SAME(guard_countdown_disarm(guard, wrong), -ENOENT);
  }
  SAME(guard_countdown_beat(NULL, id, NULL), -EINVAL);
  SAME(guard_close(NULL), -EINVAL);
  SAME(guard_hand_set(guard, 0), -EINVAL);
  SAME(state_of(guard, id), GUARD_ARMED);
  (void)guard_close(guard);
}

static void many_countdowns_end_each_at_its_own_time(void) {
  enum { COUNT = 2000 };
  struct guard *guard = check_guard_by_hand(COUNT, 1u << 20);
  for (int index = 0; index < COUNT; index++) (void)armed(guard, (100 + index * 37 % 200 * 5) * MS, 50 * MS);
  check_pass(guard, 1200 * MS);
  int expired = 0;
  int64_t last = 0;
  for (struct guard_record record = check_next(guard); record.kind != 0; record = check_next(guard)) {
    if (record.kind != GUARD_EXPIRED) continue;
    expired++;
    OK(record.value >= last);
    last = record.value;
  }
  SAME(expired, COUNT);
  (void)guard_close(guard);
}

int main(void) {
  check_case("it warns and expires to the nanosecond", it_warns_and_expires_to_the_nanosecond);
  check_case("beats keep it away", beats_keep_it_away);
  check_case("a beat takes the warning back", a_beat_takes_the_warning_back);
  check_case("a beat before the claim calls the expiry off", a_beat_before_the_claim_calls_the_expiry_off);
  check_case("an extension lasts until the next beat", an_extension_lasts_until_the_next_beat);
  check_case("a stall costs a quarter of the limit at most", a_stall_costs_a_quarter_of_the_limit_at_most);
  check_case("a beat during a stall is worth no more than one after it",
             a_beat_during_a_stall_is_worth_no_more_than_one_after_it);
  check_case("nothing to count is no stall and needs no timer", nothing_to_count_is_no_stall);
  check_case("expiries that find no room in the ring come later", expiries_that_find_no_room_come_later);
  check_case("the longest limit is counted without overflow", the_longest_limit_is_counted_without_overflow);
  check_case("an identifier outlives nothing", an_identifier_outlives_nothing);
  check_case("arguments out of bounds are refused and change nothing", arguments_out_of_bounds_are_refused);
  check_case("many countdowns end each at its own time, in order", many_countdowns_end_each_at_its_own_time);
  return check_end("countdown");
}
