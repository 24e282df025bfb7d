#include "kernel-countdown.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../include/hangdog-module.h"
#include "value.h"

#define MOST_ARGUMENTS 8
#define MILLISECOND 1000000

struct device_call {
  napi_value arguments[MOST_ARGUMENTS];
  int fd;
};

/* The first argument of each function is the descriptor. */
static bool read_device_call(napi_env env, napi_callback_info info, size_t least, struct device_call *out) {
  size_t count = MOST_ARGUMENTS;
  int64_t fd;
  if (napi_get_cb_info(env, info, &count, out->arguments, NULL, NULL) != napi_ok) return false;
  if (count < least) {
    napi_throw_type_error(env, "ERR_MISSING_ARGS", "cannot call the kernel module: too few arguments");
    return false;
  }
  if (!read_whole(env, out->arguments[0], "the descriptor", &fd)) return false;
  out->fd = fd >= 0 && fd <= INT32_MAX ? (int)fd : -1;
  return true;
}

static napi_value outcome(napi_env env, int result) {
  return whole(env, result < 0 ? -errno : 0);
}

static napi_value version(napi_env env, napi_callback_info info) {
  struct device_call call;
  struct hangdog_version found;
  napi_value out;
  if (!read_device_call(env, info, 1, &call)) return NULL;
  if (ioctl(call.fd, HANGDOG_VERSION, &found) != 0) return whole(env, -errno);
  if (napi_create_object(env, &out) != napi_ok) return NULL;
  set(env, out, "api", whole(env, found.api));
  set(env, out, "nowayout", whole(env, (found.flags & HANGDOG_NOWAYOUT) != 0));
  set(env, out, "bugcheckConsent", whole(env, (found.flags & HANGDOG_BUGCHECK_CONSENT) != 0));
  set(env, out, "countdowns", whole(env, found.countdowns));
  return out;
}

static uint64_t in_ms(int64_t nanoseconds) {
  return nanoseconds < 0 ? UINT64_MAX : ((uint64_t)nanoseconds + MILLISECOND - 1) / MILLISECOND;
}

/* arm(fd, timeout, warning, pid, startTime, action, source, name): the number of the arming. Spans are rounded up to ms. */
static napi_value arm(napi_env env, napi_callback_info info) {
  struct device_call call;
  int64_t timeout, warning, numbers[4];
  static const char *const names[] = {"the pid", "the start time", "the action", "the source"};
  struct hangdog_setup setup = {0};
  size_t length = 0;
  if (!read_device_call(env, info, 8, &call) || !read_span(env, call.arguments[1], "the timeout", &timeout) ||
      !read_span(env, call.arguments[2], "the warning", &warning))
    return NULL;
  for (int index = 0; index < 4; index++)
    if (!read_whole(env, call.arguments[3 + index], names[index], &numbers[index])) return NULL;
  if (napi_get_value_string_utf8(env, call.arguments[7], setup.name, sizeof setup.name, &length) != napi_ok)
    return whole(env, -EINVAL);
  if (numbers[0] < 1 || numbers[0] > INT32_MAX || numbers[1] < 0 || numbers[2] < 0 || numbers[2] > UINT32_MAX ||
      numbers[3] < 0 || numbers[3] > UINT32_MAX)
    return whole(env, -EINVAL);
  setup.timeout_ms = in_ms(timeout);
  setup.warning_ms = in_ms(warning);
  setup.pid = (int32_t)numbers[0];
  setup.start_time = (uint64_t)numbers[1];
  setup.action = (uint32_t)numbers[2];
  setup.source = (uint32_t)numbers[3];
  return whole(env, ioctl(call.fd, HANGDOG_ARM, &setup) == 0 ? (int64_t)setup.arming : -errno);
}

static napi_value disarm(napi_env env, napi_callback_info info) {
  struct device_call call;
  return read_device_call(env, info, 1, &call) ? outcome(env, ioctl(call.fd, HANGDOG_DISARM)) : NULL;
}

static napi_value extend(napi_env env, napi_callback_info info) {
  struct device_call call;
  int64_t by;
  if (!read_device_call(env, info, 2, &call) || !read_span(env, call.arguments[1], "the span", &by)) return NULL;
  uint64_t ms = in_ms(by);
  return outcome(env, ioctl(call.fd, HANGDOG_EXTEND, &ms));
}

/* What was spent before the beat, or a negative errno value. */
static napi_value beat(napi_env env, napi_callback_info info) {
  struct device_call call;
  uint64_t spent;
  if (!read_device_call(env, info, 1, &call)) return NULL;
  if (ioctl(call.fd, HANGDOG_BEAT, &spent) != 0) return whole(env, -errno);
  return span(env, (int64_t)spent);
}

static napi_value state(napi_env env, napi_callback_info info) {
  struct device_call call;
  struct hangdog_state found;
  napi_value out;
  if (!read_device_call(env, info, 1, &call)) return NULL;
  if (ioctl(call.fd, HANGDOG_STATE, &found) != 0) return whole(env, -errno);
  if (napi_create_object(env, &out) != napi_ok) return NULL;
  set(env, out, "state", whole(env, found.state));
  set(env, out, "arming", whole(env, found.arming));
  set(env, out, "beats", whole(env, (int64_t)found.beats));
  set(env, out, "spent", span(env, (int64_t)found.spent_ns));
  set(env, out, "remaining", span(env, (int64_t)found.remaining_ns));
  return out;
}

/* The next thing to tell; undefined when there is none. The descriptor must be open with O_NONBLOCK. */
static napi_value event(napi_env env, napi_callback_info info) {
  struct device_call call;
  struct hangdog_event found;
  napi_value out;
  if (!read_device_call(env, info, 1, &call)) return NULL;
  ssize_t length = read(call.fd, &found, sizeof found);
  if (length < 0 && errno == EAGAIN) return NULL;
  if (length != (ssize_t)sizeof found) return whole(env, length < 0 ? -errno : -EIO);
  if (napi_create_object(env, &out) != napi_ok) return NULL;
  set(env, out, "kind", whole(env, found.kind));
  set(env, out, "arming", whole(env, found.arming));
  set(env, out, "span", span(env, (int64_t)found.value_ns));
  set(env, out, "error", whole(env, found.error));
  return out;
}

napi_value kernel_exports(napi_env env) {
  static const struct {
    const char *name;
    napi_callback call;
  } functions[] = {{"version", version}, {"arm", arm},     {"disarm", disarm}, {"extend", extend},
                   {"beat", beat},       {"state", state}, {"event", event},   {"watch", kernel_watch_open}};
  napi_value out;
  if (napi_create_object(env, &out) != napi_ok) return NULL;
  for (size_t index = 0; index < sizeof functions / sizeof *functions; index++) {
    napi_value function;
    if (napi_create_function(env, functions[index].name, NAPI_AUTO_LENGTH, functions[index].call, NULL, &function) == napi_ok)
      set(env, out, functions[index].name, function);
  }
  return out;
}
