/*
 * The Node-API binding of the guard. It reads arguments, makes the call and returns what the guard returned: 0 or more, or a negative errno
 * value. Policy stays in TypeScript: src/platform/guard.ts is the only caller. Spans are milliseconds in JavaScript.
 */
#include <errno.h>
#include <string.h>

#include "guard-object.h"
#include "kernel-countdown.h"
#include "machine-watchdog.h"
#include "notify-sender.h"
#include "page-calls.h"
#include "plan-methods.h"
#include "remote-guard.h"
#include "report.h"
#include "value.h"

#define METHOD(name) static napi_value name(napi_env env, napi_callback_info info)

METHOD(countdown_create) {
  struct call call;
  guard_id id = 0;
  if (!read_call(env, info, 0, &call)) return NULL;
  int result = guard_countdown_create(call.guard, &id);
  return whole(env, result == 0 ? (int64_t)id : result);
}

METHOD(countdown_arm) {
  struct call call;
  int64_t id, limit, warning;
  uint32_t arming = 0;
  if (!read_call(env, info, 3, &call) || !read_whole(env, call.arguments[0], "the countdown", &id) ||
      !read_span(env, call.arguments[1], "the limit", &limit) || !read_span(env, call.arguments[2], "the warning", &warning))
    return NULL;
  int result = guard_countdown_arm(call.guard, (guard_id)id, limit, warning, &arming);
  return whole(env, result == 0 ? (int64_t)arming : result);
}

/* The hot path: two values in, one out. The result is the time spent, or a negative errno value; no time is negative. */
METHOD(countdown_quiet_beat) {
  struct call call;
  int64_t spent = 0;
  double id = 0;
  if (!read_call(env, info, 1, &call) || napi_get_value_double(env, call.arguments[0], &id) != napi_ok) return NULL;
  int result = guard_countdown_quiet_beat(call.guard, id >= 0 && id < 9e15 ? (guard_id)id : 0, &spent);
  return result == 0 ? span(env, spent) : whole(env, result);
}

METHOD(countdown_extend) {
  struct call call;
  int64_t id, by;
  if (!read_call(env, info, 2, &call) || !read_whole(env, call.arguments[0], "the countdown", &id) ||
      !read_span(env, call.arguments[1], "the span", &by))
    return NULL;
  return whole(env, guard_countdown_extend(call.guard, (guard_id)id, by));
}

METHOD(countdown_disarm) {
  struct call call;
  int64_t id;
  if (!read_call(env, info, 1, &call) || !read_whole(env, call.arguments[0], "the countdown", &id)) return NULL;
  return whole(env, guard_countdown_disarm(call.guard, (guard_id)id));
}

METHOD(countdown_dispose) {
  struct call call;
  int64_t id;
  if (!read_call(env, info, 1, &call) || !read_whole(env, call.arguments[0], "the countdown", &id)) return NULL;
  return whole(env, guard_countdown_dispose(call.guard, (guard_id)id));
}

METHOD(countdown_claim) {
  struct call call;
  int64_t id, arming;
  if (!read_call(env, info, 2, &call) || !read_whole(env, call.arguments[0], "the countdown", &id) ||
      !read_whole(env, call.arguments[1], "the arming", &arming))
    return NULL;
  return whole(env, guard_countdown_claim(call.guard, (guard_id)id, (uint32_t)arming));
}

METHOD(countdown_fallback) {
  struct call call;
  int64_t id, process, signal, budget;
  if (!read_call(env, info, 4, &call) || !read_whole(env, call.arguments[0], "the countdown", &id) ||
      !read_whole(env, call.arguments[1], "the process", &process) ||
      !read_whole(env, call.arguments[2], "the signal", &signal) || !read_span(env, call.arguments[3], "the budget", &budget))
    return NULL;
  return whole(env, guard_countdown_fallback(call.guard, (guard_id)id, (guard_id)process, (int)signal, budget));
}

METHOD(countdown_reading) {
  struct call call;
  int64_t id;
  struct guard_countdown_reading reading;
  napi_value out;
  if (!read_call(env, info, 1, &call) || !read_whole(env, call.arguments[0], "the countdown", &id)) return NULL;
  if (guard_countdown_reading(call.guard, (guard_id)id, &reading) != 0) return NULL;
  if (napi_create_object(env, &out) != napi_ok) return NULL;
  set(env, out, "state", whole(env, reading.state));
  set(env, out, "arming", whole(env, reading.arming));
  set(env, out, "spent", span(env, reading.spent));
  set(env, out, "remaining", span(env, reading.remaining));
  set(env, out, "beats", whole(env, (int64_t)reading.beats));
  set(env, out, "pageBeats", whole(env, (int64_t)reading.page_beats));
  set(env, out, "pageBeater", whole(env, reading.page_beater));
  return out;
}

