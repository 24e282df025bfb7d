/* Who owns a guard process, what it answers, and what becomes of things when the owner is lost. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "owner.h"

static struct fixture fixture;
static struct owner first;
static struct owner second;

static int64_t call(uint16_t which, const int64_t numbers[4]) {
  return ask(&fixture, first.calls, which, numbers, NULL);
}

static struct wire_record_frame next_record(struct owner *owner) {
  struct wire_record_frame frame;
  memset(&frame, 0, sizeof frame);
  SAME(hear(&fixture, owner->notices, &frame, sizeof frame), 1);
  return frame;
}

static void an_expiry_is_told_before_the_reply_to_the_turn_that_found_it(void) {
  fixture_open(&fixture, true);
  SAME(own(&fixture, &first), 0);
  int64_t countdown = call(WIRE_COUNTDOWN_CREATE, N(0));
  OK(countdown > 0);
  int64_t arming = call(WIRE_COUNTDOWN_ARM, N(countdown, 100 * MS, 50 * MS));
  SAME(arming, 1);
  // In steps that the guard counts in full.
  for (int64_t at = 10; at <= 110; at += 10) {
    SAME(call(WIRE_HAND_SET, N(at * MS)), 0);
    SAME(call(WIRE_HAND_TURN, N(0)), 0);
  }
  SAME(next_record(&first).head.kind, GUARD_WARNING);
  struct wire_record_frame expired = next_record(&first);
  SAME(expired.head.kind, GUARD_EXPIRED);
  SAME(expired.head.countdown, countdown);
  SAME(call(WIRE_COUNTDOWN_CLAIM, N(countdown, arming)), 0);
  SAME(call(WIRE_COUNTDOWN_READING, N(countdown)), 0);
  SAME(reply.head.numbers[0], GUARD_DISARMED);
  disown(&fixture, &first);
  fixture_close(&fixture);
}

static void a_second_owner_is_refused_while_the_first_lives(void) {
  fixture_open(&fixture, true);
  SAME(own(&fixture, &first), 0);
  SAME(own(&fixture, &second), -EBUSY);
  SAME(reply.head.numbers[2], getpid());
  disown(&fixture, &second);
  OK(call(WIRE_COUNTDOWN_CREATE, N(0)) > 0);
  disown(&fixture, &first);
  SAME(own(&fixture, &second), 0);
  disown(&fixture, &second);
  fixture_close(&fixture);
}

static void notices_go_only_to_whoever_knows_the_session(void) {
  fixture_open(&fixture, true);
  first.calls = stranger(&fixture);
  first.notices = -1;
  SAME(ask(&fixture, first.calls, WIRE_HELLO, N(WIRE_CALLS), NULL), 0);
  int64_t session = reply.head.numbers[0];
  int guessing = stranger(&fixture);
  SAME(ask(&fixture, guessing, WIRE_HELLO, N(WIRE_NOTICES, session ^ 1), NULL), -EPERM);
  char byte;
  SAME(hear(&fixture, guessing, &byte, 1), 0);
  first.notices = stranger(&fixture);
  SAME(ask(&fixture, first.notices, WIRE_HELLO, N(WIRE_NOTICES, session), NULL), 0);
  (void)close(guessing);
  disown(&fixture, &first);
  fixture_close(&fixture);
}

static void an_owner_that_closes_one_of_its_connections_is_lost(void) {
  fixture_open(&fixture, true);
  SAME(own(&fixture, &first), 0);
  (void)close(first.notices);
  first.notices = -1;
  server_turn(&fixture.server);
  char byte;
  SAME(hear(&fixture, first.calls, &byte, 1), 0);
  SAME(own(&fixture, &second), 0);
  disown(&fixture, &first);
  disown(&fixture, &second);
  fixture_close(&fixture);
}

/* Sends a frame that is wrong in one way, and expects to be hung up on. */
static void expect_refusal(struct wire_request head, size_t bytes) {
  struct wire_request_frame frame;
  memset(&frame, 0, sizeof frame);
  frame.head = head;
  char answered[sizeof(struct wire_reply_frame)];
  int fd = stranger(&fixture);
  say(&fixture, fd, &frame, bytes);
  int heard = hear(&fixture, fd, answered, sizeof answered);
  // A whole frame of another version is told so before.
  if (heard == 1) heard = hear(&fixture, fd, answered, sizeof answered);
  SAME(heard, 0);
  (void)close(fd);
}

