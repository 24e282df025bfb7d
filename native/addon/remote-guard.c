#include "remote-guard.h"

#include <errno.h>
#include <string.h>

#include "remote-object.h"
#include "remote-plan.h"
#include "report.h"
#include "value.h"

/* Records given out by one call of read; more wait for the next. */
#define RECORDS_PER_READ 256
/* Of the record that says that the guard is gone; no kind of enum guard_kind. */
#define GUARD_LOST 100

/*
 * A method that is one call. What it takes: n a whole number, b true or false, s a span, t a text. What it gives: w what was answered, s the same as a
 * span, the rest as decoded below.
 */
struct method {
  const char *name;
  uint16_t call;
  const char *takes;
  char gives;
};

static const struct method methods[] = {
    {"countdownCreate", WIRE_COUNTDOWN_CREATE, "", 'w'},
    {"countdownArm", WIRE_COUNTDOWN_ARM, "nss", 'w'},
    {"countdownQuietBeat", WIRE_COUNTDOWN_QUIET_BEAT, "n", 's'},
    {"countdownExtend", WIRE_COUNTDOWN_EXTEND, "ns", 'w'},
    {"countdownDisarm", WIRE_COUNTDOWN_DISARM, "n", 'w'},
    {"countdownDispose", WIRE_COUNTDOWN_DISPOSE, "n", 'w'},
    {"countdownClaim", WIRE_COUNTDOWN_CLAIM, "nn", 'w'},
    {"countdownFallback", WIRE_COUNTDOWN_FALLBACK, "nnns", 'w'},
    {"countdownReading", WIRE_COUNTDOWN_READING, "n", 'r'},
    {"countdownTally", WIRE_COUNTDOWN_TALLY, "n", 'y'},
    {"processAdd", WIRE_PROCESS_ADD, "nn", 'w'},
    {"processRemove", WIRE_PROCESS_REMOVE, "n", 'w'},
    {"processSignal", WIRE_PROCESS_SIGNAL, "nn", 'w'},
    {"processEnded", WIRE_PROCESS_ENDED, "n", 'w'},
    {"processBind", WIRE_PROCESS_BIND, "nn", 'w'},
    {"processAdmit", WIRE_PROCESS_ADMIT, "nb", 'w'},
    {"processLabel", WIRE_PROCESS_LABEL, "nnt", 'w'},
    {"inventory", WIRE_INVENTORY, "n", 'i'},
    {"notifyOpen", WIRE_NOTIFY_OPEN, "tn", 'w'},
    {"notifyClose", WIRE_NOTIFY_CLOSE, "", 'w'},
    {"counters", WIRE_COUNTERS, "", 'c'},
    {"strength", WIRE_STRENGTH, "", 'g'},
    {"countdownLease", WIRE_COUNTDOWN_LEASE, "ns", 'w'},
    {"recordText", WIRE_RECORD_TEXT, "n", 't'},
    {"recordFree", WIRE_RECORD_FREE, "n", 'w'},
    {"bugcheckPermit", WIRE_BUGCHECK_PERMIT, "s", 'w'},
    {"end", WIRE_END, "", 'w'},
    {"handSet", WIRE_HAND_SET, "s", 'w'},
    {"handTurn", WIRE_HAND_TURN, "", 'w'},
    {"handNext", WIRE_HAND_NEXT, "", 'h'},
};

#define METHODS (sizeof methods / sizeof *methods)

struct bound_method {
  const struct method *method;
  struct remote_object *object;
};

struct request {
  int64_t numbers[WIRE_NUMBERS];
  char text[WIRE_TEXT_MAX + 1];
  size_t length;
};

static bool read_text(napi_env env, napi_value value, struct request *out) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "cannot call the guard: expected a text to be a string");
    return false;
  }
  out->length = length;
  return length > WIRE_TEXT_MAX ||
         napi_get_value_string_utf8(env, value, out->text, sizeof out->text, &out->length) == napi_ok;
}

static bool read_truth(napi_env env, napi_value value, int64_t *out) {
  bool truth = false;
  if (napi_get_value_bool(env, value, &truth) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "cannot call the guard: expected true or false");
    return false;
  }
  *out = truth;
  return true;
}

