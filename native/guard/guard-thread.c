/* The guard's thread: one epoll loop over the timer, the notify socket and the watched processes. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "guard-state.h"
#include "plan.h"

#define EVENTS 64
#define STACK_BYTES (256 * 1024)
/* Stack that is there before it is needed. */
#define STACK_TOUCHED (64 * 1024)
/* Shorter stalls are ordinary jitter: not counted, but not reported either. */
#define REPORTED_STALL INT64_C(100000000)

void guard_lock(struct guard *guard) {
  (void)pthread_mutex_lock(&guard->lock);
}

void guard_unlock(struct guard *guard) {
  (void)pthread_mutex_unlock(&guard->lock);
}

void guard_timer_set(struct guard *guard, int64_t raw) {
  guard->timer_due = raw;
  if (!guard->has_thread) return;
  struct itimerspec at = {0};
  if (raw != INT64_MAX) {
    at.it_value.tv_sec = raw / 1000000000;
    at.it_value.tv_nsec = raw % 1000000000;
  }
  (void)timerfd_settime(guard->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static void report_stall(struct guard *guard) {
  int64_t lost = awake_clock_take_lost(&guard->clock);
  if (lost < REPORTED_STALL || lost < guard->clock.allowance) return;
  struct guard_record record = {.kind = GUARD_STALL, .value = lost};
  if (ring_write(&guard->ring, &record, NULL, 0)) guard->wrote = true;
  else guard->counters.lost_stalls++;
}

static void take_events(struct guard *guard, const struct epoll_event *events, int count) {
  for (int index = 0; index < count; index++) {
    uint64_t ticks;
    switch (events[index].data.u64) {
      case EPOLL_TIMER:
        (void)!read(guard->timer, &ticks, sizeof ticks);
        break;
      case EPOLL_NOTIFY:
        break;
      case EPOLL_KICK:
        (void)!read(guard->kick, &ticks, sizeof ticks);
        break;
      default:
        process_may_have_ended(guard, events[index].data.u64);
    }
  }
}

void guard_turn(struct guard *guard, int timeout_ms) {
  struct epoll_event events[EVENTS];
  int count = epoll_wait(guard->epoll, events, EVENTS, timeout_ms);
  // Beats that wait are counted before any countdown is judged.
  notify_drain(guard);
  guard_lock(guard);
  guard->counters.turns++;
  bool running = guard->due.size > 0;
  int64_t now = running ? awake_clock_look(&guard->clock) : awake_clock_peek(&guard->clock);
  take_events(guard, events, count);
  if (running) report_stall(guard);
  if (guard->unreported_ends > 0) process_report_ends(guard);
  if (guard->timer_due <= awake_clock_raw(&guard->clock)) guard->timer_due = INT64_MAX;
  plans_turn(guard, now);
  countdowns_look(guard, now);
  countdowns_schedule(guard, now);
  bool wake = guard->wrote;
  guard->wrote = false;
  guard_unlock(guard);
  uint64_t one = 1;
  if (wake) (void)!write(guard->wake, &one, sizeof one);
}

/* Has the pages that the thread will use, so that it never waits for one. */
static __attribute__((noinline)) void touch_stack(bool lock) {
  char pages[STACK_TOUCHED];
  memset(pages, 0, sizeof pages);
  // The compiler must not find out that nobody reads it.
  __asm__ volatile("" : : "r"(pages) : "memory");
  if (lock) (void)mlock(pages, sizeof pages);
}

static void *run(void *argument) {
  struct guard *guard = argument;
  touch_stack((guard->config.flags & (GUARD_LOCK_OWN | GUARD_LOCK_ALL)) != 0);
  while (!atomic_load(&guard->stopping)) guard_turn(guard, -1);
  return NULL;
}

static int32_t become_realtime(struct guard *guard) {
  if ((guard->config.flags & GUARD_REALTIME) == 0) return -1;
  struct sched_param param = {.sched_priority = guard->config.priority == 0 ? GUARD_DEFAULT_PRIORITY : guard->config.priority};
  return pthread_setschedparam(guard->thread, SCHED_FIFO, &param);
}

int guard_thread_start(struct guard *guard) {
  pthread_attr_t attributes;
  sigset_t all;
  sigset_t before;
  (void)pthread_attr_init(&attributes);
  (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
  // Signals are the owner's.
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  guard->has_thread = true;
  int error = pthread_create(&guard->thread, &attributes, run, guard);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  (void)pthread_attr_destroy(&attributes);
  if (error != 0) {
    guard->has_thread = false;
    return -error;
  }
  (void)pthread_setname_np(guard->thread, "hangdog-guard");
  guard->strength.realtime = become_realtime(guard);
  return 0;
}
