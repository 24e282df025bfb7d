/*
 * hangdog.h: heartbeats through shared memory, for services in C, C++ and whatever can include this. A beat is a clock reading and two
 * stores in one cache line: no system call, no lock, no allocation. The one file is all there is; MIT.
 *
 *   static struct hangdog hangdog;
 *   hangdog_open(&hangdog);         does nothing but say so when the program is not run by hangdog
 *   hangdog_ready(&hangdog);        start-up is finished
 *   for (;;) { work(); hangdog_beat(&hangdog); }
 *
 * Run it as `hangdog run --heartbeat page -- ./service`. Functions that return int return 0 or more, or a negative errno value. None waits,
 * and all are harmless when nothing is open. Beats may come from any thread and from signal handlers; the rest from one thread at a time.
 * A child made by fork does not beat for the service: for it, nothing is open.
 *
 * Look at what hangdog_open returns. Who has not opened the page is not watched for its READY, but must beat within the start timeout.
 * The page is lost in an exec: a program that replaces itself opens it after the last one, or else is silent and is ended. Who must open it
 * before as well duplicates the file first, and sets HANGDOG_PAGE to the number of that copy for the program that follows.
 *
 * Linux only. Include it before the system's headers, or compile with -D_GNU_SOURCE.
 */
#ifndef HANGDOG_H
#define HANGDOG_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#if !defined(CLOCK_MONOTONIC_COARSE) || !defined(MAP_ANONYMOUS)
#error "include hangdog.h before the headers of the system, or compile with -D_GNU_SOURCE"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The page, as hangdog makes it. Another layout has another version, and is refused by clients that do not know it. ---- */

/* "hangdog" and a NUL, as a number of this machine. */
#define HANGDOG_PAGE_MAGIC UINT64_C(0x00676f64676e6168)
#define HANGDOG_PAGE_VERSION 1u
#define HANGDOG_LINE_BYTES 64

/* The first line of a page. */
struct hangdog_head {
  uint64_t magic;
  uint32_t version;
  /* Lines after this one. */
  uint32_t lines;
  unsigned char reserved[HANGDOG_LINE_BYTES - 16];
};

/* A line for each channel, alone in its cache line. */
struct hangdog_line {
  /* When the last beat was, in ns of CLOCK_MONOTONIC or of CLOCK_MONOTONIC_COARSE; 0 before the first. */
  uint64_t stamp;
  /* So many beats; for people. When threads beat on one line at once, some are not counted. */
  uint64_t beats;
  /* The process that beats here; set when a process opens the first line of its range. */
  int32_t beater;
  unsigned char reserved[HANGDOG_LINE_BYTES - 20];
};

/* ---- The client ---- */

/* Lives in a page of its own that the kernel empties in the child of a fork. */
struct hangdog_own {
  struct hangdog_line *lines;
  uint32_t count;
  /* The next line that is not in use. */
  uint32_t next;
  void *map;
  size_t map_bytes;
};

struct hangdog {
  struct hangdog_own *own;
};

#define HANGDOG_OWN_BYTES 4096
/* The kernel's own numbers; older C libraries lack them. */
#define HANGDOG_GET_SEALS 1034
#define HANGDOG_SEAL_SHRINK 2
#define HANGDOG_WIPE_ON_FORK 18

/*
 * Opens what the variable HANGDOG_PAGE names: the number of an inherited file, the first line and how many there are. Closes the file, so it
 * succeeds once. It is for the process that hangdog started: what another beats does not count, unless its notify access is `all`.
 */
static inline int hangdog_open(struct hangdog *hangdog);
static inline void hangdog_close(struct hangdog *hangdog);

/* A sign of life. Call it where the work is done, not from a timer or a thread of its own. */
static inline void hangdog_beat(const struct hangdog *hangdog);
/* The same for one channel; `line` is what hangdog_channel returned. */
static inline void hangdog_beat_line(const struct hangdog *hangdog, int line);

/*
 * Opens a channel: a part of the program with a heartbeat and a limit of its own. The program is alive only while all its channels are.
 * `name` has 1 to 64 letters, digits or ._:- ; `timeout_ms` 0 takes the limit of the service. Returns the line to beat on. It cannot be
 * used again after hangdog_channel_close; there are as many as hangdog gave (63 at present, with the one of hangdog_beat).
 * -ENOSPC when all are taken, -EINVAL for a name that cannot be used, else why hangdog could not be told.
 */