static void a_frame_that_is_wrong_ends_its_connection_and_nothing_else(void) {
  fixture_open(&fixture, true);
  SAME(own(&fixture, &first), 0);
  int64_t countdown = call(WIRE_COUNTDOWN_CREATE, N(0));
  const struct wire_request good = {.magic = WIRE_MAGIC, .version = WIRE_VERSION, .call = WIRE_HELLO, .numbers = {WIRE_NOTICES}};
  struct wire_request bad = good;
  expect_refusal(good, 1);
  expect_refusal(good, sizeof good - 1);
  expect_refusal(good, sizeof good + 1);
  expect_refusal(good, sizeof(struct wire_request_frame));
  bad.length = 1;
  expect_refusal(bad, sizeof bad);
  bad.length = UINT32_MAX;
  expect_refusal(bad, sizeof(struct wire_request_frame));
  bad = good;
  bad.magic = 0;
  expect_refusal(bad, sizeof bad);
  bad = good;
  bad.version++;
  expect_refusal(bad, sizeof bad);
  bad = good;
  bad.call = WIRE_COUNTDOWN_DISPOSE;
  bad.numbers[0] = countdown;
  expect_refusal(bad, sizeof bad);
  bad = good;
  bad.numbers[0] = 3;
  expect_refusal(bad, sizeof bad);
  SAME(call(WIRE_COUNTDOWN_READING, N(countdown)), 0);
  disown(&fixture, &first);
  fixture_close(&fixture);
}

static void a_frame_longer_than_any_ends_its_connection(void) {
  static char text[3 * sizeof(struct wire_request_frame)];
  fixture_open(&fixture, true);
  int fd = stranger(&fixture);
  say(&fixture, fd, text, sizeof text);
  char byte;
  SAME(hear(&fixture, fd, &byte, 1), 0);
  (void)close(fd);
  fixture_close(&fixture);
}

static void numbers_out_of_range_are_refused_one_by_one(void) {
  fixture_open(&fixture, true);
  SAME(own(&fixture, &first), 0);
  int64_t countdown = call(WIRE_COUNTDOWN_CREATE, N(0));
  SAME(call(WIRE_COUNTDOWN_ARM, N(countdown, -1, 0)), -EINVAL);
  SAME(call(WIRE_COUNTDOWN_ARM, N(countdown, INT64_MAX, 0)), -EINVAL);
  SAME(call(WIRE_COUNTDOWN_ARM, N(-1, 1, 0)), -ENOENT);
  SAME(call(WIRE_COUNTDOWN_CLAIM, N(countdown, INT64_C(1) << 32)), -EINVAL);
  SAME(call(WIRE_COUNTDOWN_FALLBACK, N(countdown, 1, INT64_C(1) << 32, 0)), -EINVAL);
  SAME(call(WIRE_PROCESS_ADD, N(INT64_C(1) << 32, 0)), -EINVAL);
  SAME(call(WIRE_PROCESS_ADD, N(-1, 0)), -EINVAL);
  SAME(call(WIRE_PROCESS_SIGNAL, N(1, -9)), -EINVAL);
  SAME(call(WIRE_INVENTORY, N(-1)), -EINVAL);
  SAME(call(WIRE_INVENTORY, N(UINT32_MAX)), 0);
  SAME(call(WIRE_CALL_COUNT, N(0)), -ENOSYS);
  SAME(call(UINT16_MAX, N(0)), -ENOSYS);
  SAME(ask(&fixture, first.calls, WIRE_COUNTDOWN_CREATE, N(0), "text"), -EINVAL);
  SAME(ask(&fixture, first.calls, WIRE_PROCESS_LABEL, N(1, 2), "text"), -EINVAL);
  disown(&fixture, &first);
  fixture_close(&fixture);
}

