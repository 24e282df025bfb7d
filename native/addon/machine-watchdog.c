/*
 * The machine's watchdog, for src/platform/machine-watchdog.ts: each function makes its system calls and returns what came of them, 0 or
 * more, or a negative errno value. A watchdog is known by its descriptor; numbers that are none of a watchdog are refused by the kernel.
 */
#include "machine-watchdog.h"

#include <errno.h>
#include <string.h>

#include "../guard/watchdog-device.h"
#include "value.h"

#define METHOD(name) static napi_value name(napi_env env, napi_callback_info info)
#define LONGEST_PATH 4096

struct device_call {
  size_t count;
  napi_value arguments[2];
  int fd;
};

/* Reads the descriptor, and finds `more` arguments after it. */
static bool read_device_call(napi_env env, napi_callback_info info, size_t more, struct device_call *out) {
  int64_t fd = -1;
  out->count = 2;
  if (napi_get_cb_info(env, info, &out->count, out->arguments, NULL, NULL) != napi_ok) return false;
  if (out->count < 1 + more) {
    napi_throw_type_error(env, "ERR_MISSING_ARGS", "cannot call the machine's watchdog: too few arguments");
    return false;
  }
  if (!read_whole(env, out->arguments[0], "the descriptor", &fd)) return false;
  out->fd = fd >= 0 && fd <= INT32_MAX ? (int)fd : -1;
  return true;
}

static bool read_seconds(napi_env env, struct device_call *call, int *out) {
  int64_t seconds;
  if (!read_whole(env, call->arguments[1], "the seconds", &seconds)) return false;
  *out = seconds >= 0 && seconds <= INT32_MAX ? (int)seconds : -1;
  return true;
}

METHOD(watchdog_open) {
  size_t count = 1, length = 0;
  napi_value argument;
  char path[LONGEST_PATH];
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok) return NULL;
  if (napi_get_value_string_utf8(env, argument, NULL, 0, &length) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "cannot open a watchdog: expected the path to be a string");
    return NULL;
  }
  if (length >= sizeof path) return whole(env, -ENAMETOOLONG);
  if (napi_get_value_string_utf8(env, argument, path, sizeof path, &length) != napi_ok) return NULL;
  if (memchr(path, '\0', length) != NULL) return whole(env, -EINVAL);
  return whole(env, watchdog_device_open(path));
}

METHOD(watchdog_support) {
  struct device_call call;
  struct watchdog_support support;
  napi_value out, identity;
  if (!read_device_call(env, info, 0, &call)) return NULL;
  int result = watchdog_device_support(call.fd, &support);
  if (result != 0) return whole(env, result);
  if (napi_create_object(env, &out) != napi_ok) return NULL;
  set(env, out, "options", whole(env, support.options));
  set(env, out, "firmware", whole(env, support.firmware));
  if (napi_create_string_latin1(env, support.identity, strnlen(support.identity, sizeof support.identity), &identity) == napi_ok)
    set(env, out, "identity", identity);
  return out;
}

METHOD(watchdog_set_timeout) {
  struct device_call call;
  int seconds;
  if (!read_device_call(env, info, 1, &call) || !read_seconds(env, &call, &seconds)) return NULL;
  return whole(env, watchdog_device_set_timeout(call.fd, seconds));
}

METHOD(watchdog_set_pretimeout) {
  struct device_call call;
  int seconds;
  if (!read_device_call(env, info, 1, &call) || !read_seconds(env, &call, &seconds)) return NULL;
  return whole(env, watchdog_device_set_pretimeout(call.fd, seconds));
}

METHOD(watchdog_lengthen) {
  struct device_call call;
  int seconds;
  if (!read_device_call(env, info, 1, &call) || !read_seconds(env, &call, &seconds)) return NULL;
  return whole(env, watchdog_device_lengthen(call.fd, seconds));
}

METHOD(watchdog_keep_alive) {
  struct device_call call;
  return read_device_call(env, info, 0, &call) ? whole(env, watchdog_device_keep_alive(call.fd)) : NULL;
}

METHOD(watchdog_boot_status) {
  struct device_call call;
  uint32_t status = 0;
  if (!read_device_call(env, info, 0, &call)) return NULL;
  int result = watchdog_device_boot_status(call.fd, &status);
  return whole(env, result == 0 ? (int64_t)status : result);
}

METHOD(watchdog_disable) {
  struct device_call call;
  return read_device_call(env, info, 0, &call) ? whole(env, watchdog_device_disable(call.fd)) : NULL;
}

METHOD(watchdog_close) {
  struct device_call call;
  bool orderly = false;
  if (!read_device_call(env, info, 1, &call)) return NULL;
  // What is not a boolean is not orderly: then the machine is reset, which is the safe side of a watchdog.
  (void)napi_get_value_bool(env, call.arguments[1], &orderly);
  return whole(env, watchdog_device_close(call.fd, orderly));
}

void export_machine_watchdog(napi_env env, napi_value exports) {
  static const struct {
    const char *name;
    napi_callback call;
  } functions[] = {
      {"watchdogOpen", watchdog_open},
      {"watchdogSupport", watchdog_support},
      {"watchdogSetTimeout", watchdog_set_timeout},
      {"watchdogSetPretimeout", watchdog_set_pretimeout},
      {"watchdogLengthen", watchdog_lengthen},
      {"watchdogKeepAlive", watchdog_keep_alive},
      {"watchdogBootStatus", watchdog_boot_status},
      {"watchdogDisable", watchdog_disable},
      {"watchdogClose", watchdog_close},
  };
  for (size_t index = 0; index < sizeof functions / sizeof *functions; index++) {
    napi_value function;
    if (napi_create_function(env, functions[index].name, NAPI_AUTO_LENGTH, functions[index].call, NULL, &function) == napi_ok)
      set(env, exports, functions[index].name, function);
  }
}