METHOD(countdown_tally) {
  struct call call;
  int64_t id;
  struct guard_tally tally;
  if (!read_call(env, info, 1, &call) || !read_whole(env, call.arguments[0], "the countdown", &id)) return NULL;
  return guard_countdown_tally(call.guard, (guard_id)id, &tally) == 0 ? tally_array(env, &tally) : NULL;
}

METHOD(process_add) {
  struct call call;
  int64_t pid, start_time;
  guard_id id = 0;
  if (!read_call(env, info, 2, &call) || !read_whole(env, call.arguments[0], "the pid", &pid) ||
      !read_whole(env, call.arguments[1], "the start time", &start_time))
    return NULL;
  if (pid < 1 || pid > INT32_MAX) return whole(env, -EINVAL);
  int result = guard_process_add(call.guard, (int32_t)pid, (uint64_t)start_time, &id);
  return whole(env, result == 0 ? (int64_t)id : result);
}

METHOD(process_remove) {
  struct call call;
  int64_t id;
  if (!read_call(env, info, 1, &call) || !read_whole(env, call.arguments[0], "the process", &id)) return NULL;
  return whole(env, guard_process_remove(call.guard, (guard_id)id));
}

METHOD(process_signal) {
  struct call call;
  int64_t id, signal;
  if (!read_call(env, info, 2, &call) || !read_whole(env, call.arguments[0], "the process", &id) ||
      !read_whole(env, call.arguments[1], "the signal", &signal))
    return NULL;
  return whole(env, guard_process_signal(call.guard, (guard_id)id, (int)signal));
}

METHOD(process_ended) {
  struct call call;
  int64_t id;
  if (!read_call(env, info, 1, &call) || !read_whole(env, call.arguments[0], "the process", &id)) return NULL;
  return whole(env, guard_process_ended(call.guard, (guard_id)id));
}

METHOD(process_bind) {
  struct call call;
  int64_t id, countdown;
  if (!read_call(env, info, 2, &call) || !read_whole(env, call.arguments[0], "the process", &id) ||
      !read_whole(env, call.arguments[1], "the countdown", &countdown))
    return NULL;
  return whole(env, guard_process_bind(call.guard, (guard_id)id, (guard_id)countdown));
}

METHOD(process_admit) {
  struct call call;
  int64_t id;
  bool admit = false;
  if (!read_call(env, info, 2, &call) || !read_whole(env, call.arguments[0], "the process", &id)) return NULL;
  (void)napi_get_value_bool(env, call.arguments[1], &admit);
  return whole(env, guard_process_admit(call.guard, (guard_id)id, admit));
}

METHOD(notify_open) {
  struct call call;
  char path[256];
  size_t length = 0;
  int64_t mode;
  if (!read_call(env, info, 2, &call) || !read_whole(env, call.arguments[1], "the mode", &mode)) return NULL;
  if (napi_get_value_string_utf8(env, call.arguments[0], path, sizeof path, &length) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "cannot call the guard: expected the path to be a string");
    return NULL;
  }
  if (memchr(path, '\0', length) != NULL || mode < 0 || mode > 0777) return whole(env, -EINVAL);
  return whole(env, guard_notify_open(call.guard, path, (uint32_t)mode));
}

METHOD(notify_close) {
  struct call call;
  return read_call(env, info, 0, &call) ? whole(env, guard_notify_close(call.guard)) : NULL;
}

METHOD(hold) {
  struct call call;
  bool held = false;
  if (!read_call(env, info, 1, &call)) return NULL;
  (void)napi_get_value_bool(env, call.arguments[0], &held);
  guard_object_hold(call.object, held);
  return NULL;
}

METHOD(close_guard) {
  struct call call;
  if (read_call(env, info, 0, &call)) guard_object_close(call.object);
  return NULL;
}

METHOD(hand_set) {
  struct call call;
  int64_t now;
  if (!read_call(env, info, 1, &call) || !read_span(env, call.arguments[0], "the time", &now)) return NULL;
  return whole(env, guard_hand_set(call.guard, now));
}

