#include "report.h"

#include "guard-object.h"
#include "value.h"

/* Records given out by one call of read; more wait for the next. */
#define RECORDS_PER_READ 256

napi_value record_object(napi_env env, const struct guard_record *record, const char *text) {
  napi_value out, string;
  if (napi_create_object(env, &out) != napi_ok) return NULL;
  set(env, out, "kind", whole(env, record->kind));
  set(env, out, "countdown", whole(env, (int64_t)record->countdown));
  set(env, out, "process", whole(env, (int64_t)record->process));
  set(env, out, "arming", whole(env, record->arming));
  switch (record->kind) {
    case GUARD_MESSAGE:
      set(env, out, "pid", whole(env, record->pid));
      set(env, out, "uid", whole(env, record->uid));
      if (record->value >= 0) set(env, out, "span", span(env, record->value));
      set(env, out, "beatTaken", whole(env, (record->flags & GUARD_BEAT_TAKEN) != 0));
      if (napi_create_string_utf8(env, text, record->length, &string) == napi_ok) set(env, out, "text", string);
      break;
    case GUARD_EXITED:
      set(env, out, "pid", whole(env, record->pid));
      break;
    case GUARD_ACTED:
      set(env, out, "error", whole(env, record->value));
      set(env, out, "slot", whole(env, record->flags));
      break;
    case GUARD_ACTING:
    case GUARD_NOTED:
      set(env, out, "slot", whole(env, record->flags));
      break;
    case GUARD_HOLDING:
      set(env, out, "hold", whole(env, record->value));
      break;
    default:
      set(env, out, "span", span(env, record->value));
  }
  return out;
}

napi_value read_records(napi_env env, napi_callback_info info) {
  struct call call;
  napi_value out;
  struct guard_record record;
  char text[GUARD_TEXT_MAX];
  if (!read_call(env, info, 0, &call) || napi_create_array(env, &out) != napi_ok) return NULL;
  for (uint32_t count = 0; count < RECORDS_PER_READ && guard_read(call.guard, &record, text) == 1; count++)
    (void)napi_set_element(env, out, count, record_object(env, &record, text));
  return out;
}

napi_value counters_object(napi_env env, const struct guard_counters *counted) {
  napi_value out;
  if (napi_create_object(env, &out) != napi_ok) return NULL;
  const struct { const char *name; uint64_t value; } all[] = {
      {"datagrams", counted->datagrams},       {"beats", counted->beats},
      {"messages", counted->messages},         {"descriptors", counted->descriptors},
      {"dropped-unsigned", counted->dropped_unsigned}, {"dropped-long", counted->dropped_long},
      {"dropped-nul", counted->dropped_nul},   {"dropped-malformed", counted->dropped_malformed},
      {"dropped-share", counted->dropped_share}, {"dropped-full", counted->dropped_full},
      {"untraced", counted->untraced},         {"postponed", counted->postponed},
      {"lost-stalls", counted->lost_stalls},   {"turns", counted->turns},
  };
  for (size_t index = 0; index < sizeof all / sizeof *all; index++)
    set(env, out, all[index].name, whole(env, (int64_t)all[index].value));
  return out;
}

napi_value counters(napi_env env, napi_callback_info info) {
  struct call call;
  struct guard_counters counted;
  if (!read_call(env, info, 0, &call) || guard_counters(call.guard, &counted) != 0) return NULL;
  return counters_object(env, &counted);
}

napi_value strength_object(napi_env env, const struct guard_strength *got) {
  napi_value out;
  if (napi_create_object(env, &out) != napi_ok) return NULL;
  set(env, out, "realtime", whole(env, got->realtime));
  set(env, out, "lockedOwn", whole(env, got->locked_own));
  set(env, out, "lockedAll", whole(env, got->locked_all));
  return out;
}

napi_value strength(napi_env env, napi_callback_info info) {
  struct call call;
  struct guard_strength got;
  if (!read_call(env, info, 0, &call) || guard_strength(call.guard, &got) != 0) return NULL;
  return strength_object(env, &got);
}

napi_value tally_array(napi_env env, const struct guard_tally *tally) {
  napi_value out;
  if (tally->bins == 0 || tally->bins > GUARD_TALLY_BINS || napi_create_array(env, &out) != napi_ok) return NULL;
  (void)napi_set_element(env, out, 0, span(env, tally->sum));
  (void)napi_set_element(env, out, 1, span(env, tally->longest));
  for (uint32_t index = 0; index < tally->bins; index++) {
    (void)napi_set_element(env, out, 2 + 2 * index, whole(env, tally->bin[index]));
    (void)napi_set_element(env, out, 3 + 2 * index, whole(env, tally->count[index]));
  }
  return out;
}
