/* A guard process as JavaScript holds it: the link, what wakes JavaScript, and how both end. */
#ifndef HANGDOG_REMOTE_OBJECT_H
#define HANGDOG_REMOTE_OBJECT_H

#include <node_api.h>

#include "guard-link.h"

struct remote_object;

/* `woken` is called without arguments when the guard has something to say, and once when it is gone. Takes the link over. */
int remote_object_open(napi_env env, const struct guard_link *link, napi_value woken, struct remote_object **out);
struct guard_link *remote_object_link(struct remote_object *object);
/* Memory that lives as long as the object, once; null when there is none. */
void *remote_object_room(struct remote_object *object, size_t bytes);
/* Whether waiting for the guard keeps the process alive. At first it does not. */
void remote_object_hold(struct remote_object *object, int hold);
/* Nothing more is heard, because there is nothing more to hear. */
void remote_object_deafen(struct remote_object *object);
/* Closes the link. Doing so again does nothing. The object itself lives as long as its environment. */
void remote_object_close(struct remote_object *object);

#endif
