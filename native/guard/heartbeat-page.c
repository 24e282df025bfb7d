/*
 * Heartbeats through shared memory. A service writes when it beat into its line, and nothing happens here. A line is read when its countdown
 * reaches a point; as long as the owner wants to hear of beats, it is read at a pace as well. Whatever a service writes there is safe: no more
 * is believed than that it beat, and when, between our last look and now.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "guard-state.h"

#define MILLISECOND INT64_C(1000000)
/* How often a line is read for an owner that wants to hear of beats: in an eighth of the limit, within these bounds. */
#define LOOKS_PER_LIMIT 8
#define SHORTEST_PACE (5 * MILLISECOND)
#define LONGEST_PACE (250 * MILLISECOND)
/* What a service claims to have beaten is shown to people, as a number that a double can hold. */
#define BEATS_MAX (UINT64_C(1) << 53)
/* Older headers lack these. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

_Static_assert(sizeof(struct hangdog_head) == HANGDOG_LINE_BYTES, "the head of a page is one line");
_Static_assert(sizeof(struct hangdog_line) == HANGDOG_LINE_BYTES, "a line of a page is one cache line");

/* ---- Pages ---- */

static struct heartbeat_page *page_find(struct guard *guard, guard_id id) {
  uint32_t place = id_place(id);
  if (id >> 52 != 0 || id_tenant(id) == 0 || place >= guard->pages_touched) return NULL;
  struct heartbeat_page *page = &guard->pages[place];
  return page->map != NULL && page->tenant == id_tenant(id) ? page : NULL;
}