static void strangers_that_say_nothing_cannot_keep_an_owner_out(void) {
  int fds[3 * SERVER_CONNECTIONS];
  fixture_open(&fixture, true);
  for (int index = 0; index < 3 * SERVER_CONNECTIONS; index++) fds[index] = stranger(&fixture);
  SAME(own(&fixture, &first), 0);
  for (int index = 0; index < 3 * SERVER_CONNECTIONS; index++) (void)close(fds[index]);
  OK(call(WIRE_COUNTDOWN_CREATE, N(0)) > 0);
  disown(&fixture, &first);
  fixture_close(&fixture);
}

static void an_owner_that_reads_no_notices_holds_up_neither_calls_nor_the_guard(void) {
  fixture_open(&fixture, true);
  SAME(own(&fixture, &first), 0);
  int64_t countdown = call(WIRE_COUNTDOWN_CREATE, N(0));
  // More warnings than the socket and the guard's ring hold together.
  int64_t at = 0;
  for (int round = 0; round < 4000; round++) {
    SAME(call(WIRE_COUNTDOWN_ARM, N(countdown, 100 * MS, 5 * MS)) > 0, 1);
    SAME(call(WIRE_HAND_SET, N(at += 10 * MS)), 0);
    SAME(call(WIRE_HAND_TURN, N(0)), 0);
  }
  for (int step = 0; step < 12; step++) {
    SAME(call(WIRE_HAND_SET, N(at += 10 * MS)), 0);
    SAME(call(WIRE_HAND_TURN, N(0)), 0);
  }
  SAME(call(WIRE_COUNTDOWN_READING, N(countdown)), 0);
  SAME(reply.head.numbers[0], GUARD_OVERDUE);
  struct wire_record_frame frame = next_record(&first);
  while (frame.head.kind == GUARD_WARNING) frame = next_record(&first);
  SAME(frame.head.kind, GUARD_EXPIRED);
  disown(&fixture, &first);
  fixture_close(&fixture);
}

/* Two services: one whose beats reach the guard, and one whose beats its owner passed on. */
static void only_what_can_still_beat_stays_watched_when_the_owner_is_lost(void) {
  fixture_open(&fixture, false);
  pid_t heard = start_child();
  pid_t unheard = start_child();
  pid_t unlabelled = start_child();
  SAME(own(&fixture, &first), 0);
  int64_t countdowns[2];
  int64_t processes[2];
  const pid_t children[2] = {heard, unheard};
  for (int index = 0; index < 2; index++) {
    countdowns[index] = call(WIRE_COUNTDOWN_CREATE, N(0));
    processes[index] = call(WIRE_PROCESS_ADD, N(children[index], (int64_t)start_time(children[index])));
    OK(processes[index] > 0);
    SAME(call(WIRE_PROCESS_BIND, N(processes[index], countdowns[index])), 0);
    SAME(ask(&fixture, first.calls, WIRE_PROCESS_LABEL, N(processes[index], index == 0), index == 0 ? "heard" : "unheard"), 0);
    OK(call(WIRE_COUNTDOWN_ARM, N(countdowns[index], 3600000 * MS, 3600000 * MS)) > 0);
  }
  OK(call(WIRE_PROCESS_ADD, N(unlabelled, 0)) > 0);
  disown(&fixture, &first);
  SAME(own(&fixture, &first), 0);
  SAME(call(WIRE_COUNTDOWN_READING, N(countdowns[0])), 0);
  SAME(reply.head.numbers[0], GUARD_ARMED);
  SAME(call(WIRE_COUNTDOWN_READING, N(countdowns[1])), -ENOENT);
  SAME(call(WIRE_INVENTORY, N(0)), 1);
  SAME(reply.head.numbers[0], processes[0]);
  SAME(reply.head.numbers[1], heard);
  SAME(reply.head.numbers[2], countdowns[0]);
  SAME(reply.head.length, 5);
  OK(memcmp(reply.text, "heard", 5) == 0);
  SAME(call(WIRE_INVENTORY, N(reply.head.numbers[4])), 1);
  SAME(reply.head.numbers[0], processes[1]);
  SAME(reply.head.numbers[2], 0);
  SAME(call(WIRE_INVENTORY, N(reply.head.numbers[4])), 0);
  // Whoever was not labelled can be watched anew.
  OK(call(WIRE_PROCESS_ADD, N(unlabelled, 0)) > 0);
  disown(&fixture, &first);
  reap(heard);
  reap(unheard);
  reap(unlabelled);
  fixture_close(&fixture);
}

