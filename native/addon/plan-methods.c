#include "plan-methods.h"

#include <errno.h>
#include <string.h>

#include "../guard/guard-plan.h"
#include "value.h"

#define METHOD(name) static napi_value name(napi_env env, napi_callback_info info)
#define PATH_ROOM 512

/* A string of at most `size` - 1 bytes without a NUL in it. Returns false, without throwing, when it is none. */
static bool read_text(napi_env env, napi_value value, char *out, size_t size) {
  size_t length = 0;
  size_t whole_length = 0;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &whole_length) != napi_ok || whole_length >= size) return false;
  if (napi_get_value_string_utf8(env, value, out, size, &length) != napi_ok) return false;
  return memchr(out, '\0', length) == NULL;
}

/* A property of an object; null when it is not there. */
static napi_value get(napi_env env, napi_value object, const char *key) {
  napi_value value;
  napi_valuetype type;
  if (napi_get_named_property(env, object, key, &value) != napi_ok || napi_typeof(env, value, &type) != napi_ok) return NULL;
  return type == napi_undefined ? NULL : value;
}

/* A property that may be missing: then `out` is null, else it is in `room`. Returns false when it is no text that fits. */
static bool get_text(napi_env env, napi_value object, const char *key, char *room, size_t size, const char **out) {
  napi_value value = get(env, object, key);
  *out = value == NULL ? NULL : room;
  return value == NULL || read_text(env, value, room, size);
}

/* One that is not there counts as 0. */
static bool get_whole(napi_env env, napi_value object, const char *key, int64_t *out) {
  napi_value value = get(env, object, key);
  *out = 0;
  return value == NULL || read_whole(env, value, key, out);
}

static bool get_span(napi_env env, napi_value object, const char *key, int64_t *out) {
  napi_value value = get(env, object, key);
  *out = 0;
  return value == NULL || read_span(env, value, key, out);
}

static bool get_numbers(napi_env env, napi_value object, struct guard_plan *plan) {
  static const char *const holds[GUARD_HOLDS] = {"stopped", "traced", "frozen", "starved"};
  int64_t action, flags, process, signal;
  if (!get_whole(env, object, "action", &action) || !get_whole(env, object, "flags", &flags) ||
      !get_whole(env, object, "process", &process) || !get_whole(env, object, "signal", &signal) ||
      !get_span(env, object, "budget", &plan->budget) || !get_span(env, object, "grace", &plan->grace) ||
      !get_span(env, object, "killLimit", &plan->kill_limit) || !get_span(env, object, "recordLimit", &plan->record_limit))
    return false;
  for (int hold = 0; hold < GUARD_HOLDS; hold++) {
    if (!get_span(env, object, holds[hold], &plan->holds[hold])) return false;
  }
  // What does not fit becomes a number that the guard refuses.
  plan->action = action < 0 || action > UINT8_MAX ? UINT8_MAX : (uint32_t)action;
  plan->flags = flags < 0 || flags > UINT8_MAX ? UINT8_MAX : (uint32_t)flags;
  plan->signal = signal < 0 || signal > INT16_MAX ? -1 : (int32_t)signal;
  plan->process = process < 0 ? 0 : (guard_id)process;
  return true;
}

METHOD(countdown_plan) {
  struct call call;
  struct guard_plan plan = {0};
  char group[PATH_ROOM], freezer[PATH_ROOM], name[GUARD_NAME_MAX + 1], about[GUARD_ABOUT_MAX + 1];
  int64_t id;
  if (!read_call(env, info, 2, &call) || !read_whole(env, call.arguments[0], "the countdown", &id) ||
      !get_numbers(env, call.arguments[1], &plan))
    return NULL;
  if (!get_text(env, call.arguments[1], "group", group, sizeof group, &plan.group) ||
      !get_text(env, call.arguments[1], "freezer", freezer, sizeof freezer, &plan.freezer) ||
      !get_text(env, call.arguments[1], "name", name, sizeof name, &plan.name) ||
      !get_text(env, call.arguments[1], "about", about, sizeof about, &plan.about))
    return whole(env, -EINVAL);
  return whole(env, guard_countdown_plan(call.guard, (guard_id)id, &plan));
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
  char path[PATH_ROOM], head[GUARD_HEAD_MAX + 1];
  if (!read_call(env, info, 2, &call)) return NULL;
  if (!read_text(env, call.arguments[0], path, sizeof path) || !read_text(env, call.arguments[1], head, sizeof head))
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
  struct guard_machine machine = {0};
  char sysrq[PATH_ROOM], loaded[PATH_ROOM], log[PATH_ROOM], watchdog[PATH_ROOM], pressure[PATH_ROOM];
  int64_t reboot;
  if (!read_call(env, info, 1, &call) || !get_whole(env, call.arguments[0], "reboot", &reboot)) return NULL;
  if (!get_text(env, call.arguments[0], "sysrq", sysrq, sizeof sysrq, &machine.sysrq) ||
      !get_text(env, call.arguments[0], "crashLoaded", loaded, sizeof loaded, &machine.crash_loaded) ||
      !get_text(env, call.arguments[0], "kernelLog", log, sizeof log, &machine.kernel_log) ||
      !get_text(env, call.arguments[0], "watchdog", watchdog, sizeof watchdog, &machine.watchdog) ||
      !get_text(env, call.arguments[0], "pressure", pressure, sizeof pressure, &machine.pressure))
    return whole(env, -EINVAL);
  machine.reboot = reboot == 1;
  return whole(env, guard_machine_open(call.guard, &machine));
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