/* Its size is sealed: a service that made it smaller would end us by SIGBUS when we look. */
static int make_file(size_t bytes, const struct hangdog_head *head) {
  static const char name[] = "hangdog-page";
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  // Kernels before 6.3 do not know the last flag.
  if (fd < 0 && errno == EINVAL) fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -errno;
  if (ftruncate(fd, (off_t)bytes) == 0 && pwrite(fd, head, sizeof *head, 0) == (ssize_t)sizeof *head &&
      fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
    return fd;
  int error = errno == 0 ? EIO : errno;
  (void)close(fd);
  return -error;
}

/* All of it is there before it is needed, so that a look never waits for memory. */
static int map_file(const struct guard *guard, int fd, size_t bytes, void **out) {
  void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (map == MAP_FAILED) return -errno;
  // As far as permitted: guard_strength says whether it is.
  if ((guard->config.flags & (GUARD_LOCK_OWN | GUARD_LOCK_ALL)) != 0) (void)mlock(map, bytes);
  *out = map;
  return 0;
}

static struct heartbeat_page *take_place(struct guard *guard) {
  if (guard->pages_free != 0) {
    struct heartbeat_page *page = &guard->pages[guard->pages_free - 1];
    guard->pages_free = page->next_free;
    return page;
  }
  if (guard->pages_touched == guard->config.countdowns) return NULL;
  struct heartbeat_page *page = &guard->pages[guard->pages_touched++];
  page->tenant = 1;
  return page;
}

static int keep(struct guard *guard, void *map, size_t bytes, uint32_t lines, guard_id *out) {
  guard_lock(guard);
  struct heartbeat_page *page = take_place(guard);
  if (page != NULL) {
    page->map = map;
    page->bytes = bytes;
    page->lines = lines;
    page->bound = 0;
    *out = make_id((uint32_t)(page - guard->pages), page->tenant);
  }
  guard_unlock(guard);
  return page == NULL ? -ENOSPC : 0;
}

int guard_page_open(struct guard *guard, uint32_t lines, guard_id *page, int *fd) {
  if (guard == NULL || page == NULL || fd == NULL || lines < 1 || lines > GUARD_CAPACITY_MAX) return -EINVAL;
  struct hangdog_head head = {.magic = HANGDOG_PAGE_MAGIC, .version = HANGDOG_PAGE_VERSION, .lines = lines};
  size_t bytes = ((size_t)lines + 1) * HANGDOG_LINE_BYTES;
  void *map = NULL;
  int file = make_file(bytes, &head);
  if (file < 0) return file;
  int result = map_file(guard, file, bytes, &map);
  if (result == 0) result = keep(guard, map, bytes, lines, page);
  if (result == 0) {
    *fd = file;
    return 0;
  }
  if (map != NULL) (void)munmap(map, bytes);
  (void)close(file);
  return result;
}

int guard_page_close(struct guard *guard, guard_id id) {
  if (guard == NULL) return -EINVAL;
  guard_lock(guard);
  struct heartbeat_page *page = page_find(guard, id);
  int result = page == NULL ? -ENOENT : page->bound > 0 ? -EBUSY : 0;
  void *map = result == 0 ? page->map : NULL;
  size_t bytes = result == 0 ? page->bytes : 0;
  if (result == 0) {
    page->map = NULL;
    page->tenant = page->tenant == UINT32_MAX ? 1 : page->tenant + 1;
    page->next_free = guard->pages_free;
    guard->pages_free = (uint32_t)(page - guard->pages) + 1;
  }
  guard_unlock(guard);
  // This takes the kernel a while; nobody knows of it any more.
  if (map != NULL) (void)munmap(map, bytes);
  return result;
}

void pages_free(struct guard *guard) {
  for (uint32_t place = 0; place < guard->pages_touched; place++) {
    if (guard->pages[place].map != NULL) (void)munmap(guard->pages[place].map, guard->pages[place].bytes);
  }
}

/* ---- Lines ---- */

static struct line_binding *binding_of(struct guard *guard, const struct countdown *countdown) {
  return &guard->bindings[countdown - guard->countdowns];
}

static const struct hangdog_line *line_of(const struct guard *guard, const struct line_binding *binding) {
  const struct hangdog_head *head = guard->pages[binding->page].map;
  return (const struct hangdog_line *)(head + 1) + binding->line;
}

static uint64_t stamp_of(const struct hangdog_line *line) {
  return __atomic_load_n(&line->stamp, __ATOMIC_ACQUIRE);
}

/* A client that opens a page writes its pid into the first of its lines. */
static int32_t beater_of(const struct guard *guard, const struct line_binding *binding) {
  const struct hangdog_head *head = guard->pages[binding->page].map;
  return __atomic_load_n(&((const struct hangdog_line *)(head + 1))->beater, __ATOMIC_ACQUIRE);
}

/* A client that writes no pid is believed. */
static bool is_foreign(const struct guard *guard, const struct line_binding *binding) {
  int32_t beater = binding->pid == 0 ? 0 : beater_of(guard, binding);
  return beater != 0 && beater != binding->pid;
}

int guard_page_bind(struct guard *guard, guard_id id, uint32_t line, guard_id countdown) {
  return guard_page_bind_to(guard, id, line, countdown, 0);
}

int guard_page_bind_to(struct guard *guard, guard_id id, uint32_t line, guard_id countdown_id, int32_t pid) {
  if (guard == NULL || pid < 0) return -EINVAL;
  int result = 0;
  guard_lock(guard);
  struct heartbeat_page *page = page_find(guard, id);
  struct countdown *countdown = countdown_find(guard, countdown_id);
  if (page == NULL || countdown == NULL) result = -ENOENT;
  else if (line >= page->lines) result = -EINVAL;
  else {
    page_unbind(guard, countdown);
    struct line_binding *binding = binding_of(guard, countdown);
    // What was written before is a beat as well: the service may have been faster than its owner.
    *binding = (struct line_binding){.page = id_place(id), .line = line, .pid = pid, .looked = INT64_MIN};
    countdown->paged = true;
    countdown->untold = false;
    page->bound++;
    countdown_poll(guard, countdown);
  }
  guard_unlock(guard);
  return result;
}

void page_unbind(struct guard *guard, struct countdown *countdown) {
  if (!countdown->paged) return;
  guard->pages[binding_of(guard, countdown)->page].bound--;
  countdown->paged = false;
  countdown->untold = false;
}

int guard_page_unbind(struct guard *guard, guard_id id) {
  if (guard == NULL) return -EINVAL;
  guard_lock(guard);
  struct countdown *countdown = countdown_find(guard, id);
  int result = countdown == NULL || !countdown->paged ? -ENOENT : 0;
  if (result == 0) page_unbind(guard, countdown);
  guard_unlock(guard);
  return result;
}

int32_t page_beater(struct guard *guard, struct countdown *countdown) {
  return beater_of(guard, binding_of(guard, countdown));
}

uint64_t page_beats(struct guard *guard, struct countdown *countdown) {
  const struct line_binding *binding = binding_of(guard, countdown);
  if (is_foreign(guard, binding)) return 0;
  uint64_t beats = __atomic_load_n(&line_of(guard, binding)->beats, __ATOMIC_RELAXED);
  return beats < BEATS_MAX ? beats : BEATS_MAX;
}

static bool judge(struct guard *guard, const struct line_binding *binding, uint64_t stamp, int64_t now, int64_t *at) {
  if (stamp == 0 || stamp == binding->seen || is_foreign(guard, binding)) return false;
  // The clock of the services moves once in a while only; so the beat may have been that much later than it says.
  uint64_t lag = (uint64_t)guard->stamp_lag;
  int64_t awake = stamp > (uint64_t)INT64_MAX - lag ? INT64_MAX : awake_clock_at(&guard->clock, (int64_t)(stamp + lag));
  /*
   * It was written after we last looked, and before now. A stamp that says otherwise is of another clock, or was held up on its way into the
   * page: it counts as of now, for no silence may look longer than it is.
   */
  *at = awake > now || awake < binding->looked ? now : awake;
  return true;
}

bool page_beaten(struct guard *guard, struct countdown *countdown, int64_t now, int64_t *at) {
  const struct line_binding *binding = binding_of(guard, countdown);
  return judge(guard, binding, stamp_of(line_of(guard, binding)), now, at);
}

bool page_take(struct guard *guard, struct countdown *countdown, int64_t now, int64_t *at) {
  struct line_binding *binding = binding_of(guard, countdown);
  uint64_t stamp = stamp_of(line_of(guard, binding));
  bool beaten = judge(guard, binding, stamp, now, at);
  binding->seen = stamp;
  binding->looked = now;
  return beaten;
}

int64_t page_pace(const struct countdown *countdown) {
  int64_t pace = countdown->limit / LOOKS_PER_LIMIT;
  if (pace < SHORTEST_PACE && countdown->limit > 0) return SHORTEST_PACE;
  return pace > 0 && pace < LONGEST_PACE ? pace : LONGEST_PACE;
}

int64_t page_stamp_lag(void) {
  struct timespec resolution = {0};
  return clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) == 0 ? resolution.tv_nsec : 10 * MILLISECOND;
}
