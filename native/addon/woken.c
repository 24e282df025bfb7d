#include "woken.h"

#include <errno.h>

int woken_keep(napi_env env, napi_value function, struct woken *out) {
  napi_value name;
  out->env = env;
  if (napi_create_string_utf8(env, "hangdog-native", NAPI_AUTO_LENGTH, &name) != napi_ok) return -EIO;
  if (napi_create_reference(env, function, 1, &out->function) != napi_ok) return -EIO;
  return napi_async_init(env, NULL, name, &out->context) == napi_ok ? 0 : -EIO;
}

void woken_call(const struct woken *woken) {
  napi_handle_scope scope;
  napi_value receiver;
  napi_value function;
  napi_env env = woken->env;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  if (napi_get_reference_value(env, woken->function, &function) == napi_ok && napi_get_global(env, &receiver) == napi_ok &&
      napi_make_callback(env, woken->context, receiver, function, 0, NULL, NULL) == napi_pending_exception) {
    napi_value error;
    // An error that nobody caught is treated as any other: not swallowed.
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) (void)napi_fatal_exception(env, error);
  }
  (void)napi_close_handle_scope(env, scope);
}
