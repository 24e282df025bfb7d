/* The binding of ../guard/watchdog-device.h. */
#ifndef HANGDOG_MACHINE_WATCHDOG_H
#define HANGDOG_MACHINE_WATCHDOG_H

#include <node_api.h>

void export_machine_watchdog(napi_env env, napi_value exports);

#endif
