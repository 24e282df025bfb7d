/* The watched processes: found by pid, held by pidfd. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guard-state.h"
#include "plan.h"

/* How far up the line of parents a sender is traced. */
#define DEEPEST 16

/* They are the same on every architecture; older headers lack them. */
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

struct watched *process_find(struct guard *guard, guard_id id) {
  uint32_t place = id_place(id);
  if (id >> 52 != 0 || id_tenant(id) == 0 || place >= guard->config.processes) return NULL;
  struct watched *process = &guard->processes[place];
  return atomic_load_explicit(&process->tenant, memory_order_acquire) == id_tenant(id) ? process : NULL;
}

guard_id process_id(struct guard *guard, struct watched *process) {
  return make_id((uint32_t)(process - guard->processes), atomic_load(&process->tenant));
}

static uint32_t *bucket_of(struct guard *guard, int32_t pid) {
  // Pids come in sequence: their low bits spread them well enough.
  return &guard->buckets[(uint32_t)pid & guard->bucket_mask];
}

struct watched *process_of_pid(struct guard *guard, int32_t pid) {
  for (uint32_t next = *bucket_of(guard, pid); next != 0; next = guard->processes[next - 1].next_of_bucket) {
    if (guard->processes[next - 1].pid == pid) return &guard->processes[next - 1];
  }
  return NULL;
}

static void forget_pid(struct guard *guard, struct watched *process) {
  uint32_t place = (uint32_t)(process - guard->processes) + 1;
  for (uint32_t *link = bucket_of(guard, process->pid); *link != 0; link = &guard->processes[*link - 1].next_of_bucket) {
    if (*link != place) continue;
    *link = process->next_of_bucket;
    return;
  }
}

/* A field of /proc/PID/stat that is a number, from the fourth on. 0 when it cannot be read. */
static uint64_t stat_field(int32_t pid, int wanted) {
  char path[64];
  char text[1024];
  (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t length = read(file, text, sizeof text - 1);
  (void)close(file);
  if (length <= 0) return 0;
  text[length] = '\0';
  // The second field is a name in brackets that may itself hold brackets and spaces.
  const char *at = strrchr(text, ')');
  for (int field = 2; at != NULL && field < wanted; field++) at = strchr(at + 1, ' ');
  return at == NULL ? 0 : strtoull(at + 1, NULL, 10);
}

/* When it started, in clock ticks since boot. */
static uint64_t start_time_of(int32_t pid) {
  return stat_field(pid, 22);
}

static int32_t parent_of(int32_t pid) {
  return (int32_t)stat_field(pid, 4);
}

struct watched *process_of_descendant(struct guard *guard, int32_t pid) {
  for (int level = 0; guard->admitting > 0 && level < DEEPEST && pid > 1; level++) {
    pid = parent_of(pid);
    struct watched *process = pid > 0 ? process_of_pid(guard, pid) : NULL;
    if (process != NULL) return process->admits ? process : NULL;
  }
  return NULL;
}

void process_admit(struct guard *guard, struct watched *process, bool admits) {
  if (admits != process->admits) guard->admitting += admits ? 1 : -1;
  process->admits = admits;
}

static bool has_ended(int pidfd) {
  struct pollfd poll_on = {.fd = pidfd, .events = POLLIN};
  return poll(&poll_on, 1, 0) == 1;
}

/* Opens it, and makes sure that it is the process that is meant. */
static int open_process(int32_t pid, uint64_t start_time) {
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) return -errno;
  // While the pidfd shows it alive, the pid is its own: what is read of the pid after opening belongs to it.
  uint64_t found = start_time == 0 ? 0 : start_time_of(pid);
  if (found == start_time && !has_ended(pidfd)) return pidfd;
  (void)close(pidfd);
  return -ESRCH;
}

static struct watched *take_place(struct guard *guard) {
  if (guard->processes_free != 0) {
    struct watched *process = &guard->processes[guard->processes_free - 1];
    guard->processes_free = process->next_free;
    return process;
  }
  if (guard->processes_touched == guard->config.processes) return NULL;
  struct watched *process = &guard->processes[guard->processes_touched++];
  atomic_store(&process->tenant, 1);
  return process;
}

static void leave_place(struct guard *guard, struct watched *process) {
  uint32_t tenant = atomic_load(&process->tenant) + 1;
  atomic_store(&process->tenant, tenant == 0 ? 1 : tenant);
  process->used = false;
  process->next_free = guard->processes_free;
  guard->processes_free = (uint32_t)(process - guard->processes) + 1;
}

int process_add(struct guard *guard, int32_t pid, uint64_t start_time, guard_id *out) {
  if (process_of_pid(guard, pid) != NULL) return -EEXIST;
  int pidfd = open_process(pid, start_time);
  if (pidfd < 0) return pidfd;
  struct watched *process = take_place(guard);
  if (process == NULL) {
    (void)close(pidfd);
    return -ENOSPC;
  }
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = process_id(guard, process)};
  if (epoll_ctl(guard->epoll, EPOLL_CTL_ADD, pidfd, &event) != 0) {
    int error = -errno;
    leave_place(guard, process);
    (void)close(pidfd);
    return error;
  }
  process->used = true;
  process->pidfd = pidfd;
  process->pid = pid;
  process->countdown = 0;
  process->ended = process->unreported = false;
  atomic_store(&process->queued, 0);
  process->next_of_bucket = *bucket_of(guard, pid);
  *bucket_of(guard, pid) = (uint32_t)(process - guard->processes) + 1;
  *out = event.data.u64;
  return 0;
}

