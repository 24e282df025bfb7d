#include "value.h"

#include <math.h>
#include <stdio.h>

#include "guard-object.h"

#define NANOSECONDS 1e6
/* 2^53: beyond it, doubles leave out whole numbers. */
#define LARGEST_WHOLE 9007199254740992.0

bool read_call(napi_env env, napi_callback_info info, size_t least, struct call *out) {
  void *data = NULL;
  out->count = sizeof out->arguments / sizeof *out->arguments;
  if (napi_get_cb_info(env, info, &out->count, out->arguments, NULL, &data) != napi_ok) return false;
  out->object = data;
  out->guard = guard_object_guard(data);
  if (out->count >= least) return true;
  napi_throw_type_error(env, "ERR_MISSING_ARGS", "cannot call the guard: too few arguments");
  return false;
}

static bool refuse(napi_env env, const char *name) {
  char text[128];
  (void)snprintf(text, sizeof text, "cannot call the guard: expected %s to be a whole number", name);
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", text);
  return false;
}

bool read_whole(napi_env env, napi_value value, const char *name, int64_t *out) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) return refuse(env, name);
  if (!(fabs(number) <= LARGEST_WHOLE) || number != floor(number)) return refuse(env, name);
  *out = (int64_t)number;
  return true;
}

bool read_span(napi_env env, napi_value value, const char *name, int64_t *out) {
  double milliseconds;
  if (napi_get_value_double(env, value, &milliseconds) != napi_ok) return refuse(env, name);
  double nanoseconds = milliseconds * NANOSECONDS;
  *out = nanoseconds >= 0 && nanoseconds < 9.2e18 ? (int64_t)ceil(nanoseconds) : -1;
  return true;
}

napi_value whole(napi_env env, int64_t value) {
  napi_value made = NULL;
  (void)napi_create_int64(env, value, &made);
  return made;
}

napi_value span(napi_env env, int64_t nanoseconds) {
  napi_value made = NULL;
  (void)napi_create_double(env, (double)nanoseconds / NANOSECONDS, &made);
  return made;
}

void set(napi_env env, napi_value object, const char *key, napi_value value) {
  (void)napi_set_named_property(env, object, key, value);
}