static inline int hangdog_channel(struct hangdog *hangdog, const char *name, unsigned timeout_ms);
static inline int hangdog_channel_close(struct hangdog *hangdog, const char *name);

/* Start-up is finished. */
static inline int hangdog_ready(struct hangdog *hangdog);
/* An orderly end has begun: silence is no hang from here on. */
static inline int hangdog_stopping(struct hangdog *hangdog);
/* One line for `hangdog status`. */
static inline int hangdog_status(struct hangdog *hangdog, const char *text);
/* Sends KEY=VALUE lines as sd_notify(3) does. -ENOENT when there is nobody to send to, -EAGAIN when hangdog does not read. */
static inline int hangdog_tell(struct hangdog *hangdog, const char *lines);

static inline void hangdog_beat_line(const struct hangdog *hangdog, int line) {
  const struct hangdog_own *own = hangdog->own;
  struct hangdog_line *at;
  struct timespec now;
  if (own == NULL || line < 0 || (uint32_t)line >= own->count) return;
  at = &own->lines[line];
  (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  __atomic_store_n(&at->beats, __atomic_load_n(&at->beats, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
  __atomic_store_n(&at->stamp, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec, __ATOMIC_RELEASE);
}

static inline void hangdog_beat(const struct hangdog *hangdog) {
  hangdog_beat_line(hangdog, 0);
}

/* A page cannot become smaller, so that nobody who looks at it is ended by SIGBUS. What lacks that seal is not from hangdog. */
static inline int hangdog_map(int fd, void **map, size_t *bytes) {
  struct stat status;
  int seals = fcntl(fd, HANGDOG_GET_SEALS);
  if (seals < 0 || (seals & HANGDOG_SEAL_SHRINK) == 0) return -EBADF;
  if (fstat(fd, &status) != 0) return -errno;
  if (status.st_size < 2 * HANGDOG_LINE_BYTES) return -EPROTO;
  *bytes = (size_t)status.st_size;
  *map = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (*map == MAP_FAILED) return -errno;
  // Neither what is started from here, nor a child, shall beat for this program.
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  (void)madvise(*map, *bytes, MADV_DONTFORK);
  return 0;
}

static inline int hangdog_check(const void *map, size_t bytes, uint32_t first, uint32_t count) {
  const struct hangdog_head *head = (const struct hangdog_head *)map;
  if (head->magic != HANGDOG_PAGE_MAGIC) return -EPROTO;
  if (head->version != HANGDOG_PAGE_VERSION) return -EPROTONOSUPPORT;
  if (count == 0 || first > head->lines || count > head->lines - first) return -EPROTO;
  return bytes / HANGDOG_LINE_BYTES < (size_t)head->lines + 1 ? -EPROTO : 0;
}

/* One process beats on a line: the first that opens it, until it ends. So a child that opens the page as well is told that it may not. */
static inline int hangdog_claim(struct hangdog_line *line) {
  int32_t self = (int32_t)getpid();
  int32_t before = __atomic_load_n(&line->beater, __ATOMIC_ACQUIRE);
  while (before != self) {
    if (before > 0 && (kill(before, 0) == 0 || errno != ESRCH)) return -EBUSY;
    if (__atomic_compare_exchange_n(&line->beater, &before, self, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) break;
  }
  return 0;
}

/* Its content is gone in a child, however that is made: so a child finds nothing to beat on. */
static inline int hangdog_own_page(struct hangdog_own **out) {
  void *own = mmap(NULL, HANGDOG_OWN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int error;
  if (own == MAP_FAILED) return -errno;
  if (madvise(own, HANGDOG_OWN_BYTES, HANGDOG_WIPE_ON_FORK) == 0) {
    *out = (struct hangdog_own *)own;
    return 0;
  }
  error = errno;
  (void)munmap(own, HANGDOG_OWN_BYTES);
  return -error;
}

static inline int hangdog_open_range(struct hangdog *hangdog, int fd, uint32_t first, uint32_t count) {
  struct hangdog_own *own = NULL;
  struct hangdog_line *lines;
  void *map = NULL;
  size_t bytes = 0;
  int result = hangdog_map(fd, &map, &bytes);
  if (result != 0) return result;
  lines = (struct hangdog_line *)map + 1 + first;
  result = hangdog_check(map, bytes, first, count);
  if (result == 0) result = hangdog_claim(lines);
  if (result == 0) result = hangdog_own_page(&own);
  if (result != 0) {
    (void)munmap(map, bytes);
    return result;
  }
  own->map = map;
  own->map_bytes = bytes;
  own->lines = lines;
  own->next = 1;
  own->count = count;
  hangdog->own = own;
  // The mapping is enough. Nobody else shall come to the page by a descriptor of this program.
  (void)close(fd);
  return 0;
}

/*
 * -ENOENT: the program is not run by hangdog, or not with --heartbeat page. -EPROTO: what the variable says makes no sense. -EBADF: the file
 * was closed before, also by an earlier call. -EPROTONOSUPPORT: hangdog has another version of this header. -EBUSY: another process beats here.
 */
static inline int hangdog_open(struct hangdog *hangdog) {
  const char *text = getenv("HANGDOG_PAGE");
  unsigned long numbers[3];
  int index;
  hangdog->own = NULL;
  if (text == NULL || *text == '\0') return -ENOENT;
  for (index = 0; index < 3; index++) {
    char *end = NULL;
    if (*text < '0' || *text > '9') return -EPROTO;
    numbers[index] = strtoul(text, &end, 10);
    if (numbers[index] > INT32_MAX || *end != (index < 2 ? ':' : '\0')) return -EPROTO;
    text = end + 1;
  }
  return hangdog_open_range(hangdog, (int)numbers[0], (uint32_t)numbers[1], (uint32_t)numbers[2]);
}

static inline void hangdog_close(struct hangdog *hangdog) {
  struct hangdog_own *own = hangdog->own;
  hangdog->own = NULL;
  if (own == NULL) return;
  if (own->map != NULL) (void)munmap(own->map, own->map_bytes);
  (void)munmap(own, HANGDOG_OWN_BYTES);
}

static inline int hangdog_tell(struct hangdog *hangdog, const char *lines) {
  const char *path = getenv("NOTIFY_SOCKET");
  struct sockaddr_un to;
  size_t length = path == NULL ? 0 : strlen(path);
  socklen_t size;
  int fd, result;
  (void)hangdog;
  if (length == 0) return -ENOENT;
  if ((path[0] != '/' && path[0] != '@') || length >= sizeof to.sun_path) return -EINVAL;
  memset(&to, 0, sizeof to);
  to.sun_family = AF_UNIX;
  memcpy(to.sun_path, path, length);
  // A name in the abstract namespace begins with a NUL and ends without one.
  if (path[0] == '@') to.sun_path[0] = '\0';
  size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] == '@' ? 0 : 1));
  fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  result = sendto(fd, lines, strlen(lines), MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&to, size) < 0 ? -errno : 0;
  (void)close(fd);
  return result;
}

static inline int hangdog_is_name(const char *name) {
  size_t length = strlen(name);
  return length >= 1 && length <= 64 &&
         strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-") == length;
}

static inline int hangdog_channel(struct hangdog *hangdog, const char *name, unsigned timeout_ms) {
  struct hangdog_own *own = hangdog->own;
  char limit[32] = "";
  char lines[256];
  int result, line;
  if (own == NULL || own->count == 0) return -ENOENT;
  if (name == NULL || !hangdog_is_name(name)) return -EINVAL;
  if (own->next >= own->count) return -ENOSPC;
  line = (int)own->next;
  if (timeout_ms > 0) (void)snprintf(limit, sizeof limit, ":%llu", timeout_ms * 1000ull);
  (void)snprintf(lines, sizeof lines, "CHANNEL=%s%s\nHANGDOG_LINE=%s:%d\n", name, limit, name, line);
  result = hangdog_tell(hangdog, lines);
  if (result != 0) return result;
  own->next++;
  return line;
}

static inline int hangdog_channel_close(struct hangdog *hangdog, const char *name) {
  char lines[128];
  if (name == NULL || !hangdog_is_name(name)) return -EINVAL;
  (void)snprintf(lines, sizeof lines, "CHANNEL_CLOSE=%s\n", name);
  return hangdog_tell(hangdog, lines);
}

static inline int hangdog_ready(struct hangdog *hangdog) {
  return hangdog_tell(hangdog, "READY=1\n");
}

static inline int hangdog_stopping(struct hangdog *hangdog) {
  return hangdog_tell(hangdog, "STOPPING=1\n");
}

static inline int hangdog_status(struct hangdog *hangdog, const char *text) {
  char lines[1024];
  char *at;
  (void)snprintf(lines, sizeof lines, "STATUS=%s", text == NULL ? "" : text);
  for (at = lines; *at != '\0'; at++) {
    if (*at == '\n') *at = ' ';
  }
  return hangdog_tell(hangdog, lines);
}

#ifdef __cplusplus
}
#endif

#endif
