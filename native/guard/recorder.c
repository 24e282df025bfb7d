/* What the guard asks of a recorder. Nothing here waits for the disk. */
#include "recorder-state.h"

#include <errno.h>
#include <string.h>

int recorder_take(struct recorder *recorder, uint64_t owner) {
  int found = -ENOSPC;
  recorder_lock(recorder);
  for (uint32_t number = 0; found < 0 && number < GUARD_SLOTS; number++) {
    struct slot *slot = &recorder->slots[number];
    if (slot->use != SLOT_FREE) continue;
    slot->use = SLOT_HELD;
    slot->owner = owner;
    slot->length = 0;
    slot->news = false;
    found = (int)number;
  }
  recorder_unlock(recorder);
  return found;
}

void recorder_put(struct recorder *recorder, uint32_t number, const char *text, uint32_t length) {
  struct slot *slot = &recorder->slots[number];
  if (length > GUARD_RECORD_MAX) length = GUARD_RECORD_MAX;
  recorder_lock(recorder);
  memcpy(slot->text, text, length);
  slot->length = length;
  slot->wanted++;
  (void)pthread_cond_signal(&recorder->work);
  recorder_unlock(recorder);
}

void recorder_sync(struct recorder *recorder) {
  recorder_lock(recorder);
  recorder->sync_wanted++;
  (void)pthread_cond_signal(&recorder->work);
  recorder_unlock(recorder);
}

void recorder_let_go(struct recorder *recorder, uint32_t number) {
  recorder_lock(recorder);
  if (recorder->slots[number].use == SLOT_HELD) recorder->slots[number].use = SLOT_LEFT;
  recorder_unlock(recorder);
}

int recorder_result(struct recorder *recorder, uint32_t number) {
  struct slot *slot = &recorder->slots[number];
  recorder_lock(recorder);
  int result = slot->done == slot->wanted ? slot->error : -EAGAIN;
  recorder_unlock(recorder);
  return result;
}

bool recorder_synced(struct recorder *recorder) {
  recorder_lock(recorder);
  bool synced = recorder->sync_done == recorder->sync_wanted;
  recorder_unlock(recorder);
  return synced;
}

int recorder_text(struct recorder *recorder, uint32_t number, char *text) {
  struct slot *slot = &recorder->slots[number];
  recorder_lock(recorder);
  int length = slot->use == SLOT_HELD || slot->use == SLOT_LEFT ? (int)slot->length : -ENOENT;
  if (length >= 0) memcpy(text, slot->text, (size_t)length);
  recorder_unlock(recorder);
  if (length >= 0) text[length] = '\0';
  return length;
}

int recorder_free(struct recorder *recorder, uint32_t number) {
  struct slot *slot = &recorder->slots[number];
  recorder_lock(recorder);
  int result = slot->use == SLOT_LEFT ? 0 : slot->use == SLOT_HELD ? -EBUSY : -ENOENT;
  if (result == 0) {
    slot->use = SLOT_CLEARING;
    (void)pthread_cond_signal(&recorder->work);
  }
  recorder_unlock(recorder);
  return result;
}

uint64_t recorder_news(struct recorder *recorder, uint32_t *place) {
  uint64_t owner = 0;
  recorder_lock(recorder);
  for (; owner == 0 && *place < GUARD_SLOTS; (*place)++) {
    struct slot *slot = &recorder->slots[*place];
    if (!slot->news) continue;
    slot->news = false;
    if (slot->use == SLOT_HELD) owner = slot->owner;
  }
  recorder_unlock(recorder);
  return owner;
}
