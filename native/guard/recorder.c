#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES (128 * 1024)
/* For the thread to end at the close. */
#define FAREWELL_SECONDS 2

static const char magic[8] = {'h', 'a', 'n', 'g', 'd', 'o', 'g', '1'};

/* A half of a slot, as it is in the file; numbers are little-endian. */
struct half {
  char magic[8];
  /* Of all that follows, as far as it is used. */
  uint32_t checksum;
  uint32_t length;
  /* The half with the higher one is the newer. */
  uint64_t sequence;
  char text[GUARD_RECORD_MAX];
};

_Static_assert(sizeof(struct half) == RECORDER_HALF_BYTES, "a half of a slot has no gaps");

enum slot_use { SLOT_FREE, SLOT_HELD, SLOT_LEFT, SLOT_CLEARING };

struct slot {
  uint64_t owner;
  /* Counted up with each text; what is on the disk, or could not be put there, is `done`. */
  uint32_t wanted;
  uint32_t done;
  int32_t error;
  uint32_t use;
  uint32_t length;
  bool news;
  char text[GUARD_RECORD_MAX];
};

struct recorder {
  /* Inherits priority, and is never held while the disk is waited for. */
  pthread_mutex_t lock;
  pthread_cond_t work;
  pthread_t thread;
  int file;
  int wake;
  uint64_t sequence;
  uint32_t sync_wanted;
  uint32_t sync_done;
  bool stopping;
  /* Nobody waits for the thread any more: it frees everything. */
  bool orphaned;
  bool ended;
  struct slot slots[GUARD_SLOTS];
  /* What the thread writes from. */
  struct half half;
};

/* CRC-32 as of zlib. A table would only make the little there is to sum up faster. */
uint32_t recorder_checksum(const void *bytes, uint32_t length) {
  const unsigned char *at = bytes;
  uint32_t sum = 0xFFFFFFFFu;
  for (uint32_t index = 0; index < length; index++) {
    sum ^= at[index];
    for (int bit = 0; bit < 8; bit++) sum = (sum >> 1) ^ (0xEDB88320u & (0u - (sum & 1u)));
  }
  return ~sum;
}

static uint32_t little32(uint32_t value) {
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap32(value);
}

static uint64_t little64(uint64_t value) {
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap64(value);
}

static void lock(struct recorder *recorder) {
  (void)pthread_mutex_lock(&recorder->lock);
}

static void unlock(struct recorder *recorder) {
  (void)pthread_mutex_unlock(&recorder->lock);
}

/* ---- The thread ---- */

