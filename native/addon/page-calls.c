#include "../include/hangdog.h"

#include "guard-object.h"
#include "page-calls.h"
#include "value.h"

napi_value open_page(napi_env env, napi_callback_info info) {
  struct call call;
  int64_t lines;
  guard_id page = 0;
  int fd = -1;
  napi_value out;
  if (!read_call(env, info, 1, &call) || !read_whole(env, call.arguments[0], "the lines", &lines)) return NULL;
  if (lines < 1 || lines > GUARD_CAPACITY_MAX) return whole(env, -EINVAL);
  int result = guard_page_open(call.guard, (uint32_t)lines, &page, &fd);
  if (result != 0) return whole(env, result);
  if (napi_create_object(env, &out) != napi_ok) return NULL;
  set(env, out, "page", whole(env, (int64_t)page));
  set(env, out, "fd", whole(env, fd));
  return out;
}

napi_value close_page(napi_env env, napi_callback_info info) {
  struct call call;
  int64_t page;
  if (!read_call(env, info, 1, &call) || !read_whole(env, call.arguments[0], "the page", &page)) return NULL;
  return whole(env, guard_page_close(call.guard, (guard_id)page));
}

napi_value bind_line(napi_env env, napi_callback_info info) {
  struct call call;
  int64_t page, line, countdown, pid;
  if (!read_call(env, info, 4, &call) || !read_whole(env, call.arguments[0], "the page", &page) ||
      !read_whole(env, call.arguments[1], "the line", &line) ||
      !read_whole(env, call.arguments[2], "the countdown", &countdown) ||
      !read_whole(env, call.arguments[3], "the pid", &pid))
    return NULL;
  if (line < 0 || line >= GUARD_CAPACITY_MAX || pid < 0 || pid > INT32_MAX) return whole(env, -EINVAL);
  return whole(env, guard_page_bind_to(call.guard, (guard_id)page, (uint32_t)line, (guard_id)countdown, (int32_t)pid));
}

napi_value unbind_line(napi_env env, napi_callback_info info) {
  struct call call;
  int64_t countdown;
  if (!read_call(env, info, 1, &call) || !read_whole(env, call.arguments[0], "the countdown", &countdown)) return NULL;
  return whole(env, guard_page_unbind(call.guard, (guard_id)countdown));
}

/* ---- The side of the service ---- */

/* The hot path: nothing is read, nothing is made. */
static napi_value beat(napi_env env, napi_callback_info info) {
  void *hangdog = NULL;
  if (napi_get_cb_info(env, info, NULL, NULL, NULL, &hangdog) == napi_ok) hangdog_beat(hangdog);
  return NULL;
}

static void forget(void *data) {
  struct hangdog *hangdog = data;
  hangdog_close(hangdog);
  free(hangdog);
}

napi_value open_heartbeat(napi_env env, napi_callback_info info) {
  struct hangdog *hangdog = calloc(1, sizeof *hangdog);
  napi_value out;
  (void)info;
  if (hangdog == NULL) return whole(env, -ENOMEM);
  int result = hangdog_open(hangdog);
  if (result == 0 && napi_add_env_cleanup_hook(env, forget, hangdog) != napi_ok) result = -EIO;
  if (result != 0) {
    forget(hangdog);
    return whole(env, result);
  }
  return napi_create_function(env, "beat", NAPI_AUTO_LENGTH, beat, hangdog, &out) == napi_ok ? out : NULL;
}
