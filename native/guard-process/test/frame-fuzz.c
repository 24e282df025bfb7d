/* Sends frames that are almost right to a server for some seconds. It must outlive them all, and serve an honest owner after each lot. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "owner.h"

static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t any(void) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

/* Numbers on which code likes to break. */
static int64_t odd_number(void) {
  static const int64_t odd[] = {0, 1, 2, -1, -2, INT32_MAX, INT32_MIN, UINT32_MAX, INT64_MAX, INT64_MIN, 1 << 20, (1 << 20) + 1};
  if (any() % 2 == 0) return odd[any() % (sizeof odd / sizeof *odd)];
  return any() % 3 == 0 ? (int64_t)any() : (int64_t)((any() % 3) << 20 | any() % 70);
}

static size_t make_frame(struct wire_request_frame *frame) {
  memset(frame, 0, sizeof *frame);
  frame->head = (struct wire_request){.magic = WIRE_MAGIC, .version = WIRE_VERSION};
  frame->head.call = (uint16_t)(any() % (WIRE_CALL_COUNT + 2));
  // The guard ends at once by this one, and a signal to whatever pid was guessed would hit this machine.
  if (frame->head.call == WIRE_END || frame->head.call == WIRE_PROCESS_SIGNAL || frame->head.call == WIRE_COUNTDOWN_FALLBACK)
    frame->head.call = WIRE_INVENTORY;
  for (int index = 0; index < WIRE_NUMBERS; index++) frame->head.numbers[index] = odd_number();
  if (frame->head.call == WIRE_NOTIFY_OPEN) frame->head.call = WIRE_NOTIFY_CLOSE;
  frame->head.length = any() % 4 == 0 ? (uint32_t)(any() % (WIRE_TEXT_MAX + 1)) : 0;
  for (uint32_t index = 0; index < frame->head.length; index++) frame->text[index] = (char)any();
  size_t bytes = sizeof frame->head + frame->head.length;
  if (any() % 8 == 0) bytes = any() % sizeof *frame;
  if (any() % 8 == 0) ((unsigned char *)frame)[any() % sizeof frame->head] ^= (unsigned char)(1u << any() % 8);
  return bytes == 0 ? 1 : bytes;
}

/* Somebody who greets properly, or not at all, and then says what comes to mind. */
static void one_lot(struct fixture *fixture) {
  struct owner owner = {-1, -1, 0};
  struct wire_request_frame frame;
  char heard[sizeof(struct wire_reply_frame)];
  if (any() % 8 != 0) (void)own(fixture, &owner);
  else owner.calls = stranger(fixture);
  for (int index = 0; index < 200; index++) {
    int fd = owner.notices >= 0 && any() % 64 == 0 ? owner.notices : owner.calls;
    size_t bytes = make_frame(&frame);
    say(fixture, fd, &frame, bytes);
    while (recv(owner.calls, heard, sizeof heard, MSG_DONTWAIT) > 0) continue;
    if (owner.notices >= 0)
      while (recv(owner.notices, heard, sizeof heard, MSG_DONTWAIT) > 0) continue;
  }
  disown(fixture, &owner);
}

static void honest_owner_is_served(struct fixture *fixture) {
  struct owner owner;
  SAME(own(fixture, &owner), 0);
  int64_t countdown = ask(fixture, owner.calls, WIRE_COUNTDOWN_CREATE, N(0), NULL);
  OK(countdown > 0);
  OK(ask(fixture, owner.calls, WIRE_COUNTDOWN_ARM, N(countdown, 60000 * MS, 60000 * MS), NULL) > 0);
  SAME(ask(fixture, owner.calls, WIRE_COUNTDOWN_DISPOSE, N(countdown), NULL), 0);
  for (int64_t from = 0; ask(fixture, owner.calls, WIRE_INVENTORY, N(from), NULL) == 1;) {
    from = reply.head.numbers[4];
    SAME(ask(fixture, owner.calls, WIRE_PROCESS_REMOVE, N(reply.head.numbers[0]), NULL), 0);
  }
  disown(fixture, &owner);
}

static struct fixture fixture;

int main(int count, char **arguments) {
  int seconds = count > 1 ? atoi(arguments[1]) : 5;
  if (count > 2) state = strtoull(arguments[2], NULL, 16);
  (void)signal(SIGPIPE, SIG_IGN);
  uint64_t lots = 0;
  fixture_open(&fixture, true);
  for (time_t end = time(NULL) + seconds; time(NULL) < end && checks_failed == 0; lots++) {
    one_lot(&fixture);
    honest_owner_is_served(&fixture);
  }
  fixture_close(&fixture);
  (void)printf("frame-fuzz: %" PRIu64 " lots of 200 frames, %d failures\n", lots, checks_failed);
  return checks_failed == 0 ? 0 : 1;
}
