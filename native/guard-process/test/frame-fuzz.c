/* Sends frames that are almost right to a server for some seconds. It must outlive them all, and serve an honest owner after each lot. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../wire-plan.h"
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

/* Paths at which nothing is and nothing can be made, or bytes. */
static void any_path(char *room) {
  (void)snprintf(room, WIRE_PATH_ROOM, any() % 4 == 0 ? "nowhere/%x" : "/nowhere/%x", (unsigned)any());
  if (any() % 8 == 0) memset(room + 9, 'x', WIRE_PATH_ROOM - 9);
}

/* A plan that is almost right. It never ends anything: the pids of this machine are guessed by other frames. */
static size_t make_plan(char *text) {
  struct wire_plan plan;
  memset(&plan, 0, sizeof plan);
  plan.action = any() % 8 == 0 ? (uint32_t)(GUARD_BUGCHECK + 1 + any() % 9) : (uint32_t)(any() % 2);
  plan.flags = any() % 4 == 0 ? (uint32_t)any() : 0;
  plan.process = (guard_id)((any() % 3) << 20 | any() % 70);
  plan.signal = odd_number();
  plan.kill_limit = any() % 4 == 0 ? odd_number() : 1;
  for (int hold = 0; hold < GUARD_HOLDS; hold++) plan.holds[hold] = any() % 4 == 0 ? odd_number() : 0;
  any_path(plan.group);
  any_path(plan.freezer);
  memset(plan.name, 'n', any() % (sizeof plan.name + 1));
  memset(plan.about, any() % 2 == 0 ? '\n' : 'a', any() % (sizeof plan.about + 1));
  memcpy(text, &plan, sizeof plan);
  return sizeof plan;
}

static size_t make_machine(char *text) {
  struct wire_machine machine;
  memset(&machine, 0, sizeof machine);
  any_path(machine.sysrq);
  any_path(machine.crash_loaded);
  any_path(machine.kernel_log);
  any_path(machine.pressure);
  memcpy(text, &machine, sizeof machine);
  return sizeof machine;
}

static size_t make_text(uint16_t call, char *text) {
  if (call == WIRE_COUNTDOWN_PLAN) return make_plan(text);
  if (call == WIRE_MACHINE_OPEN) return make_machine(text);
  size_t length = call == WIRE_RECORD_OPEN || any() % 4 == 0 ? (size_t)(any() % (WIRE_TEXT_MAX + 1)) : 0;
  for (size_t index = 0; index < length; index++) text[index] = (char)any();
  if (call == WIRE_RECORD_OPEN && length > WIRE_PATH_ROOM) any_path(text);
  else if (call == WIRE_RECORD_OPEN && length > 0) text[0] = 'r';
  return length;
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
  frame->head.length = (uint32_t)make_text(frame->head.call, frame->text);
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
