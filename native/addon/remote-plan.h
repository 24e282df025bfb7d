/* The part of a guard process, as JavaScript holds it, that is about what the guard does alone. */
#ifndef HANGDOG_REMOTE_PLAN_H
#define HANGDOG_REMOTE_PLAN_H

#include <node_api.h>

#include "remote-object.h"

/* Adds the calls whose arguments are objects, or more texts than one. The others are in the table of remote-guard.c. */
void add_remote_plan_methods(napi_env env, napi_value guard, struct remote_object *object);

#endif