static int write_whole(int file, const void *bytes, size_t length, off_t at) {
  const char *from = bytes;
  while (length > 0) {
    ssize_t count = pwrite(file, from, length, at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -errno;
    if (count == 0) return -EIO;
    from += count;
    at += count;
    length -= (size_t)count;
  }
  return 0;
}

static off_t place_of(uint32_t slot, uint64_t half) {
  return RECORDER_HEAD_BYTES + ((off_t)slot * 2 + (off_t)(half & 1)) * RECORDER_HALF_BYTES;
}

/* Puts the present text where it does not harm the one before. The lock is held but while the disk is waited for. */
static void write_slot(struct recorder *recorder, uint32_t number) {
  struct slot *slot = &recorder->slots[number];
  struct half *half = &recorder->half;
  uint32_t wanted = slot->wanted;
  uint32_t length = slot->length;
  memset(half, 0, sizeof *half);
  memcpy(half->magic, magic, sizeof magic);
  half->length = little32(length);
  half->sequence = little64(++recorder->sequence);
  memcpy(half->text, slot->text, length);
  half->checksum = little32(recorder_checksum(&half->length, (uint32_t)(sizeof half->length + sizeof half->sequence) + length));
  unlock(recorder);
  int result = write_whole(recorder->file, half, sizeof *half, place_of(number, wanted));
  lock(recorder);
  slot->done = wanted;
  slot->error = result;
  slot->news = true;
}

static void clear_slot(struct recorder *recorder, uint32_t number) {
  struct slot *slot = &recorder->slots[number];
  memset(&recorder->half, 0, sizeof recorder->half);
  unlock(recorder);
  (void)write_whole(recorder->file, &recorder->half, sizeof recorder->half, place_of(number, 0));
  (void)write_whole(recorder->file, &recorder->half, sizeof recorder->half, place_of(number, 1));
  lock(recorder);
  slot->use = SLOT_FREE;
  slot->done = slot->wanted;
}

static void wake(struct recorder *recorder) {
  uint64_t one = 1;
  (void)!write(recorder->wake, &one, sizeof one);
}

/* Does one thing that there is to do. Says whether there was any. */
static bool do_one(struct recorder *recorder) {
  for (uint32_t number = 0; number < GUARD_SLOTS; number++) {
    struct slot *slot = &recorder->slots[number];
    if (slot->use == SLOT_FREE) continue;
    if (slot->use == SLOT_CLEARING) clear_slot(recorder, number);
    else if (slot->done != slot->wanted) write_slot(recorder, number);
    else continue;
    wake(recorder);
    return true;
  }
  if (recorder->sync_done == recorder->sync_wanted) return false;
  uint32_t wanted = recorder->sync_wanted;
  unlock(recorder);
  sync();
  lock(recorder);
  recorder->sync_done = wanted;
  wake(recorder);
  return true;
}

static void release(struct recorder *recorder) {
  (void)close(recorder->file);
  (void)close(recorder->wake);
  (void)pthread_cond_destroy(&recorder->work);
  (void)pthread_mutex_destroy(&recorder->lock);
  (void)munmap(recorder, sizeof *recorder);
}

static void *run(void *argument) {
  struct recorder *recorder = argument;
  lock(recorder);
  while (!recorder->orphaned) {
    if (do_one(recorder)) continue;
    if (recorder->stopping) break;
    (void)pthread_cond_wait(&recorder->work, &recorder->lock);
  }
  bool orphaned = recorder->orphaned;
  recorder->ended = true;
  unlock(recorder);
  if (orphaned) release(recorder);
  return NULL;
}

/* ---- Opening and closing ---- */

static int open_file(const char *path, const char *head) {
  char start[RECORDER_HEAD_BYTES] = {0};
  size_t length = strlen(head);
  if (length > GUARD_HEAD_MAX) return -EINVAL;
  memcpy(start, head, length);
  int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_DSYNC, 0600);
  if (file < 0) return -errno;
  // The room is taken now: a full disk must not be found out when a record is due.
  int result = -posix_fallocate(file, 0, RECORDER_HEAD_BYTES + (off_t)GUARD_SLOTS * 2 * RECORDER_HALF_BYTES);
  if (result == 0) result = write_whole(file, start, sizeof start, 0);
  if (result == 0 && fsync(file) != 0) result = -errno;
  if (result == 0) return file;
  (void)unlink(path);
  (void)close(file);
  return result;
}

static int start_thread(struct recorder *recorder) {
  pthread_attr_t attributes;
  sigset_t all;
  sigset_t before;
  (void)pthread_attr_init(&attributes);
  (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&recorder->thread, &attributes, run, recorder);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  (void)pthread_attr_destroy(&attributes);
  if (error == 0) (void)pthread_setname_np(recorder->thread, "hangdog-record");
  return -error;
}

static void open_lock(struct recorder *recorder) {
  pthread_mutexattr_t attributes;
  (void)pthread_mutexattr_init(&attributes);
  (void)pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  (void)pthread_mutex_init(&recorder->lock, &attributes);
  (void)pthread_mutexattr_destroy(&attributes);
  (void)pthread_cond_init(&recorder->work, NULL);
}

