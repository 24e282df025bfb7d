#include "calls.h"

#include <errno.h>

#include "plan-answers.h"

/* A number that cannot be an identifier names nothing: the guard answers -ENOENT. */
static guard_id id_of(int64_t number) {
  return number > 0 ? (guard_id)number : 0;
}

static bool is_within(int64_t number, int64_t least, int64_t most) {
  return number >= least && number <= most;
}

static int64_t create(struct workplace *place) {
  guard_id id = 0;
  int result = guard_countdown_create(place->guard, &id);
  if (result != 0) return result;
  holdings_add_countdown(&place->holdings, id);
  return (int64_t)id;
}

static int64_t dispose(struct workplace *place, guard_id id) {
  int result = guard_countdown_dispose(place->guard, id);
  if (result == 0) holdings_remove_countdown(&place->holdings, id);
  return result;
}

static int64_t arm(struct workplace *place, const int64_t *numbers) {
  uint32_t arming = 0;
  int result = guard_countdown_arm(place->guard, id_of(numbers[0]), numbers[1], numbers[2], &arming);
  return result == 0 ? (int64_t)arming : result;
}

static int64_t quiet_beat(struct workplace *place, guard_id id) {
  int64_t spent = 0;
  int result = guard_countdown_quiet_beat(place->guard, id, &spent);
  return result == 0 ? spent : result;
}

static int64_t claim(struct workplace *place, const int64_t *numbers) {
  if (!is_within(numbers[1], 0, UINT32_MAX)) return -EINVAL;
  return guard_countdown_claim(place->guard, id_of(numbers[0]), (uint32_t)numbers[1]);
}

static int64_t fallback(struct workplace *place, const int64_t *numbers) {
  if (!is_within(numbers[2], 0, INT32_MAX)) return -EINVAL;
  return guard_countdown_fallback(place->guard, id_of(numbers[0]), id_of(numbers[1]), (int)numbers[2], numbers[3]);
}

static int64_t reading(struct workplace *place, guard_id id, int64_t *out) {
  struct guard_countdown_reading read;
  int result = guard_countdown_reading(place->guard, id, &read);
  if (result != 0) return result;
  out[0] = read.state;
  out[1] = read.arming;
  out[2] = read.spent;
  out[3] = read.remaining;
  out[4] = (int64_t)read.beats;
  out[5] = (int64_t)read.page_beats;
  return 0;
}

static int64_t tally(struct workplace *place, guard_id id, struct wire_reply_frame *reply) {
  struct guard_tally counted;
  memset(&counted, 0, sizeof counted);
  int result = guard_countdown_tally(place->guard, id, &counted);
  if (result != 0) return result;
  memcpy(reply->text, &counted, sizeof counted);
  reply->head.length = sizeof counted;
  return 0;
}

static int64_t process_add(struct workplace *place, const int64_t *numbers) {
  guard_id id = 0;
  if (!is_within(numbers[0], 1, INT32_MAX) || numbers[1] < 0) return -EINVAL;
  int result = guard_process_add(place->guard, (int32_t)numbers[0], (uint64_t)numbers[1], &id);
  if (result != 0) return result;
  holdings_add_process(&place->holdings, id, (int32_t)numbers[0]);
  return (int64_t)id;
}

static int64_t process_remove(struct workplace *place, guard_id id) {
  int result = guard_process_remove(place->guard, id);
  if (result == 0) holdings_remove_process(&place->holdings, id);
  return result;
}

static int64_t process_signal(struct workplace *place, const int64_t *numbers) {
  if (!is_within(numbers[1], 0, INT32_MAX)) return -EINVAL;
  return guard_process_signal(place->guard, id_of(numbers[0]), (int)numbers[1]);
}

static int64_t process_bind(struct workplace *place, const int64_t *numbers) {
  guard_id id = id_of(numbers[0]);
  int result = guard_process_bind(place->guard, id, id_of(numbers[1]));
  struct held_process *process = holdings_process(&place->holdings, id);
  if (result == 0 && process != NULL) process->countdown = id_of(numbers[1]);
  return result;
}

static int64_t notify_open(struct workplace *place, const struct wire_request_frame *request) {
  uint32_t length = request->head.length;
  if (length == 0 || length >= sizeof place->notify_path || memchr(request->text, '\0', length) != NULL) return -EINVAL;
  if (!is_within(request->head.numbers[0], 0, 0777)) return -EINVAL;
  char path[sizeof place->notify_path];
  memcpy(path, request->text, length);
  path[length] = '\0';
  // An owner that comes back finds the socket that its services have been using all along.
  if (strcmp(path, place->notify_path) == 0) return 0;
  int result = guard_notify_open(place->guard, path, (uint32_t)request->head.numbers[0]);
  if (result == 0) memcpy(place->notify_path, path, length + 1);
  return result;
}

static int64_t notify_close(struct workplace *place) {
  place->notify_path[0] = '\0';
  return guard_notify_close(place->guard);
}

static int64_t counters(struct workplace *place, struct wire_reply_frame *reply) {
  struct guard_counters counted;
  int result = guard_counters(place->guard, &counted);
  if (result != 0) return result;
  memcpy(reply->text, &counted, sizeof counted);
  reply->head.length = sizeof counted;
  return 0;
}

