/* The methods by which a guard tells about itself, as JavaScript values. */
#ifndef HANGDOG_REPORT_H
#define HANGDOG_REPORT_H

#include <node_api.h>

#include "../guard/guard.h"

/* An array of the oldest records. */
napi_value read_records(napi_env env, napi_callback_info info);
/* An object of numbers by name; undefined once the guard is closed. */
napi_value counters(napi_env env, napi_callback_info info);
napi_value strength(napi_env env, napi_callback_info info);

/* One record, the counters and the strength of a guard, wherever it is. */
napi_value record_object(napi_env env, const struct guard_record *record, const char *text);
napi_value counters_object(napi_env env, const struct guard_counters *counted);
/* [sum, longest, bin, count, bin, count, …], or undefined when nothing was counted. */
napi_value tally_array(napi_env env, const struct guard_tally *tally);
napi_value strength_object(napi_env env, const struct guard_strength *got);

#endif
