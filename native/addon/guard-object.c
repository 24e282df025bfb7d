#include "guard-object.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "woken.h"

struct guard_object {
  napi_env env;
  struct guard *guard;
  int by_hand;
  struct woken woken;
  napi_async_cleanup_hook_handle cleanup;
  uv_poll_t poll;
  /* The handle is closed, or was never open. */
  int poll_closed;
  /* The environment is ending: what is left is freed with the handle. */
  int ending;
};

struct guard *guard_object_guard(struct guard_object *object) {
  return object->guard;
}

void guard_object_hold(struct guard_object *object, int hold) {
  if (object->guard == NULL || object->by_hand) return;
  if (hold) uv_ref((uv_handle_t *)&object->poll);
  else uv_unref((uv_handle_t *)&object->poll);
}

static void became_readable(uv_poll_t *poll, int status, int events) {
  struct guard_object *object = poll->data;
  uint64_t count;
  (void)status;
  (void)events;
  if (object->guard == NULL) return;
  (void)!read(guard_wake_fd(object->guard), &count, sizeof count);
  woken_call(&object->woken);
}

static void finish(struct guard_object *object) {
  if (!object->ending || !object->poll_closed) return;
  (void)napi_remove_async_cleanup_hook(object->cleanup);
  free(object);
}

static void poll_closed(uv_handle_t *handle) {
  struct guard_object *object = handle->data;
  object->poll_closed = 1;
  finish(object);
}

void guard_object_close(struct guard_object *object) {
  if (object->guard == NULL) return;
  if (!object->poll_closed) {
    (void)uv_poll_stop(&object->poll);
    uv_close((uv_handle_t *)&object->poll, poll_closed);
  }
  (void)guard_close(object->guard);
  object->guard = NULL;
}

static void environment_ends(napi_async_cleanup_hook_handle handle, void *argument) {
  struct guard_object *object = argument;
  (void)handle;
  object->ending = 1;
  guard_object_close(object);
  finish(object);
}

static int watch(struct guard_object *object) {
  uv_loop_t *loop;
  if (object->by_hand) return 0;
  if (napi_get_uv_event_loop(object->env, &loop) != napi_ok) return -EIO;
  int result = uv_poll_init(loop, &object->poll, guard_wake_fd(object->guard));
  if (result != 0) return result;
  object->poll_closed = 0;
  object->poll.data = object;
  uv_unref((uv_handle_t *)&object->poll);
  return uv_poll_start(&object->poll, UV_READABLE, became_readable);
}

static int join_environment(struct guard_object *object, napi_value woken) {
  napi_env env = object->env;
  if (woken_keep(env, woken, &object->woken) != 0) return -EIO;
  if (napi_add_async_cleanup_hook(env, environment_ends, object, &object->cleanup) != napi_ok) return -EIO;
  return watch(object);
}

int guard_object_open(napi_env env, const struct guard_config *config, napi_value woken, struct guard_object **out) {
  struct guard_object *object = calloc(1, sizeof *object);
  if (object == NULL) return -ENOMEM;
  object->env = env;
  object->poll_closed = 1;
  object->by_hand = (config->flags & GUARD_BY_HAND) != 0;
  int result = guard_open(config, &object->guard);
  if (result != 0) {
    free(object);
    return result;
  }
  result = join_environment(object, woken);
  if (result == 0) *out = object;
  // The object may be known to the environment already, which then frees it at its end.
  else guard_object_close(object);
  return result;
}