static int64_t strength(struct workplace *place, int64_t *out) {
  struct guard_strength got;
  int result = guard_strength(place->guard, &got);
  if (result != 0) return result;
  out[0] = got.realtime;
  out[1] = got.locked_own;
  out[2] = got.locked_all;
  return 0;
}

static int64_t label(struct workplace *place, const struct wire_request_frame *request) {
  const int64_t *numbers = request->head.numbers;
  if (!is_within(numbers[1], 0, 1)) return -EINVAL;
  return holdings_label(&place->holdings, id_of(numbers[0]), numbers[1] == 1, request->text, request->head.length);
}

static int64_t inventory(struct workplace *place, int64_t from, struct wire_reply_frame *reply) {
  uint32_t at = 0;
  if (!is_within(from, 0, UINT32_MAX)) return -EINVAL;
  const struct held_process *process = holdings_next(&place->holdings, (uint32_t)from, &at);
  if (process == NULL) return 0;
  reply->head.numbers[0] = (int64_t)process->id;
  reply->head.numbers[1] = process->pid;
  reply->head.numbers[2] = (int64_t)process->countdown;
  reply->head.numbers[3] = (process->ended ? WIRE_ENDED : 0) | (process->acted ? WIRE_ACTED : 0);
  reply->head.numbers[4] = (int64_t)at + 1;
  memcpy(reply->text, process->label, process->label_length);
  reply->head.length = process->label_length;
  return 1;
}

static int64_t end(struct workplace *place) {
  holdings_release(&place->holdings, place->guard);
  place->ended = true;
  return 0;
}

static int64_t answer_others(struct workplace *place, const struct wire_request_frame *request, struct wire_reply_frame *reply) {
  const int64_t *numbers = request->head.numbers;
  switch (request->head.call) {
    case WIRE_HAND_SET:
      return guard_hand_set(place->guard, numbers[0]);
    case WIRE_HAND_TURN:
      return guard_hand_turn(place->guard);
    case WIRE_HAND_NEXT:
      return guard_hand_next(place->guard, &reply->head.numbers[0]);
    default:
      return answer_about_plans(place, request, reply);
  }
}

static int64_t answer(struct workplace *place, const struct wire_request_frame *request, struct wire_reply_frame *reply) {
  const int64_t *numbers = request->head.numbers;
  guard_id id = id_of(numbers[0]);
  switch (request->head.call) {
    case WIRE_COUNTDOWN_CREATE:
      return create(place);
    case WIRE_COUNTDOWN_ARM:
      return arm(place, numbers);
    case WIRE_COUNTDOWN_QUIET_BEAT:
      return quiet_beat(place, id);
    case WIRE_COUNTDOWN_EXTEND:
      return guard_countdown_extend(place->guard, id, numbers[1]);
    case WIRE_COUNTDOWN_DISARM:
      return guard_countdown_disarm(place->guard, id);
    case WIRE_COUNTDOWN_DISPOSE:
      return dispose(place, id);
    case WIRE_COUNTDOWN_CLAIM:
      return claim(place, numbers);
    case WIRE_COUNTDOWN_FALLBACK:
      return fallback(place, numbers);
    case WIRE_COUNTDOWN_READING:
      return reading(place, id, reply->head.numbers);
    case WIRE_COUNTDOWN_TALLY:
      return tally(place, id, reply);
    case WIRE_PROCESS_ADD:
      return process_add(place, numbers);
    case WIRE_PROCESS_REMOVE:
      return process_remove(place, id);
    case WIRE_PROCESS_SIGNAL:
      return process_signal(place, numbers);
    case WIRE_PROCESS_ENDED:
      return guard_process_ended(place->guard, id);
    case WIRE_PROCESS_BIND:
      return process_bind(place, numbers);
    case WIRE_PROCESS_ADMIT:
      return is_within(numbers[1], 0, 1) ? guard_process_admit(place->guard, id, (int)numbers[1]) : -EINVAL;
    case WIRE_NOTIFY_OPEN:
      return notify_open(place, request);
    case WIRE_NOTIFY_CLOSE:
      return notify_close(place);
    case WIRE_COUNTERS:
      return counters(place, reply);
    case WIRE_STRENGTH:
      return strength(place, reply->head.numbers);
    case WIRE_PROCESS_LABEL:
      return label(place, request);
    case WIRE_INVENTORY:
      return inventory(place, numbers[0], reply);
    case WIRE_END:
      return end(place);
    default:
      return answer_others(place, request, reply);
  }
}

static bool takes_text(uint16_t call) {
  return call == WIRE_NOTIFY_OPEN || call == WIRE_PROCESS_LABEL || call == WIRE_COUNTDOWN_PLAN || call == WIRE_RECORD_OPEN ||
         call == WIRE_MACHINE_OPEN;
}

void call_answer(struct workplace *place, const struct wire_request_frame *request, struct wire_reply_frame *reply) {
  if (request->head.length > 0 && !takes_text(request->head.call)) reply->head.result = -EINVAL;
  else reply->head.result = answer(place, request, reply);
}
