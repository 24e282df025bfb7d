#include "remote-plan.h"

#include <errno.h>
#include <string.h>

#include "plan-values.h"
#include "value.h"

/* Reads two arguments, or throws. */
static struct remote_object *object_with(napi_env env, napi_callback_info info, size_t least, napi_value *arguments) {
  void *data = NULL;
  size_t count = 2;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, &data) != napi_ok) return NULL;
  if (count >= least) return data;
  napi_throw_type_error(env, "ERR_MISSING_ARGS", "cannot call the guard: too few arguments");
  return NULL;
}

static napi_value ask(napi_env env, struct remote_object *object, uint16_t call, int64_t number, const void *text, size_t length) {
  struct wire_reply_frame reply;
  const int64_t numbers[WIRE_NUMBERS] = {number};
  return whole(env, link_ask(remote_object_link(object), call, numbers, text, (uint32_t)length, &reply));
}

static napi_value countdown_plan(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct plan_values values;
  struct wire_plan frame;
  int64_t id;
  struct remote_object *object = object_with(env, info, 2, arguments);
  if (object == NULL || !read_whole(env, arguments[0], "the countdown", &id) || !read_plan(env, arguments[1], &values)) return NULL;
  if (!values.sound || wire_pack_plan(&values.plan, &frame) != 0) return whole(env, -EINVAL);
  return ask(env, object, WIRE_COUNTDOWN_PLAN, id, &frame, sizeof frame);
}

static napi_value record_open(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  char text[WIRE_PATH_ROOM + GUARD_HEAD_MAX + 1];
  struct remote_object *object = object_with(env, info, 2, arguments);
  if (object == NULL) return NULL;
  if (!read_short_text(env, arguments[0], text, WIRE_PATH_ROOM)) return whole(env, -EINVAL);
  size_t path = strlen(text) + 1;
  if (!read_short_text(env, arguments[1], text + path, GUARD_HEAD_MAX + 1)) return whole(env, -EINVAL);
  return ask(env, object, WIRE_RECORD_OPEN, 0, text, path + strlen(text + path));
}

static napi_value machine_open(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct machine_values values;
  struct wire_machine frame;
  struct remote_object *object = object_with(env, info, 1, arguments);
  if (object == NULL || !read_machine(env, arguments[0], &values)) return NULL;
  if (!values.sound || wire_pack_machine(&values.machine, &frame) != 0) return whole(env, -EINVAL);
  return ask(env, object, WIRE_MACHINE_OPEN, 0, &frame, sizeof frame);
}

void add_remote_plan_methods(napi_env env, napi_value guard, struct remote_object *object) {
  static const struct {
    const char *name;
    napi_callback call;
  } methods[] = {{"countdownPlan", countdown_plan}, {"recordOpen", record_open}, {"machineOpen", machine_open}};
  for (size_t index = 0; index < sizeof methods / sizeof *methods; index++) {
    napi_value function;
    if (napi_create_function(env, methods[index].name, NAPI_AUTO_LENGTH, methods[index].call, object, &function) == napi_ok)
      set(env, guard, methods[index].name, function);
  }
}
