/* Heartbeats through shared memory, on both sides: pages of the guard, and the client for a service that is a Node program. */
#ifndef HANGDOG_PAGE_CALLS_H
#define HANGDOG_PAGE_CALLS_H

#include <node_api.h>

/* Of a guard. open(lines): {page, fd}, or a negative errno value. */
napi_value open_page(napi_env env, napi_callback_info info);
napi_value close_page(napi_env env, napi_callback_info info);
napi_value bind_line(napi_env env, napi_callback_info info);
napi_value unbind_line(napi_env env, napi_callback_info info);

/* Of a service, without a guard: openHeartbeat() gives the function that beats, or a negative errno value as hangdog_open does. */
napi_value open_heartbeat(napi_env env, napi_callback_info info);

#endif
