/* The thread of a recorder, from its opening to its close; it is the only one that waits for the disk. */
#include "recorder-state.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES (128 * 1024)
/* For the thread to end at the close. */
#define FAREWELL_SECONDS 2

/* Puts the present text where it does not harm the one before. The lock is held but while the disk is waited for. */
static void write_slot(struct recorder *recorder, uint32_t number) {
  struct slot *slot = &recorder->slots[number];
  struct record_half *half = &recorder->half;
  uint32_t wanted = slot->wanted;
  record_half_fill(half, ++recorder->sequence, slot->text, slot->length);
  recorder_unlock(recorder);
  int result = record_half_write(recorder->file, half, number, wanted);
  recorder_lock(recorder);
  slot->done = wanted;
  slot->error = result;
  slot->news = true;
}

static void clear_slot(struct recorder *recorder, uint32_t number) {
  struct slot *slot = &recorder->slots[number];
  memset(&recorder->half, 0, sizeof recorder->half);
  recorder_unlock(recorder);
  (void)record_half_write(recorder->file, &recorder->half, number, 0);
  (void)record_half_write(recorder->file, &recorder->half, number, 1);
  recorder_lock(recorder);
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
  recorder_unlock(recorder);
  sync();
  recorder_lock(recorder);
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
  recorder_lock(recorder);
  while (!recorder->orphaned) {
    if (do_one(recorder)) continue;
    if (recorder->stopping) break;
    (void)pthread_cond_wait(&recorder->work, &recorder->lock);
  }
  bool orphaned = recorder->orphaned;
  recorder->ended = true;
  recorder_unlock(recorder);
  if (orphaned) release(recorder);
  return NULL;
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
  int file = record_file_open(path, head);
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
  recorder_lock(recorder);
  recorder->stopping = true;
  (void)pthread_cond_signal(&recorder->work);
  pthread_t thread = recorder->thread;
  recorder_unlock(recorder);
  if (pthread_timedjoin_np(thread, NULL, &until) == 0) {
    release(recorder);
    return;
  }
  recorder_lock(recorder);
  // It may have come to its end in between; then it is joined at once.
  bool ended = recorder->ended;
  recorder->orphaned = !ended;
  if (!ended) (void)pthread_detach(thread);
  recorder_unlock(recorder);
  if (!ended) return;
  (void)pthread_join(thread, NULL);
  release(recorder);
}
