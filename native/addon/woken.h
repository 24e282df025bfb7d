/* The function of JavaScript that is called when the native part has something to tell. */
#ifndef HANGDOG_WOKEN_H
#define HANGDOG_WOKEN_H

#include <node_api.h>

struct woken {
  napi_env env;
  napi_ref function;
  napi_async_context context;
};

/* Keeps the function. 0, or -EIO when the environment does not take it. */
int woken_keep(napi_env env, napi_value function, struct woken *out);
/* Calls it, from the event loop. */
void woken_call(const struct woken *woken);

#endif
