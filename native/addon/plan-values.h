/* Plans and the machine's files, as JavaScript gives them. */
#ifndef HANGDOG_PLAN_VALUES_H
#define HANGDOG_PLAN_VALUES_H

#include <node_api.h>
#include <stdbool.h>

#include "../guard-process/wire-plan.h"

/* `plan` points into the texts beside it. */
struct plan_values {
  struct guard_plan plan;
  /* Every text is one, and fits. */
  bool sound;
  char group[WIRE_PATH_ROOM];
  char freezer[WIRE_PATH_ROOM];
  char name[GUARD_NAME_MAX + 1];
  char about[GUARD_ABOUT_MAX + 1];
};

struct machine_values {
  struct guard_machine machine;
  bool sound;
  char sysrq[WIRE_PATH_ROOM];
  char loaded[WIRE_PATH_ROOM];
  char log[WIRE_PATH_ROOM];
  char watchdog[WIRE_PATH_ROOM];
  char pressure[WIRE_PATH_ROOM];
};

/* Both throw a TypeError, and return false, when a number is none. */
bool read_plan(napi_env env, napi_value value, struct plan_values *out);
bool read_machine(napi_env env, napi_value value, struct machine_values *out);
/* A string of at most `size` - 1 bytes without a NUL in it. Returns false, without throwing, when it is none. */
bool read_short_text(napi_env env, napi_value value, char *out, size_t size);

#endif