static void without_an_owner_the_guard_acts_after_its_budget_and_the_next_owner_is_told(void) {
  fixture_open(&fixture, false);
  pid_t child = start_child();
  SAME(own(&fixture, &first), 0);
  int64_t countdown = call(WIRE_COUNTDOWN_CREATE, N(0));
  int64_t process = call(WIRE_PROCESS_ADD, N(child, (int64_t)start_time(child)));
  SAME(call(WIRE_PROCESS_BIND, N(process, countdown)), 0);
  SAME(call(WIRE_COUNTDOWN_FALLBACK, N(countdown, process, SIGKILL, 20 * MS)), 0);
  SAME(ask(&fixture, first.calls, WIRE_PROCESS_LABEL, N(process, 1), "hung"), 0);
  OK(call(WIRE_COUNTDOWN_ARM, N(countdown, 300 * MS, 200 * MS)) > 0);
  disown(&fixture, &first);
  for (int tries = 0; tries < 2000 && fixture.server.place.holdings.residents > 0; tries++) {
    (void)usleep(10000);
    server_turn(&fixture.server);
  }
  SAME(own(&fixture, &first), 0);
  SAME(call(WIRE_INVENTORY, N(0)), 1);
  SAME(reply.head.numbers[3], WIRE_ENDED | WIRE_ACTED);
  SAME(call(WIRE_PROCESS_REMOVE, N(process)), 0);
  SAME(call(WIRE_INVENTORY, N(0)), 0);
  disown(&fixture, &first);
  reap(child);
  fixture_close(&fixture);
}

/* Sends a datagram to the notify socket as this process, and lets the guard and the server have their turns. */
static void notify(const char *path, const char *text) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  SAME(sendto(fd, text, strlen(text), 0, (const struct sockaddr *)&address, sizeof address), (int64_t)strlen(text));
  (void)close(fd);
  SAME(guard_hand_turn(fixture.guard), 0);
  server_turn(&fixture.server);
}

static int64_t remaining(guard_id countdown, uint32_t state) {
  struct guard_countdown_reading reading;
  SAME(guard_countdown_reading(fixture.guard, countdown, &reading), 0);
  SAME(reading.state, state);
  return reading.remaining;
}

