#include "plan-methods.h"

#include <errno.h>

#include "plan-values.h"
#include "value.h"

#define METHOD(name) static napi_value name(napi_env env, napi_callback_info info)
METHOD(countdown_plan) {
  struct call call;
  struct plan_values values;
  int64_t id;
  if (!read_call(env, info, 2, &call) || !read_whole(env, call.arguments[0], "the countdown", &id) ||
      !read_plan(env, call.arguments[1], &values))
    return NULL;
  return whole(env, values.sound ? guard_countdown_plan(call.guard, (guard_id)id, &values.plan) : -EINVAL);
}

METHOD(countdown_lease) {
  struct call call;
  int64_t id, span;
  if (!read_call(env, info, 2, &call) || !read_whole(env, call.arguments[0], "the countdown", &id) ||
      !read_span(env, call.arguments[1], "the span", &span))
    return NULL;
  return whole(env, guard_countdown_lease(call.guard, (guard_id)id, span));
}

METHOD(record_open) {
  struct call call;
  char path[WIRE_PATH_ROOM], head[GUARD_HEAD_MAX + 1];
  if (!read_call(env, info, 2, &call)) return NULL;
  if (!read_short_text(env, call.arguments[0], path, sizeof path) || !read_short_text(env, call.arguments[1], head, sizeof head))
    return whole(env, -EINVAL);
  return whole(env, guard_record_open(call.guard, path, head));
}

METHOD(record_text) {
  struct call call;
  char text[GUARD_RECORD_MAX + 1];
  int64_t slot;
  napi_value out;
  if (!read_call(env, info, 1, &call) || !read_whole(env, call.arguments[0], "the slot", &slot)) return NULL;
  int length = slot < 0 || slot >= GUARD_SLOTS ? -EINVAL : guard_record_text(call.guard, (uint32_t)slot, text);
  if (length < 0) return NULL;
  return napi_create_string_utf8(env, text, (size_t)length, &out) == napi_ok ? out : NULL;
}

METHOD(record_free) {
  struct call call;
  int64_t slot;
  if (!read_call(env, info, 1, &call) || !read_whole(env, call.arguments[0], "the slot", &slot)) return NULL;
  return whole(env, slot < 0 || slot >= GUARD_SLOTS ? -EINVAL : guard_record_free(call.guard, (uint32_t)slot));
}

METHOD(machine_open) {
  struct call call;
  struct machine_values values;
  if (!read_call(env, info, 1, &call) || !read_machine(env, call.arguments[0], &values)) return NULL;
  return whole(env, values.sound ? guard_machine_open(call.guard, &values.machine) : -EINVAL);
}

METHOD(machine_fed) {
  struct call call;
  int64_t watchdog;
  if (!read_call(env, info, 1, &call) || !read_whole(env, call.arguments[0], "the watchdog", &watchdog)) return NULL;
  return whole(env, watchdog < 0 || watchdog > INT32_MAX ? -EINVAL : guard_machine_fed(call.guard, (int)watchdog));
}

METHOD(bugcheck_permit) {
  struct call call;
  int64_t span;
  if (!read_call(env, info, 1, &call) || !read_span(env, call.arguments[0], "the span", &span)) return NULL;
  return whole(env, guard_bugcheck_permit(call.guard, span));
}

void add_plan_methods(napi_env env, napi_value guard, struct guard_object *object) {
  static const struct {
    const char *name;
    napi_callback call;
  } methods[] = {
      {"countdownPlan", countdown_plan}, {"countdownLease", countdown_lease}, {"recordOpen", record_open},
      {"recordText", record_text},       {"recordFree", record_free},         {"machineOpen", machine_open},
      {"bugcheckPermit", bugcheck_permit}, {"machineFed", machine_fed},
  };
  for (size_t index = 0; index < sizeof methods / sizeof *methods; index++) {
    napi_value function;
    if (napi_create_function(env, methods[index].name, NAPI_AUTO_LENGTH, methods[index].call, object, &function) == napi_ok)
      set(env, guard, methods[index].name, function);
  }
}
