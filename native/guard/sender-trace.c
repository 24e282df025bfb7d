#include "sender-trace.h"

#include "guard-state.h"

void sender_traces_forget(struct guard *guard) {
  guard->traces.failed = 0;
}

static bool is_stranger(const struct sender_traces *traces, int32_t pid) {
  for (uint32_t index = 0; index < traces->failed; index++)
    if (traces->strangers[index] == pid) return true;
  return false;
}

struct watched *sender_trace(struct guard *guard, int32_t pid) {
  struct sender_traces *traces = &guard->traces;
  if (guard->admitting == 0 || is_stranger(traces, pid)) return NULL;
  if (traces->failed == FAILED_TRACES) {
    guard->counters.untraced++;
    return NULL;
  }
  struct watched *process = process_of_descendant(guard, pid);
  if (process == NULL) traces->strangers[traces->failed++] = pid;
  return process;
}