static void what_a_service_asks_for_without_an_owner_is_done_by_the_guard(void) {
  char path[128];
  fixture_open(&fixture, true);
  (void)snprintf(path, sizeof path, "%s/n", fixture.folder);
  SAME(own(&fixture, &first), 0);
  int64_t countdown = call(WIRE_COUNTDOWN_CREATE, N(0));
  int64_t process = call(WIRE_PROCESS_ADD, N(getpid(), 0));
  SAME(call(WIRE_PROCESS_BIND, N(process, countdown)), 0);
  SAME(ask(&fixture, first.calls, WIRE_NOTIFY_OPEN, N(0600), path), 0);
  SAME(ask(&fixture, first.calls, WIRE_PROCESS_LABEL, N(process, 1), "self"), 0);
  OK(call(WIRE_COUNTDOWN_ARM, N(countdown, 1000 * MS, 1000 * MS)) > 0);
  disown(&fixture, &first);
  guard_id id = (guard_id)countdown;
  SAME(guard_hand_set(fixture.guard, 100 * MS), 0);
  notify(path, "STATUS=x\n");
  SAME(remaining(id, GUARD_ARMED), 900 * MS);
  notify(path, "READY=1");
  SAME(remaining(id, GUARD_ARMED), 1000 * MS);
  notify(path, "STATUS=slow\nEXTEND_TIMEOUT_USEC=5000000\n");
  SAME(remaining(id, GUARD_ARMED), 5000 * MS);
  notify(path, "EXTEND_TIMEOUT_USEC=2000000");
  SAME(remaining(id, GUARD_ARMED), 5000 * MS);
  notify(path, "EXTEND_TIMEOUT_USEC=99999999999999999999999");
  SAME(remaining(id, GUARD_ARMED), GUARD_LIMIT_MAX);
  notify(path, "EXTEND_TIMEOUT_USEC=-1");
  SAME(guard_hand_set(fixture.guard, 101 * MS), 0);
  notify(path, "WATCHDOG=1");
  SAME(remaining(id, GUARD_ARMED), 1000 * MS);
  notify(path, "STOPPING=1");
  SAME(remaining(id, GUARD_DISARMED), 0);
  // An owner that comes back finds the socket as it is.
  SAME(own(&fixture, &first), 0);
  SAME(ask(&fixture, first.calls, WIRE_NOTIFY_OPEN, N(0600), path), 0);
  (void)unlink(path);
  disown(&fixture, &first);
  fixture_close(&fixture);
}

static void an_orderly_end_lets_go_of_everything(void) {
  fixture_open(&fixture, false);
  pid_t child = start_child();
  SAME(own(&fixture, &first), 0);
  int64_t process = call(WIRE_PROCESS_ADD, N(child, 0));
  SAME(ask(&fixture, first.calls, WIRE_PROCESS_LABEL, N(process, 1), "one"), 0);
  SAME(fixture.server.place.holdings.residents, 1);
  SAME(call(WIRE_END, N(0)), 0);
  SAME(fixture.server.place.holdings.residents, 0);
  OK(fixture.server.place.ended);
  SAME(kill(child, 0), 0);
  disown(&fixture, &first);
  reap(child);
  fixture_close(&fixture);
}

int main(void) {
  (void)signal(SIGPIPE, SIG_IGN);
  check_case("an expiry is told before the reply to the turn that found it", an_expiry_is_told_before_the_reply_to_the_turn_that_found_it);
  check_case("a second owner is refused while the first lives", a_second_owner_is_refused_while_the_first_lives);
  check_case("notices go only to whoever knows the session", notices_go_only_to_whoever_knows_the_session);
  check_case("an owner that closes one of its connections is lost", an_owner_that_closes_one_of_its_connections_is_lost);
  check_case("a frame that is wrong ends its connection and nothing else", a_frame_that_is_wrong_ends_its_connection_and_nothing_else);
  check_case("a frame longer than any ends its connection", a_frame_longer_than_any_ends_its_connection);
  check_case("numbers out of range are refused one by one", numbers_out_of_range_are_refused_one_by_one);
  check_case("strangers that say nothing cannot keep an owner out", strangers_that_say_nothing_cannot_keep_an_owner_out);
  check_case("an owner that reads no notices holds up neither calls nor the guard", an_owner_that_reads_no_notices_holds_up_neither_calls_nor_the_guard);
  check_case("only what can still beat stays watched when the owner is lost", only_what_can_still_beat_stays_watched_when_the_owner_is_lost);
  check_case("without an owner the guard acts after its budget, and the next owner is told", without_an_owner_the_guard_acts_after_its_budget_and_the_next_owner_is_told);
  check_case("what a service asks for without an owner is done by the guard", what_a_service_asks_for_without_an_owner_is_done_by_the_guard);
  check_case("an orderly end lets go of everything", an_orderly_end_lets_go_of_everything);
  return check_end("server");
}
