/* How a guard begins and ends. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "guard-state.h"
#include "plan.h"

#define RING_LEAST (64u << 10)
#define RING_MOST (64u << 20)
/* The allowance while nothing runs: two ticks of the longest kind. */
#define FIRST_TICK INT64_C(1000000000)
#define KNOWN_FLAGS (GUARD_BY_HAND | GUARD_REALTIME | GUARD_LOCK_OWN | GUARD_LOCK_ALL)

static bool is_sound(const struct guard_config *config) {
  uint32_t ring = config->ring_bytes;
  return config->countdowns >= 1 && config->countdowns <= GUARD_CAPACITY_MAX && config->processes >= 1 &&
         config->processes <= GUARD_CAPACITY_MAX && ring >= RING_LEAST && ring <= RING_MOST && (ring & (ring - 1)) == 0 &&
         (config->flags & ~(uint32_t)KNOWN_FLAGS) == 0 && config->priority >= 0 && config->priority <= 99;
}

/* Gives out parts of the arena, or only counts them while there is none. */
static void *part(unsigned char *arena, size_t *used, size_t bytes) {
  size_t at = (*used + 63) & ~(size_t)63;
  *used = at + bytes;
  return arena == NULL ? NULL : arena + at;
}

static size_t lay_out(struct guard *guard, unsigned char *arena) {
  const struct guard_config *config = &guard->config;
  size_t used = 0;
  guard->countdowns = part(arena, &used, config->countdowns * sizeof(struct countdown));
  guard->tallies = part(arena, &used, config->countdowns * sizeof(struct tally));
  void *due = part(arena, &used, heap_bytes(config->countdowns));
  void *limits = part(arena, &used, heap_bytes(config->countdowns));
  guard->plans = part(arena, &used, config->countdowns * sizeof(struct plan));
  guard->looked_at = part(arena, &used, config->countdowns * sizeof(uint32_t));
  guard->pages = part(arena, &used, config->countdowns * sizeof(struct heartbeat_page));
  guard->bindings = part(arena, &used, config->countdowns * sizeof(struct line_binding));
  guard->processes = part(arena, &used, config->processes * sizeof(struct watched));
  uint32_t buckets = 1;
  while (buckets < config->processes) buckets *= 2;
  guard->bucket_mask = buckets - 1;
  guard->buckets = part(arena, &used, buckets * sizeof(uint32_t));
  void *ring = part(arena, &used, config->ring_bytes);
  guard->batch = part(arena, &used, notify_batch_bytes());
  if (arena == NULL) return used;
  heap_open(&guard->due, due, config->countdowns);
  heap_open(&guard->limits, limits, config->countdowns);
  ring_open(&guard->ring, ring, config->ring_bytes);
  return used;
}

static int32_t when_asked(const struct guard *guard, uint32_t flag, int (*lock)(const struct guard *)) {
  if ((guard->config.flags & flag) == 0) return -1;
  return lock(guard) == 0 ? 0 : errno;
}

/* Pages are locked as they are first used, so that room for 100,000 countdowns costs nothing until they are there. */
static int lock_own(const struct guard *guard) {
  return mlock2(guard->arena, guard->arena_bytes, MLOCK_ONFAULT);
}

static int lock_all(const struct guard *guard) {
  (void)guard;
  return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

static int open_memory(struct guard *guard) {
  guard->arena_bytes = lay_out(guard, NULL);
  void *arena = mmap(NULL, guard->arena_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (arena == MAP_FAILED) return -errno;
  guard->arena = arena;
  (void)lay_out(guard, arena);
  guard->strength.locked_own = when_asked(guard, GUARD_LOCK_OWN, lock_own);
  guard->strength.locked_all = when_asked(guard, GUARD_LOCK_ALL, lock_all);
  return 0;
}

static int watch(struct guard *guard, int fd, uint64_t tag) {
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag};
  return epoll_ctl(guard->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int open_descriptors(struct guard *guard) {
  guard->epoll = epoll_create1(EPOLL_CLOEXEC);
  guard->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  guard->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  guard->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (guard->epoll < 0 || guard->timer < 0 || guard->wake < 0 || guard->kick < 0) return -errno;
  if (watch(guard, guard->timer, EPOLL_TIMER) != 0 || watch(guard, guard->kick, EPOLL_KICK) != 0) return -errno;
  return 0;
}

static void open_locks(struct guard *guard) {
  pthread_mutexattr_t attributes;
  (void)pthread_mutexattr_init(&attributes);
  (void)pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  (void)pthread_mutex_init(&guard->lock, &attributes);
  (void)pthread_mutex_init(&guard->receiving, &attributes);
  (void)pthread_mutexattr_destroy(&attributes);
}

static void close_descriptor(int fd) {
  if (fd >= 0) (void)close(fd);
}

static void free_guard(struct guard *guard) {
  for (uint32_t place = 0; place < guard->processes_touched; place++) {
    if (guard->processes[place].used) close_descriptor(guard->processes[place].pidfd);
  }
  pages_free(guard);
  if (guard->arena != NULL) plans_close(guard);
  if (guard->recorder != NULL) recorder_close(guard->recorder);
  machine_close(guard);
  close_descriptor(guard->notify);
  close_descriptor(guard->epoll);
  close_descriptor(guard->timer);
  close_descriptor(guard->wake);
  close_descriptor(guard->kick);
  if (guard->arena != NULL) (void)munmap(guard->arena, guard->arena_bytes);
  (void)pthread_mutex_destroy(&guard->lock);
  (void)pthread_mutex_destroy(&guard->receiving);
  free(guard);
}

int guard_open(const struct guard_config *config, struct guard **out) {
  if (config == NULL || out == NULL || !is_sound(config)) return -EINVAL;
  struct guard *guard = aligned_alloc(64, (sizeof *guard + 63) & ~(size_t)63);
  if (guard == NULL) return -ENOMEM;
  memset(guard, 0, sizeof *guard);
  guard->config = *config;
  guard->strength = (struct guard_strength){.realtime = -1, .locked_own = -1, .locked_all = -1};
  guard->epoll = guard->timer = guard->wake = guard->kick = guard->notify = -1;
  guard->tick = FIRST_TICK;
  guard->timer_due = INT64_MAX;
  guard->stamp_lag = (config->flags & GUARD_BY_HAND) != 0 ? 0 : page_stamp_lag();
  open_locks(guard);
  awake_clock_open(&guard->clock, (config->flags & GUARD_BY_HAND) != 0, 2 * FIRST_TICK);
  int result = open_memory(guard);
  if (result == 0) result = open_descriptors(guard);
  if (result == 0 && (config->flags & GUARD_BY_HAND) == 0) result = guard_thread_start(guard);
  if (result == 0) *out = guard;
  else free_guard(guard);
  return result;
}

int guard_close(struct guard *guard) {
  if (guard == NULL) return -EINVAL;
  if (guard->has_thread) {
    uint64_t one = 1;
    atomic_store(&guard->stopping, true);
    (void)!write(guard->kick, &one, sizeof one);
    (void)pthread_join(guard->thread, NULL);
  }
  free_guard(guard);
  return 0;
}