void process_remove(struct guard *guard, struct watched *process) {
  if (!process->ended) {
    forget_pid(guard, process);
    (void)epoll_ctl(guard->epoll, EPOLL_CTL_DEL, process->pidfd, NULL);
  }
  if (process->unreported) guard->unreported_ends--;
  process_admit(guard, process, false);
  (void)close(process->pidfd);
  leave_place(guard, process);
}

/* The lowest of the real-time priorities: above every ordinary program, below all that asked for more. */
#define LAST_PRIORITY 1

/*
 * A killed process has to run once more to end, and beside busy programs it waits for its turn. A guard of real-time priority lends it one, to its
 * main thread only. Answers the policy it had, or -1 when nothing was changed.
 */
static int hasten(struct guard *guard, const struct watched *process) {
  const struct sched_param last = {.sched_priority = LAST_PRIORITY};
  int before = sched_getscheduler(process->pid);
  bool ordinary = before == SCHED_OTHER || before == SCHED_BATCH || before == SCHED_IDLE;
  if (guard->strength.realtime != 0 || !ordinary) return -1;
  return sched_setscheduler(process->pid, SCHED_FIFO | SCHED_RESET_ON_FORK, &last) == 0 ? before : -1;
}

/* A signal that was not sent shows that the pid may be another's by now, so that what was lent is taken back. */
static int unless_sent(int result, const struct watched *process, int before) {
  const struct sched_param none = {.sched_priority = 0};
  if (result != 0 && before >= 0) (void)sched_setscheduler(process->pid, before, &none);
  return result;
}

static int send_to_process(struct watched *process, int signal) {
  return syscall(SYS_pidfd_send_signal, process->pidfd, signal, NULL, 0) == 0 ? 0 : -errno;
}

int process_kill(struct guard *guard, guard_id id, int signal) {
  struct watched *process = process_find(guard, id);
  if (process == NULL) return -ENOENT;
  if (process->ended) return -ESRCH;
  int before = signal == SIGKILL ? hasten(guard, process) : -1;
  return unless_sent(send_to_process(process, signal), process, before);
}

#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP (1u << 2)
#endif

static bool is_there(const struct watched *process) {
  return syscall(SYS_pidfd_send_signal, process->pidfd, 0, NULL, 0) == 0;
}

/* The group of one that leads none, as a service has it that was handed over to (MAINPID); 0 when there is none that is surely the service's. */
static pid_t joined_group(const struct watched *process) {
  pid_t group = getpgid(process->pid);
  // While the process is there, be it as a zombie, its number is its own, and what was read of it is true.
  if (group <= 1 || group == getpgrp() || !is_there(process)) return 0;
  return group;
}

static int send_to_group(struct watched *process, int signal) {
  if (syscall(SYS_pidfd_send_signal, process->pidfd, signal, NULL, PIDFD_SIGNAL_PROCESS_GROUP) == 0) return 0;
  // Kernels before 6.9 do not know that flag, and nobody may be in a group of that number.
  if ((errno != EINVAL && errno != ESRCH) || !is_there(process)) return -errno;
  if (errno == EINVAL && kill(-process->pid, signal) == 0) return 0;
  pid_t group = joined_group(process);
  if (group == 0) return send_to_process(process, signal);
  return kill(-group, signal) == 0 ? 0 : -errno;
}

int process_kill_group(struct guard *guard, guard_id id, int signal) {
  struct watched *process = process_find(guard, id);
  if (process == NULL) return -ENOENT;
  int before = signal == SIGKILL && !process->ended ? hasten(guard, process) : -1;
  return unless_sent(send_to_group(process, signal), process, before);
}

bool process_has_ended(struct guard *guard, guard_id id) {
  struct watched *process = process_find(guard, id);
  return process == NULL || process->ended || has_ended(process->pidfd);
}

static void report_end(struct guard *guard, struct watched *process) {
  struct guard_record record = {.kind = GUARD_EXITED, .process = process_id(guard, process), .pid = process->pid};
  record.countdown = process->countdown;
  record.value = process->ended_at;
  bool written = ring_write(&guard->ring, &record, NULL, 0);
  if (written) guard->wrote = true;
  if (written && process->unreported) guard->unreported_ends--;
  if (!written && !process->unreported) guard->unreported_ends++;
  process->unreported = !written;
}

void process_may_have_ended(struct guard *guard, guard_id id) {
  struct watched *process = process_find(guard, id);
  // What epoll said may be older than the present tenant of this place.
  if (process == NULL || process->ended || !has_ended(process->pidfd)) return;
  process->ended = true;
  process->ended_at = awake_clock_raw(&guard->clock);
  forget_pid(guard, process);
  (void)epoll_ctl(guard->epoll, EPOLL_CTL_DEL, process->pidfd, NULL);
  struct countdown *countdown = countdown_find(guard, process->countdown);
  if (countdown != NULL && !plan_process_ended(guard, countdown)) countdown_stop(guard, countdown);
  report_end(guard, process);
}

void process_report_ends(struct guard *guard) {
  for (uint32_t place = 0; guard->unreported_ends > 0 && place < guard->processes_touched; place++) {
    struct watched *process = &guard->processes[place];
    if (process->used && process->unreported) report_end(guard, process);
    if (process->used && process->unreported) return;
  }
}
