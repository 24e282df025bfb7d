/* The methods of a guard that is a process of its own: those of a guard in this process, and a few more. */
#ifndef HANGDOG_REMOTE_GUARD_H
#define HANGDOG_REMOTE_GUARD_H

#include <node_api.h>

/* connect(path, woken): the guard; or a negative errno value; or, when another owns it, the pid of that one. */
napi_value connect_guard(napi_env env, napi_callback_info info);

#endif
