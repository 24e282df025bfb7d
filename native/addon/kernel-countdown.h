/* The kernel module's countdowns for JavaScript. Needs no guard: what is named is a file descriptor of /dev/hangdog. */
#ifndef HANGDOG_KERNEL_COUNTDOWN_H
#define HANGDOG_KERNEL_COUNTDOWN_H

#include <node_api.h>

/* An object with the functions of src/platform/kernel-module.ts (KernelAddon). */
napi_value kernel_exports(napi_env env);

/* watch(woken): an object that calls back when one of the descriptors given to it has something to tell; in kernel-watch.c. */
napi_value kernel_watch_open(napi_env env, napi_callback_info info);

#endif
