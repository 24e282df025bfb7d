/* Between JavaScript values and those of the guard. */
#ifndef HANGDOG_VALUE_H
#define HANGDOG_VALUE_H

#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>

/* What a call was given. `guard` is null after close. */
struct call {
  struct guard_object *object;
  struct guard *guard;
  size_t count;
  napi_value arguments[6];
};

/* Reads arguments. Throws a TypeError, and returns false, when one is missing or not of this kind. */
bool read_call(napi_env env, napi_callback_info info, size_t least, struct call *out);
/* A whole number that a double can hold exactly. */
bool read_whole(napi_env env, napi_value value, const char *name, int64_t *out);
/* Milliseconds, to nanoseconds; what is out of bounds becomes a number that the guard refuses. */
bool read_span(napi_env env, napi_value value, const char *name, int64_t *out);

napi_value whole(napi_env env, int64_t value);
/* Nanoseconds, to milliseconds with a fraction. */
napi_value span(napi_env env, int64_t nanoseconds);
void set(napi_env env, napi_value object, const char *key, napi_value value);

#endif