int recorder_open(const char *path, const char *head, int wake_fd, struct recorder **out) {
  int file = open_file(path, head);
  if (file < 0) return file;
  int own_wake = fcntl(wake_fd, F_DUPFD_CLOEXEC, 0);
  int result = own_wake < 0 ? -errno : 0;
  struct recorder *recorder = mmap(NULL, sizeof *recorder, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (result == 0 && recorder == MAP_FAILED) result = -ENOMEM;
  if (result == 0) {
    // Where that is not permitted, guard_strength has said so already.
    (void)mlock(recorder, sizeof *recorder);
    recorder->file = file;
    recorder->wake = own_wake;
    open_lock(recorder);
    result = start_thread(recorder);
  }
  if (result == 0) {
    *out = recorder;
    return 0;
  }
  if (recorder != MAP_FAILED) (void)munmap(recorder, sizeof *recorder);
  if (own_wake >= 0) (void)close(own_wake);
  (void)close(file);
  (void)unlink(path);
  return result;
}

void recorder_become_realtime(struct recorder *recorder, int priority) {
  struct sched_param param = {.sched_priority = priority};
  (void)pthread_setschedparam(recorder->thread, SCHED_FIFO, &param);
}

void recorder_close(struct recorder *recorder) {
  struct timespec until;
  (void)clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += FAREWELL_SECONDS;
  lock(recorder);
  recorder->stopping = true;
  (void)pthread_cond_signal(&recorder->work);
  pthread_t thread = recorder->thread;
  unlock(recorder);
  if (pthread_timedjoin_np(thread, NULL, &until) == 0) {
    release(recorder);
    return;
  }
  lock(recorder);
  // It may have come to its end in between; then it is joined at once.
  bool ended = recorder->ended;
  recorder->orphaned = !ended;
  if (!ended) (void)pthread_detach(thread);
  unlock(recorder);
  if (!ended) return;
  (void)pthread_join(thread, NULL);
  release(recorder);
}

/* ---- What the guard asks for ---- */

int recorder_take(struct recorder *recorder, uint64_t owner) {
  int found = -ENOSPC;
  lock(recorder);
  for (uint32_t number = 0; found < 0 && number < GUARD_SLOTS; number++) {
    struct slot *slot = &recorder->slots[number];
    if (slot->use != SLOT_FREE) continue;
    slot->use = SLOT_HELD;
    slot->owner = owner;
    slot->length = 0;
    slot->news = false;
    found = (int)number;
  }
  unlock(recorder);
  return found;
}

void recorder_put(struct recorder *recorder, uint32_t number, const char *text, uint32_t length) {
  struct slot *slot = &recorder->slots[number];
  if (length > GUARD_RECORD_MAX) length = GUARD_RECORD_MAX;
  lock(recorder);
  memcpy(slot->text, text, length);
  slot->length = length;
  slot->wanted++;
  (void)pthread_cond_signal(&recorder->work);
  unlock(recorder);
}

void recorder_sync(struct recorder *recorder) {
  lock(recorder);
  recorder->sync_wanted++;
  (void)pthread_cond_signal(&recorder->work);
  unlock(recorder);
}

void recorder_let_go(struct recorder *recorder, uint32_t number) {
  lock(recorder);
  if (recorder->slots[number].use == SLOT_HELD) recorder->slots[number].use = SLOT_LEFT;
  unlock(recorder);
}

int recorder_result(struct recorder *recorder, uint32_t number) {
  struct slot *slot = &recorder->slots[number];
  lock(recorder);
  int result = slot->done == slot->wanted ? slot->error : -EAGAIN;
  unlock(recorder);
  return result;
}

bool recorder_synced(struct recorder *recorder) {
  lock(recorder);
  bool synced = recorder->sync_done == recorder->sync_wanted;
  unlock(recorder);
  return synced;
}

int recorder_text(struct recorder *recorder, uint32_t number, char *text) {
  struct slot *slot = &recorder->slots[number];
  lock(recorder);
  int length = slot->use == SLOT_HELD || slot->use == SLOT_LEFT ? (int)slot->length : -ENOENT;
  if (length >= 0) memcpy(text, slot->text, (size_t)length);
  unlock(recorder);
  if (length >= 0) text[length] = '\0';
  return length;
}

int recorder_free(struct recorder *recorder, uint32_t number) {
  struct slot *slot = &recorder->slots[number];
  lock(recorder);
  int result = slot->use == SLOT_LEFT ? 0 : slot->use == SLOT_HELD ? -EBUSY : -ENOENT;
  if (result == 0) {
    slot->use = SLOT_CLEARING;
    (void)pthread_cond_signal(&recorder->work);
  }
  unlock(recorder);
  return result;
}

uint64_t recorder_news(struct recorder *recorder, uint32_t *place) {
  uint64_t owner = 0;
  lock(recorder);
  for (; owner == 0 && *place < GUARD_SLOTS; (*place)++) {
    struct slot *slot = &recorder->slots[*place];
    if (!slot->news) continue;
    slot->news = false;
    if (slot->use == SLOT_HELD) owner = slot->owner;
  }
  unlock(recorder);
  return owner;
}
