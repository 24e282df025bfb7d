#include "remote-object.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "woken.h"

struct remote_object {
  napi_env env;
  struct guard_link link;
  void *room;
  struct woken woken;
  napi_async_cleanup_hook_handle cleanup;
  uv_poll_t poll;
  /* The handle is closed, or was never open. */
  int poll_closed;
  int closed;
  /* The environment is ending: what is left is freed with the handle. */
  int ending;
};

struct guard_link *remote_object_link(struct remote_object *object) {
  return &object->link;
}

void *remote_object_room(struct remote_object *object, size_t bytes) {
  object->room = calloc(1, bytes);
  return object->room;
}

void remote_object_hold(struct remote_object *object, int hold) {
  if (object->closed || object->poll_closed) return;
  if (hold) uv_ref((uv_handle_t *)&object->poll);
  else uv_unref((uv_handle_t *)&object->poll);
}

static void became_readable(uv_poll_t *poll, int status, int events) {
  struct remote_object *object = poll->data;
  (void)events;
  if (object->closed) return;
  if (status != 0) object->link.broken = true;
  woken_call(&object->woken);
}

static void finish(struct remote_object *object) {
  if (!object->ending || !object->poll_closed) return;
  (void)napi_remove_async_cleanup_hook(object->cleanup);
  free(object->room);
  free(object);
}

static void poll_closed(uv_handle_t *handle) {
  struct remote_object *object = handle->data;
  object->poll_closed = 1;
  finish(object);
}

void remote_object_deafen(struct remote_object *object) {
  if (!object->closed && !object->poll_closed) (void)uv_poll_stop(&object->poll);
}

void remote_object_close(struct remote_object *object) {
  if (object->closed) return;
  object->closed = 1;
  if (!object->poll_closed) {
    (void)uv_poll_stop(&object->poll);
    uv_close((uv_handle_t *)&object->poll, poll_closed);
  }
  link_close(&object->link);
}

static void environment_ends(napi_async_cleanup_hook_handle handle, void *argument) {
  struct remote_object *object = argument;
  (void)handle;
  object->ending = 1;
  remote_object_close(object);
  finish(object);
}

static int join_environment(struct remote_object *object, napi_value woken) {
  napi_env env = object->env;
  uv_loop_t *loop;
  if (woken_keep(env, woken, &object->woken) != 0) return -EIO;
  if (napi_add_async_cleanup_hook(env, environment_ends, object, &object->cleanup) != napi_ok) return -EIO;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return -EIO;
  int result = uv_poll_init(loop, &object->poll, object->link.notices);
  if (result != 0) return result;
  object->poll_closed = 0;
  object->poll.data = object;
  uv_unref((uv_handle_t *)&object->poll);
  return uv_poll_start(&object->poll, UV_READABLE, became_readable);
}

int remote_object_open(napi_env env, const struct guard_link *link, napi_value woken, struct remote_object **out) {
  struct remote_object *object = calloc(1, sizeof *object);
  if (object == NULL) return -ENOMEM;
  object->env = env;
  object->link = *link;
  object->poll_closed = 1;
  int result = join_environment(object, woken);
  if (result == 0) *out = object;
  // The object may be known to the environment already, which then frees it at its end.
  else remote_object_close(object);
  return result;
}
