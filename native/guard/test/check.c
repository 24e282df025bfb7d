#include "check.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

int checks_failed;
char check_text[GUARD_TEXT_MAX + 1];
static int cases_run;
static int cases_failed;
/* One clock for the guards of a case, as each sets its own. */
static int64_t hand;

void check_same(int64_t found, int64_t expected, const char *what, const char *file, int line) {
  if (found == expected) return;
  checks_failed++;
  printf("  %s:%d: %s is %" PRId64 ", not %" PRId64 "\n", file, line, what, found, expected);
}

void check_case(const char *name, void (*body)(void)) {
  int before = checks_failed;
  const char *only = getenv("ONLY");
  if (only != NULL && strstr(name, only) == NULL) return;
  body();
  cases_run++;
  if (checks_failed != before) cases_failed++;
  printf("%s %s\n", checks_failed == before ? "ok" : "NOT OK", name);
  (void)fflush(stdout);
}

int check_end(const char *suite) {
  printf("%s: %d passed, %d failed\n", suite, cases_run - cases_failed, cases_failed);
  return cases_failed == 0 ? 0 : 1;
}

struct guard *check_guard_by_hand(uint32_t countdowns, uint32_t ring_bytes) {
  struct guard_config config = {
      .countdowns = countdowns, .processes = 64, .ring_bytes = ring_bytes, .flags = GUARD_BY_HAND};
  struct guard *guard = NULL;
  if (guard_open(&config, &guard) != 0) abort();
  hand = 1000 * MS;
  (void)guard_hand_set(guard, hand);
  return guard;
}

void check_pass(struct guard *guard, int64_t span) {
  int64_t end = hand + span;
  int64_t next;
  while (guard_hand_next(guard, &next) == 0 && next <= end) {
    if (next > hand) hand = next;
    SAME(guard_hand_set(guard, hand), 0);
    SAME(guard_hand_turn(guard), 0);
  }
  check_jump(guard, end - hand);
}

void check_jump(struct guard *guard, int64_t span) {
  hand += span;
  SAME(guard_hand_set(guard, hand), 0);
}

struct guard_record check_next(struct guard *guard) {
  struct guard_record record = {0};
  if (guard_read(guard, &record, check_text) != 1) return (struct guard_record){0};
  check_text[record.length] = '\0';
  return record;
}

int check_count(struct guard *guard, uint32_t kind) {
  int count = 0;
  for (struct guard_record record = check_next(guard); record.kind != 0; record = check_next(guard)) {
    if (record.kind == kind) count++;
  }
  return count;
}

struct guard_record check_wait(struct guard *guard, int timeout_ms) {
  struct guard_record record = check_next(guard);
  struct pollfd wake = {.fd = guard_wake_fd(guard), .events = POLLIN};
  uint64_t count;
  while (record.kind == 0 && poll(&wake, 1, timeout_ms) == 1) {
    (void)!read(wake.fd, &count, sizeof count);
    record = check_next(guard);
  }
  return record;
}
