#include "plan-values.h"

#include <string.h>

#include "value.h"

bool read_short_text(napi_env env, napi_value value, char *out, size_t size) {
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
  return value == NULL || read_short_text(env, value, room, size);
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

bool read_plan(napi_env env, napi_value value, struct plan_values *out) {
  struct guard_plan *plan = &out->plan;
  *plan = (struct guard_plan){0};
  if (!get_numbers(env, value, plan)) return false;
  out->sound = get_text(env, value, "group", out->group, sizeof out->group, &plan->group) &&
               get_text(env, value, "freezer", out->freezer, sizeof out->freezer, &plan->freezer) &&
               get_text(env, value, "name", out->name, sizeof out->name, &plan->name) &&
               get_text(env, value, "about", out->about, sizeof out->about, &plan->about);
  return true;
}

bool read_machine(napi_env env, napi_value value, struct machine_values *out) {
  struct guard_machine *machine = &out->machine;
  int64_t reboot;
  *machine = (struct guard_machine){0};
  if (!get_whole(env, value, "reboot", &reboot)) return false;
  out->sound = get_text(env, value, "sysrq", out->sysrq, sizeof out->sysrq, &machine->sysrq) &&
               get_text(env, value, "crashLoaded", out->loaded, sizeof out->loaded, &machine->crash_loaded) &&
               get_text(env, value, "kernelLog", out->log, sizeof out->log, &machine->kernel_log) &&
               get_text(env, value, "watchdog", out->watchdog, sizeof out->watchdog, &machine->watchdog) &&
               get_text(env, value, "pressure", out->pressure, sizeof out->pressure, &machine->pressure);
  machine->reboot = reboot == 1;
  return true;
}
