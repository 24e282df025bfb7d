/* Wakes JavaScript when a countdown of the kernel module has something to tell. One epoll set stands for all of them in the event loop. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <uv.h>

#include "kernel-countdown.h"
#include "value.h"
#include "woken.h"

#define READY_AT_ONCE 64

struct kernel_watch {
  napi_env env;
  int epoll;
  struct woken woken;
  napi_async_cleanup_hook_handle cleanup;
  uv_poll_t poll;
  bool closed;
  bool poll_closed;
  /* The environment is ending: what is left is freed with the handle. */
  bool ending;
};

static void became_readable(uv_poll_t *poll, int status, int events) {
  struct kernel_watch *watch = poll->data;
  (void)status;
  (void)events;
  if (!watch->closed) woken_call(&watch->woken);
}

static void finish(struct kernel_watch *watch) {
  if (!watch->ending || !watch->poll_closed) return;
  (void)napi_remove_async_cleanup_hook(watch->cleanup);
  free(watch);
}

static void poll_closed(uv_handle_t *handle) {
  struct kernel_watch *watch = handle->data;
  watch->poll_closed = true;
  (void)close(watch->epoll);
  finish(watch);
}

static void end(struct kernel_watch *watch) {
  if (watch->closed) return;
  watch->closed = true;
  (void)uv_poll_stop(&watch->poll);
  uv_close((uv_handle_t *)&watch->poll, poll_closed);
}

static void environment_ends(napi_async_cleanup_hook_handle handle, void *argument) {
  struct kernel_watch *watch = argument;
  (void)handle;
  watch->ending = true;
  end(watch);
  finish(watch);
}

static struct kernel_watch *read_watch_call(napi_env env, napi_callback_info info, napi_value *argument) {
  size_t count = 1;
  void *data = NULL;
  return napi_get_cb_info(env, info, &count, argument, NULL, &data) == napi_ok ? data : NULL;
}

static napi_value change(napi_env env, napi_callback_info info, int operation) {
  napi_value argument;
  int64_t fd;
  struct kernel_watch *watch = read_watch_call(env, info, &argument);
  if (watch == NULL || !read_whole(env, argument, "the descriptor", &fd)) return NULL;
  if (watch->closed || fd < 0 || fd > INT32_MAX) return whole(env, -EBADF);
  struct epoll_event event = {.events = EPOLLIN, .data = {.fd = (int)fd}};
  return whole(env, epoll_ctl(watch->epoll, operation, (int)fd, &event) == 0 ? 0 : -errno);
}

static napi_value add(napi_env env, napi_callback_info info) {
  return change(env, info, EPOLL_CTL_ADD);
}

static napi_value take_out(napi_env env, napi_callback_info info) {
  return change(env, info, EPOLL_CTL_DEL);
}

/* Those that have something to tell, some of them at a time. */
static napi_value ready(napi_env env, napi_callback_info info) {
  napi_value argument, out;
  struct epoll_event events[READY_AT_ONCE];
  struct kernel_watch *watch = read_watch_call(env, info, &argument);
  if (watch == NULL || napi_create_array(env, &out) != napi_ok) return NULL;
  int count = watch->closed ? 0 : epoll_wait(watch->epoll, events, READY_AT_ONCE, 0);
  for (int index = 0; index < count; index++)
    (void)napi_set_element(env, out, (uint32_t)index, whole(env, events[index].data.fd));
  return out;
}

/* Whether it keeps the process alive. */
static napi_value hold(napi_env env, napi_callback_info info) {
  napi_value argument;
  bool held = false;
  struct kernel_watch *watch = read_watch_call(env, info, &argument);
  if (watch == NULL || watch->closed) return NULL;
  (void)napi_get_value_bool(env, argument, &held);
  if (held) uv_ref((uv_handle_t *)&watch->poll);
  else uv_unref((uv_handle_t *)&watch->poll);
  return NULL;
}

static napi_value close_watch(napi_env env, napi_callback_info info) {
  napi_value argument;
  struct kernel_watch *watch = read_watch_call(env, info, &argument);
  if (watch != NULL) end(watch);
  return NULL;
}

static int start(struct kernel_watch *watch) {
  uv_loop_t *loop;
  watch->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (watch->epoll < 0) return -errno;
  if (napi_get_uv_event_loop(watch->env, &loop) != napi_ok) return -EIO;
  int result = uv_poll_init(loop, &watch->poll, watch->epoll);
  if (result != 0) return result;
  watch->poll.data = watch;
  uv_unref((uv_handle_t *)&watch->poll);
  return uv_poll_start(&watch->poll, UV_READABLE, became_readable);
}

static int open_watch(napi_env env, napi_value woken, struct kernel_watch **out) {
  struct kernel_watch *watch = calloc(1, sizeof *watch);
  if (watch == NULL) return -ENOMEM;
  watch->env = env;
  watch->epoll = -1;
  int result = start(watch);
  if (result != 0) {
    if (watch->epoll >= 0) (void)close(watch->epoll);
    free(watch);
    return result;
  }
  // From here on the loop knows the handle, and the environment frees it at its end.
  if (woken_keep(env, woken, &watch->woken) != 0 ||
      napi_add_async_cleanup_hook(env, environment_ends, watch, &watch->cleanup) != napi_ok)
    return -EIO;
  *out = watch;
  return 0;
}

napi_value kernel_watch_open(napi_env env, napi_callback_info info) {
  static const struct {
    const char *name;
    napi_callback call;
  } methods[] = {{"add", add}, {"remove", take_out}, {"ready", ready}, {"hold", hold}, {"close", close_watch}};
  size_t count = 1;
  napi_value woken, out;
  napi_valuetype type;
  struct kernel_watch *watch = NULL;
  if (napi_get_cb_info(env, info, &count, &woken, NULL, NULL) != napi_ok) return NULL;
  if (napi_typeof(env, woken, &type) != napi_ok || type != napi_function) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "cannot watch the kernel module: expected woken to be a function");
    return NULL;
  }
  int result = open_watch(env, woken, &watch);
  if (result != 0) return whole(env, result);
  if (napi_create_object(env, &out) != napi_ok) return NULL;
  for (size_t index = 0; index < sizeof methods / sizeof *methods; index++) {
    napi_value function;
    if (napi_create_function(env, methods[index].name, NAPI_AUTO_LENGTH, methods[index].call, watch, &function) == napi_ok)
      set(env, out, methods[index].name, function);
  }
  return out;
}
