/* The processes that are watched. Only files of this folder include it. */
#ifndef HANGDOG_PROCESS_TABLE_H
#define HANGDOG_PROCESS_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "guard.h"

struct guard;

struct watched {
  _Atomic uint32_t tenant;
  /* Messages in the ring. */
  _Atomic uint32_t queued;
  guard_id countdown;
  /* When the end was seen, in raw time. */
  int64_t ended_at;
  int pidfd;
  int32_t pid;
  /* Place plus one; 0 ends the chain. */
  uint32_t next_of_bucket;
  uint32_t next_free;
  bool used;
  bool ended;
  bool unreported;
  bool admits;
};

/* The lock is held, but for process_find. */
int process_add(struct guard *guard, int32_t pid, uint64_t start_time, guard_id *out);
void process_remove(struct guard *guard, struct watched *process);
struct watched *process_find(struct guard *guard, guard_id id);
struct watched *process_of_pid(struct guard *guard, int32_t pid);
/* The watched process that admits its descendants and is an ancestor of this one. Reads a file of /proc for each level. */
struct watched *process_of_descendant(struct guard *guard, int32_t pid);
void process_admit(struct guard *guard, struct watched *process, bool admits);
guard_id process_id(struct guard *guard, struct watched *process);
void process_may_have_ended(struct guard *guard, guard_id id);
/* Tells what could not be told when the ring was full. */
void process_report_ends(struct guard *guard);
int process_kill(struct guard *guard, guard_id id, int signal);
/* As above, to the process group that it leads. */
int process_kill_group(struct guard *guard, guard_id id, int signal);
/* Whether it has ended, which epoll may not have said yet; also when it is not watched any more. */
bool process_has_ended(struct guard *guard, guard_id id);

#endif