static bool read_arguments(napi_env env, const char *takes, const napi_value *arguments, struct request *out) {
  int numbers = 0;
  memset(out->numbers, 0, sizeof out->numbers);
  out->length = 0;
  for (int index = 0; takes[index] != '\0'; index++) {
    bool read = takes[index] == 't'   ? read_text(env, arguments[index], out)
                : takes[index] == 'b' ? read_truth(env, arguments[index], &out->numbers[numbers])
                : takes[index] == 's' ? read_span(env, arguments[index], "a span", &out->numbers[numbers])
                                      : read_whole(env, arguments[index], "an argument", &out->numbers[numbers]);
    if (!read) return false;
    if (takes[index] != 't') numbers++;
  }
  return true;
}

static napi_value reading_object(napi_env env, const int64_t *numbers) {
  napi_value out;
  if (napi_create_object(env, &out) != napi_ok) return NULL;
  set(env, out, "state", whole(env, numbers[0]));
  set(env, out, "arming", whole(env, numbers[1]));
  set(env, out, "spent", span(env, numbers[2]));
  set(env, out, "remaining", span(env, numbers[3]));
  set(env, out, "beats", whole(env, numbers[4]));
  set(env, out, "pageBeats", whole(env, numbers[5]));
  // There are no pages with it yet.
  set(env, out, "pageBeater", whole(env, 0));
  return out;
}

static napi_value resident_object(napi_env env, const struct wire_reply_frame *reply) {
  napi_value out, label;
  if (napi_create_object(env, &out) != napi_ok) return NULL;
  set(env, out, "process", whole(env, reply->head.numbers[0]));
  set(env, out, "pid", whole(env, reply->head.numbers[1]));
  set(env, out, "countdown", whole(env, reply->head.numbers[2]));
  set(env, out, "ended", whole(env, (reply->head.numbers[3] & WIRE_ENDED) != 0));
  set(env, out, "acted", whole(env, (reply->head.numbers[3] & WIRE_ACTED) != 0));
  set(env, out, "next", whole(env, reply->head.numbers[4]));
  if (napi_create_string_utf8(env, reply->text, reply->head.length, &label) == napi_ok) set(env, out, "label", label);
  return out;
}

static napi_value counters_of(napi_env env, const struct wire_reply_frame *reply) {
  struct guard_counters counted;
  if (reply->head.length != sizeof counted) return NULL;
  memcpy(&counted, reply->text, sizeof counted);
  return counters_object(env, &counted);
}

static napi_value tally_of(napi_env env, const struct wire_reply_frame *reply) {
  struct guard_tally tally;
  if (reply->head.length != sizeof tally) return NULL;
  memcpy(&tally, reply->text, sizeof tally);
  return tally_array(env, &tally);
}

static napi_value text_of(napi_env env, const struct wire_reply_frame *reply) {
  napi_value out;
  return napi_create_string_utf8(env, reply->text, reply->head.length, &out) == napi_ok ? out : NULL;
}

static napi_value strength_of(napi_env env, const int64_t *numbers) {
  const struct guard_strength got = {(int32_t)numbers[0], (int32_t)numbers[1], (int32_t)numbers[2]};
  return strength_object(env, &got);
}

static napi_value decode(napi_env env, char gives, int64_t result, const struct wire_reply_frame *reply) {
  if (gives == 'w') return whole(env, result);
  if (gives == 's') return result < 0 ? whole(env, result) : span(env, result);
  if (gives == 'h') return result < 0 ? whole(env, result) : span(env, reply->head.numbers[0]);
  if (gives == 'i') return result == 1 ? resident_object(env, reply) : NULL;
  if (result != 0) return NULL;
  if (gives == 't') return text_of(env, reply);
  if (gives == 'y') return tally_of(env, reply);
  if (gives == 'r') return reading_object(env, reply->head.numbers);
  return gives == 'c' ? counters_of(env, reply) : strength_of(env, reply->head.numbers);
}

