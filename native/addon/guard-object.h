/* A guard as JavaScript holds it: the guard, what wakes JavaScript, and how both end. */
#ifndef HANGDOG_GUARD_OBJECT_H
#define HANGDOG_GUARD_OBJECT_H

#include <node_api.h>

#include "../guard/guard.h"

struct guard_object;

/* Opens a guard; `woken` is called without arguments when it has something to say. Returns 0 or a negative errno value. */
int guard_object_open(napi_env env, const struct guard_config *config, napi_value woken, struct guard_object **out);
/* Null once it is closed. */
struct guard *guard_object_guard(struct guard_object *object);
/* Whether waiting for the guard keeps the process alive. At first it does not. */
void guard_object_hold(struct guard_object *object, int hold);
/* Closes the guard. Doing so again does nothing. The object itself lives as long as its environment. */
void guard_object_close(struct guard_object *object);

#endif