METHOD(hand_turn) {
  struct call call;
  return read_call(env, info, 0, &call) ? whole(env, guard_hand_turn(call.guard)) : NULL;
}

METHOD(hand_next) {
  struct call call;
  int64_t next = 0;
  if (!read_call(env, info, 0, &call)) return NULL;
  int result = guard_hand_next(call.guard, &next);
  return result == 0 ? span(env, next) : whole(env, result);
}

static const struct {
  const char *name;
  napi_callback call;
} methods[] = {
    {"countdownCreate", countdown_create},       {"countdownArm", countdown_arm},
    {"countdownQuietBeat", countdown_quiet_beat}, {"countdownExtend", countdown_extend},
    {"countdownDisarm", countdown_disarm},       {"countdownDispose", countdown_dispose},
    {"countdownClaim", countdown_claim},         {"countdownFallback", countdown_fallback},
    {"countdownReading", countdown_reading},     {"processAdd", process_add},
    {"processRemove", process_remove},           {"processSignal", process_signal},
    {"processEnded", process_ended},             {"processBind", process_bind},
    {"notifyOpen", notify_open},                 {"notifyClose", notify_close},
    {"pageOpen", open_page},                     {"pageClose", close_page},
    {"pageBind", bind_line},                     {"pageUnbind", unbind_line},
    {"read", read_records},                      {"counters", counters},
    {"strength", strength},                      {"hold", hold},
    {"close", close_guard},                      {"handSet", hand_set},
    {"handTurn", hand_turn},                     {"handNext", hand_next},
    {"countdownTally", countdown_tally},         {"processAdmit", process_admit},
};

/* open(countdowns, processes, ringBytes, flags, priority, woken): the guard, or a negative errno value. */
METHOD(open_guard) {
  struct call call;
  int64_t numbers[5];
  static const char *const names[] = {"countdowns", "processes", "ringBytes", "flags", "priority"};
  struct guard_object *object = NULL;
  napi_value out;
  napi_valuetype type;
  call.count = 6;
  if (napi_get_cb_info(env, info, &call.count, call.arguments, NULL, NULL) != napi_ok) return NULL;
  for (int index = 0; index < 5; index++) {
    if (!read_whole(env, call.arguments[index], names[index], &numbers[index])) return NULL;
    if (numbers[index] < 0 || numbers[index] > INT32_MAX) return whole(env, -EINVAL);
  }
  if (napi_typeof(env, call.arguments[5], &type) != napi_ok || type != napi_function) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "cannot open a guard: expected woken to be a function");
    return NULL;
  }
  struct guard_config config = {
      .countdowns = (uint32_t)numbers[0],
      .processes = (uint32_t)numbers[1],
      .ring_bytes = (uint32_t)numbers[2],
      .flags = (uint32_t)numbers[3],
      .priority = (int32_t)numbers[4],
  };
  int result = guard_object_open(env, &config, call.arguments[5], &object);
  if (result != 0) return whole(env, result);
  if (napi_create_object(env, &out) != napi_ok) return NULL;
  for (size_t index = 0; index < sizeof methods / sizeof *methods; index++) {
    napi_value function;
    if (napi_create_function(env, methods[index].name, NAPI_AUTO_LENGTH, methods[index].call, object, &function) == napi_ok)
      set(env, out, methods[index].name, function);
  }
  add_plan_methods(env, out, object);
  return out;
}

NAPI_MODULE_INIT() {
  napi_value open, connect, heartbeat;
  if (napi_create_function(env, "open", NAPI_AUTO_LENGTH, open_guard, NULL, &open) == napi_ok) set(env, exports, "open", open);
  if (napi_create_function(env, "connect", NAPI_AUTO_LENGTH, connect_guard, NULL, &connect) == napi_ok)
    set(env, exports, "connect", connect);
  if (napi_create_function(env, "openHeartbeat", NAPI_AUTO_LENGTH, open_heartbeat, NULL, &heartbeat) == napi_ok)
    set(env, exports, "openHeartbeat", heartbeat);
  export_machine_watchdog(env, exports);
  export_notify_sender(env, exports);
  set(env, exports, "kernel", kernel_exports(env));
  // Raised when a caller of before could not use what is exported; src/platform/addon.ts refuses another.
  set(env, exports, "version", whole(env, 2));
  return exports;
}
