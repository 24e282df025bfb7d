/* What a recorder consists of. Only its own files include it. */
#ifndef HANGDOG_RECORDER_STATE_H
#define HANGDOG_RECORDER_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "record-file.h"
#include "recorder.h"

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
  struct record_half half;
};

static inline void recorder_lock(struct recorder *recorder) {
  (void)pthread_mutex_lock(&recorder->lock);
}

static inline void recorder_unlock(struct recorder *recorder) {
  (void)pthread_mutex_unlock(&recorder->lock);
}

#endif
