/* Sends what hangdog says to the service manager that started it. */
#ifndef HANGDOG_NOTIFY_SENDER_H
#define HANGDOG_NOTIFY_SENDER_H

#include <node_api.h>

void export_notify_sender(napi_env env, napi_value exports);

#endif