static napi_value call_method(napi_env env, napi_callback_info info) {
  struct wire_reply_frame reply;
  struct request request;
  void *data = NULL;
  napi_value arguments[6];
  size_t count = sizeof arguments / sizeof *arguments;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, &data) != napi_ok) return NULL;
  const struct bound_method *bound = data;
  const struct method *method = bound->method;
  if (count < strlen(method->takes)) {
    napi_throw_type_error(env, "ERR_MISSING_ARGS", "cannot call the guard: too few arguments");
    return NULL;
  }
  if (!read_arguments(env, method->takes, arguments, &request)) return NULL;
  struct guard_link *link = remote_object_link(bound->object);
  int64_t result =
      request.length > WIRE_TEXT_MAX
          ? -EMSGSIZE
          : link_ask(link, method->call, request.numbers, request.text, (uint32_t)request.length, &reply);
  return decode(env, method->gives, result, &reply);
}

/* ---- What is no call ---- */

static struct remote_object *object_of(napi_env env, napi_callback_info info, size_t *count, napi_value *arguments) {
  void *data = NULL;
  return napi_get_cb_info(env, info, count, arguments, NULL, &data) == napi_ok ? data : NULL;
}

static napi_value lost_record(napi_env env) {
  const struct guard_record lost = {.kind = GUARD_LOST};
  return record_object(env, &lost, "");
}

static napi_value read_notices(napi_env env, napi_callback_info info) {
  size_t count = 0;
  struct wire_record_frame frame;
  struct remote_object *object = object_of(env, info, &count, NULL);
  napi_value out;
  if (object == NULL || napi_create_array(env, &out) != napi_ok) return NULL;
  struct guard_link *link = remote_object_link(object);
  for (uint32_t index = 0; index < RECORDS_PER_READ; index++) {
    int read = link_read(link, &frame);
    if (read == 0) return out;
    if (read == 1) {
      (void)napi_set_element(env, out, index, record_object(env, &frame.head, frame.text));
      continue;
    }
    // Said once: without a descriptor there is nothing more to read.
    if (link->notices >= 0) (void)napi_set_element(env, out, index, lost_record(env));
    remote_object_deafen(object);
    link_close(link);
    return out;
  }
  return out;
}

static napi_value hold(napi_env env, napi_callback_info info) {
  size_t count = 1;
  bool held = false;
  napi_value argument;
  struct remote_object *object = object_of(env, info, &count, &argument);
  if (object == NULL || count < 1) return NULL;
  (void)napi_get_value_bool(env, argument, &held);
  remote_object_hold(object, held);
  return NULL;
}

static napi_value close_link(napi_env env, napi_callback_info info) {
  size_t count = 0;
  struct remote_object *object = object_of(env, info, &count, NULL);
  if (object != NULL) remote_object_close(object);
  return NULL;
}

static void add_method(napi_env env, napi_value out, const char *name, napi_callback call, void *data) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, call, data, &function) == napi_ok) set(env, out, name, function);
}

static napi_value make_object(napi_env env, struct remote_object *object) {
  napi_value out;
  struct bound_method *bound = remote_object_room(object, METHODS * sizeof *bound);
  if (bound == NULL || napi_create_object(env, &out) != napi_ok) return whole(env, -ENOMEM);
  for (size_t index = 0; index < METHODS; index++) {
    bound[index] = (struct bound_method){&methods[index], object};
    add_method(env, out, methods[index].name, call_method, &bound[index]);
  }
  add_remote_plan_methods(env, out, object);
  add_method(env, out, "read", read_notices, object);
  add_method(env, out, "hold", hold, object);
  add_method(env, out, "close", close_link, object);
  set(env, out, "guardPid", whole(env, remote_object_link(object)->guard_pid));
  return out;
}

napi_value connect_guard(napi_env env, napi_callback_info info) {
  size_t count = 2;
  size_t length = 0;
  napi_value arguments[2];
  char path[256];
  napi_valuetype type;
  struct guard_link link;
  struct remote_object *object = NULL;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok) return NULL;
  if (count < 2 || napi_get_value_string_utf8(env, arguments[0], path, sizeof path, &length) != napi_ok ||
      napi_typeof(env, arguments[1], &type) != napi_ok || type != napi_function) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "cannot connect to a guard: expected a path and a function");
    return NULL;
  }
  int result = link_open(&link, path);
  if (result == -EBUSY && link.owner_pid > 0) return whole(env, link.owner_pid);
  if (result == 0) result = remote_object_open(env, &link, arguments[1], &object);
  return result == 0 ? make_object(env, object) : whole(env, result);
}
