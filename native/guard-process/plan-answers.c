#include "plan-answers.h"

#include <errno.h>

#include "wire-plan.h"

static guard_id id_of(int64_t number) {
  return number > 0 ? (guard_id)number : 0;
}

static int64_t set_plan(struct workplace *place, const struct wire_request_frame *request) {
  struct wire_plan frame;
  struct guard_plan plan;
  if (request->head.length != sizeof frame) return -EINVAL;
  memcpy(&frame, request->text, sizeof frame);
  int result = wire_unpack_plan(&frame, &plan);
  return result == 0 ? guard_countdown_plan(place->guard, id_of(request->head.numbers[0]), &plan) : result;
}

static int64_t open_machine(struct workplace *place, const struct wire_request_frame *request) {
  struct wire_machine frame;
  struct guard_machine machine;
  if (request->head.length != sizeof frame) return -EINVAL;
  memcpy(&frame, request->text, sizeof frame);
  int result = wire_unpack_machine(&frame, &machine);
  return result == 0 ? guard_machine_open(place->guard, &machine) : result;
}

/* The text is a path, a NUL, and the head. */
static int64_t open_records(struct workplace *place, const struct wire_request_frame *request) {
  char head[GUARD_HEAD_MAX + 1];
  const char *path = request->text;
  const char *end = memchr(path, '\0', request->head.length);
  if (end == NULL || path[0] != '/' || (size_t)(end - path) >= sizeof place->record_path) return -EINVAL;
  size_t length = request->head.length - (size_t)(end + 1 - path);
  if (length > GUARD_HEAD_MAX || memchr(end + 1, '\0', length) != NULL) return -EINVAL;
  // An owner that comes back finds the file that was written while nobody was there.
  if (strcmp(path, place->record_path) == 0) return 0;
  memcpy(head, end + 1, length);
  head[length] = '\0';
  int result = guard_record_open(place->guard, path, head);
  if (result == 0) memcpy(place->record_path, path, (size_t)(end - path) + 1);
  return result;
}

static bool is_slot(int64_t number) {
  return number >= 0 && number < GUARD_SLOTS;
}

static int64_t record_text(struct workplace *place, int64_t slot, struct wire_reply_frame *reply) {
  _Static_assert(GUARD_RECORD_MAX < WIRE_TEXT_MAX, "a record and its NUL fit into a reply");
  int length = is_slot(slot) ? guard_record_text(place->guard, (uint32_t)slot, reply->text) : -EINVAL;
  if (length < 0) return length;
  reply->head.length = (uint32_t)length;
  return 0;
}

int64_t answer_about_plans(struct workplace *place, const struct wire_request_frame *request, struct wire_reply_frame *reply) {
  const int64_t *numbers = request->head.numbers;
  switch (request->head.call) {
    case WIRE_COUNTDOWN_PLAN:
      return set_plan(place, request);
    case WIRE_COUNTDOWN_LEASE:
      return guard_countdown_lease(place->guard, id_of(numbers[0]), numbers[1]);
    case WIRE_RECORD_OPEN:
      return open_records(place, request);
    case WIRE_RECORD_TEXT:
      return record_text(place, numbers[0], reply);
    case WIRE_RECORD_FREE:
      return is_slot(numbers[0]) ? guard_record_free(place->guard, (uint32_t)numbers[0]) : -EINVAL;
    case WIRE_MACHINE_OPEN:
      return open_machine(place, request);
    case WIRE_BUGCHECK_PERMIT:
      return guard_bugcheck_permit(place->guard, numbers[0]);
    default:
      return -ENOSYS;
  }
}
