/* The part of the binding that is about what the guard does alone: native/guard/guard-plan.h. */
#ifndef HANGDOG_PLAN_METHODS_H
#define HANGDOG_PLAN_METHODS_H

#include <node_api.h>

#include "guard-object.h"

/* Adds its methods to an open guard. */
void add_plan_methods(napi_env env, napi_value guard, struct guard_object *object);

#endif
