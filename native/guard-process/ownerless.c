#include "ownerless.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../guard/guard-plan.h"

struct line {
  const char *text;
  size_t length;
};

static bool is(struct line line, const char *text) {
  return line.length == strlen(text) && memcmp(line.text, text, line.length) == 0;
}

/* The number after KEY=, in microseconds; -1 when the line is another or its value no number. At most GUARD_LIMIT_MAX in nanoseconds. */
static int64_t span_after(struct line line, const char *key) {
  size_t at = strlen(key);
  if (line.length <= at || memcmp(line.text, key, at) != 0) return -1;
  int64_t microseconds = 0;
  for (; at < line.length; at++) {
    if (line.text[at] < '0' || line.text[at] > '9') return -1;
    if (microseconds < GUARD_LIMIT_MAX / 1000) microseconds = microseconds * 10 + (line.text[at] - '0');
  }
  return microseconds < GUARD_LIMIT_MAX / 1000 ? microseconds * 1000 : GUARD_LIMIT_MAX;
}

/* As a beat that the guard has heard by itself: nobody handed it in. */
static void beat(struct guard *guard, guard_id countdown) {
  (void)guard_countdown_beat(guard, countdown, NULL);
  (void)guard_countdown_unowned(guard, countdown);
}

/* The limit comes no sooner than this much from now; asking again adds nothing to what is left, as with an owner. */
static void give_time(struct guard *guard, guard_id countdown, int64_t span) {
  struct guard_countdown_reading reading;
  if (guard_countdown_reading(guard, countdown, &reading) != 0 || reading.remaining >= span) return;
  if (reading.state == GUARD_OVERDUE) beat(guard, countdown);
  if (guard_countdown_reading(guard, countdown, &reading) != 0 || reading.remaining >= span) return;
  (void)guard_countdown_extend(guard, countdown, span - reading.remaining);
}

static void take(struct guard *guard, guard_id countdown, struct line line) {
  int64_t asked = span_after(line, "EXTEND_TIMEOUT_USEC=");
  if (asked >= 0) give_time(guard, countdown, asked);
  else if (is(line, "READY=1") || is(line, "RELOADING=1")) beat(guard, countdown);
  else if (is(line, "STOPPING=1") || is(line, "WATCHDOG_USEC=0")) (void)guard_countdown_disarm(guard, countdown);
}

void ownerless_message(struct guard *guard, const struct guard_record *record, const char *text) {
  if (record->kind != GUARD_MESSAGE || record->countdown == 0) return;
  for (size_t start = 0; start < record->length;) {
    const char *line = text + start;
    const char *newline = memchr(line, '\n', record->length - start);
    size_t length = newline == NULL ? record->length - start : (size_t)(newline - line);
    take(guard, record->countdown, (struct line){line, length});
    start += length + 1;
  }
}
