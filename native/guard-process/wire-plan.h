/* Plans and the machine's files as they go over the wire: texts of a fixed size, ended by a NUL; an empty one stands for none. */
#ifndef HANGDOG_WIRE_PLAN_H
#define HANGDOG_WIRE_PLAN_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../guard/guard-plan.h"

#define WIRE_PATH_ROOM 512

struct wire_plan {
  uint32_t action;
  uint32_t flags;
  guard_id process;
  int64_t signal;
  int64_t budget;
  int64_t grace;
  int64_t kill_limit;
  int64_t record_limit;
  int64_t holds[GUARD_HOLDS];
  char group[WIRE_PATH_ROOM];
  char freezer[WIRE_PATH_ROOM];
  char name[GUARD_NAME_MAX + 1];
  char about[GUARD_ABOUT_MAX + 1];
};

struct wire_machine {
  int64_t reboot;
  char sysrq[WIRE_PATH_ROOM];
  char crash_loaded[WIRE_PATH_ROOM];
  char kernel_log[WIRE_PATH_ROOM];
  char watchdog[WIRE_PATH_ROOM];
  char pressure[WIRE_PATH_ROOM];
};

/* The room comes zeroed. */
static inline bool wire_put_text(char *room, size_t size, const char *text) {
  size_t length = text == NULL ? 0 : strlen(text);
  if (length >= size) return false;
  if (length > 0) memcpy(room, text, length);
  return true;
}

/* Points to the text within the frame, or to nothing. */
static inline bool wire_get_text(const char *room, size_t size, const char **out) {
  *out = room[0] == '\0' ? NULL : room;
  return memchr(room, '\0', size) != NULL;
}

/* The guard process has a directory of its own: a path that is not absolute would name another file there. */
static inline bool wire_get_path(const char *room, const char **out) {
  return wire_get_text(room, WIRE_PATH_ROOM, out) && (*out == NULL || room[0] == '/');
}

static inline int wire_pack_plan(const struct guard_plan *plan, struct wire_plan *out) {
  memset(out, 0, sizeof *out);
  out->action = plan->action;
  out->flags = plan->flags;
  out->process = plan->process;
  out->signal = plan->signal;
  out->budget = plan->budget;
  out->grace = plan->grace;
  out->kill_limit = plan->kill_limit;
  out->record_limit = plan->record_limit;
  memcpy(out->holds, plan->holds, sizeof out->holds);
  bool fits = wire_put_text(out->group, sizeof out->group, plan->group) &&
              wire_put_text(out->freezer, sizeof out->freezer, plan->freezer) &&
              wire_put_text(out->name, sizeof out->name, plan->name) && wire_put_text(out->about, sizeof out->about, plan->about);
  return fits ? 0 : -EINVAL;
}

/* `out` points into `frame`. */
static inline int wire_unpack_plan(const struct wire_plan *frame, struct guard_plan *out) {
  *out = (struct guard_plan){
      .action = frame->action,
      .flags = frame->flags,
      .process = frame->process,
      // What does not fit becomes a number that the guard refuses.
      .signal = frame->signal < 0 || frame->signal > INT16_MAX ? -1 : (int32_t)frame->signal,
      .budget = frame->budget,
      .grace = frame->grace,
      .kill_limit = frame->kill_limit,
      .record_limit = frame->record_limit,
  };
  memcpy(out->holds, frame->holds, sizeof out->holds);
  bool sound = wire_get_path(frame->group, &out->group) && wire_get_path(frame->freezer, &out->freezer) &&
               wire_get_text(frame->name, sizeof frame->name, &out->name) &&
               wire_get_text(frame->about, sizeof frame->about, &out->about);
  return sound ? 0 : -EINVAL;
}

static inline int wire_pack_machine(const struct guard_machine *machine, struct wire_machine *out) {
  memset(out, 0, sizeof *out);
  out->reboot = machine->reboot;
  bool fits = wire_put_text(out->sysrq, WIRE_PATH_ROOM, machine->sysrq) &&
              wire_put_text(out->crash_loaded, WIRE_PATH_ROOM, machine->crash_loaded) &&
              wire_put_text(out->kernel_log, WIRE_PATH_ROOM, machine->kernel_log) &&
              wire_put_text(out->watchdog, WIRE_PATH_ROOM, machine->watchdog) &&
              wire_put_text(out->pressure, WIRE_PATH_ROOM, machine->pressure);
  return fits ? 0 : -EINVAL;
}

static inline int wire_unpack_machine(const struct wire_machine *frame, struct guard_machine *out) {
  if (frame->reboot < 0 || frame->reboot > 1) return -EINVAL;
  *out = (struct guard_machine){.reboot = (uint32_t)frame->reboot};
  bool sound = wire_get_path(frame->sysrq, &out->sysrq) && wire_get_path(frame->crash_loaded, &out->crash_loaded) &&
               wire_get_path(frame->kernel_log, &out->kernel_log) && wire_get_path(frame->watchdog, &out->watchdog) &&
               wire_get_path(frame->pressure, &out->pressure);
  return sound ? 0 : -EINVAL;
}

#endif
