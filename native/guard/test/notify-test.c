/* The notify socket, with real sockets and processes; the guard is moved by hand. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sender-trace.h"
#include "check.h"

#define RING (256u << 10)

static struct guard *guard;
static guard_id self;
static guard_id countdown;
static int client;

static struct sockaddr_un address(socklen_t *size) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  int length = snprintf(to.sun_path + 1, sizeof to.sun_path - 1, "hangdog-notify-test-%d", (int)getpid());
  *size = (socklen_t)(sizeof(sa_family_t) + 1 + (size_t)length);
  return to;
}

static void begin(void) {
  socklen_t size;
  struct sockaddr_un to = address(&size);
  char path[sizeof to.sun_path] = "@";
  strcpy(path + 1, to.sun_path + 1);
  guard = check_guard_by_hand(8, RING);
  SAME(guard_notify_open(guard, path, 0600), 0);
  SAME(guard_notify_open(guard, path, 0600), -EBUSY);
  SAME(guard_process_add(guard, getpid(), 0, &self), 0);
  SAME(guard_countdown_create(guard, &countdown), 0);
  SAME(guard_process_bind(guard, self, countdown), 0);
  client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  SAME(connect(client, (struct sockaddr *)&to, size), 0);
}

static void end(void) {
  (void)close(client);
  SAME(guard_close(guard), 0);
}

static void say_bytes(const char *text, size_t length) {
  SAME(send(client, text, length, 0), length);
  SAME(guard_hand_turn(guard), 0);
}

static void say(const char *text) {
  say_bytes(text, strlen(text));
}

static struct guard_counters counters(void) {
  struct guard_counters out;
  SAME(guard_counters(guard, &out), 0);
  return out;
}

static void text_is_handed_on_with_its_sender(void) {
  begin();
  say("READY=1\nSTATUS=fine");
  struct guard_record record = check_next(guard);
  SAME(record.kind, GUARD_MESSAGE);
  SAME(record.process, self);
  SAME(record.countdown, countdown);
  SAME(record.pid, getpid());
  SAME(record.uid, getuid());
  SAME(record.flags, 0);
  SAME(strcmp(check_text, "READY=1\nSTATUS=fine"), 0);
  end();
}

static void beats_are_told_until_the_owner_has_nothing_to_do_for_them(void) {
  begin();
  SAME(guard_countdown_arm(guard, countdown, 1000 * MS, 500 * MS, NULL), 0);
  say("WATCHDOG=1");
  struct guard_record record = check_next(guard);
  SAME(record.kind, GUARD_MESSAGE);
  SAME(record.flags, 0);
  SAME(guard_countdown_quiet_beat(guard, countdown, NULL), 0);
  for (int beat = 0; beat < 10; beat++) {
    check_pass(guard, 400 * MS);
    say(beat % 2 == 0 ? "WATCHDOG=1" : "WATCHDOG=1\n");
  }
  SAME(check_next(guard).kind, 0);
  SAME(counters().beats, 10);
  say("STATUS=x\nWATCHDOG=1\n");
  record = check_next(guard);
  SAME(record.flags, GUARD_BEAT_TAKEN);
  check_pass(guard, 600 * MS);
  SAME(check_next(guard).kind, GUARD_WARNING);
  say("WATCHDOG=1");
  record = check_next(guard);
  SAME(record.kind, GUARD_MESSAGE);
  SAME(record.flags, 0);
  end();
}

static void gaps_are_told_with_a_beat_or_kept_for_the_tally(void) {
  struct guard_tally tally;
  begin();
  say("WATCHDOG=1");
  SAME(check_next(guard).value, -1);
  SAME(guard_countdown_arm(guard, countdown, 100000 * MS, 100000 * MS, NULL), 0);
  check_pass(guard, 300 * MS);
  say("WATCHDOG=1");
  SAME(check_next(guard).value, 300 * MS);
  SAME(guard_countdown_quiet_beat(guard, countdown, NULL), 0);
  for (int beat = 0; beat < 10; beat++) {
    check_pass(guard, beat == 7 ? 800 * MS : 400 * MS);
    say("WATCHDOG=1");
  }
  SAME(check_next(guard).kind, 0);
  SAME(guard_countdown_tally(guard, countdown, &tally), 0);
  SAME(tally.bins, 2);
  SAME(tally.count[0], 9);
  SAME(tally.count[1], 1);
  SAME(tally.sum, 4400 * MS);
  SAME(tally.longest, 800 * MS);
  SAME(guard_countdown_tally(guard, countdown, &tally), 0);
  SAME(tally.bins, 0);
  // Nine different gaps: the last finds no room, and is told as if nobody had been quiet.
  int64_t gap = 2 * MS;
  for (int beat = 0; beat <= GUARD_TALLY_BINS; beat++, gap *= 2) {
    SAME(check_next(guard).kind, 0);
    check_pass(guard, gap);
    say("WATCHDOG=1");
  }
  struct guard_record record = check_next(guard);
  SAME(record.kind, GUARD_MESSAGE);
  SAME(record.flags, 0);
  SAME(record.value, gap / 2);
  SAME(guard_countdown_tally(guard, 12345, &tally), -ENOENT);
  end();
}

/* Sends a beat from a child, or from a child of that one, which lives until it was received. */
static void child_says(int generations) {
  int sent[2];
  int gate[2];
  char byte = 0;
  SAME(pipe(sent), 0);
  SAME(pipe(gate), 0);
  pid_t child = fork();
  if (child == 0) {
    (void)close(gate[1]);
    if (generations > 1 && fork() != 0) {
      (void)wait(NULL);
      _exit(0);
    }
    (void)!send(client, "WATCHDOG=1", 10, 0);
    (void)!write(sent[1], &byte, 1);
    (void)!read(gate[0], &byte, 1);
    _exit(0);
  }
  SAME(read(sent[0], &byte, 1), 1);
  SAME(guard_hand_turn(guard), 0);
  (void)close(gate[1]);
  (void)waitpid(child, NULL, 0);
  (void)close(gate[0]);
  (void)close(sent[0]);
  (void)close(sent[1]);
}

static void descendants_speak_where_they_are_admitted(void) {
  begin();
  child_says(1);
  SAME(check_next(guard).process, 0);
  SAME(guard_process_admit(guard, self, 1), 0);
  child_says(1);
  struct guard_record record = check_next(guard);
  SAME(record.process, self);
  OK(record.pid != getpid());
  child_says(2);
  SAME(check_next(guard).process, self);
  SAME(guard_process_admit(guard, self, 0), 0);
  child_says(1);
  SAME(check_next(guard).process, 0);
  SAME(guard_process_admit(guard, 99, 1), -ENOENT);
  end();
}

struct child {
  pid_t pid;
  int gate;
};

/* A child that has written this often to the socket when this returns, and lives until it is let go. */
static struct child child_that_writes(int writes) {
  int done[2];
  int gate[2];
  char byte = 0;
  SAME(pipe(done), 0);
  SAME(pipe(gate), 0);
  struct child child = {.pid = fork(), .gate = gate[1]};
  if (child.pid == 0) {
    (void)close(gate[1]);
    for (int index = 0; index < writes; index++) (void)!send(client, "STATUS=here", 11, 0);
    (void)!write(done[1], &byte, 1);
    (void)!read(gate[0], &byte, 1);
    _exit(0);
  }
  (void)close(gate[0]);
  (void)close(done[1]);
  SAME(read(done[0], &byte, 1), 1);
  (void)close(done[0]);
  return child;
}

static void let_go(struct child child) {
  (void)close(child.gate);
  (void)waitpid(child.pid, NULL, 0);
}

static void strangers_are_not_traced_without_end(void) {
  enum { STRANGERS = 10 };
  struct child strangers[STRANGERS];
  guard_id other;
  begin();
  // Somebody admits its descendants, but these are not of them.
  SAME(guard_process_remove(guard, self), 0);
  struct child admitting = child_that_writes(0);
  SAME(guard_process_add(guard, admitting.pid, 0, &other), 0);
  SAME(guard_process_admit(guard, other, 1), 0);
  for (int index = 0; index < STRANGERS; index++) strangers[index] = child_that_writes(1);
  SAME(guard_hand_turn(guard), 0);
  SAME(counters().untraced, STRANGERS - FAILED_TRACES);
  SAME(check_count(guard, GUARD_MESSAGE), STRANGERS);
  // Each holds the gates of those before it.
  for (int index = STRANGERS - 1; index >= 0; index--) let_go(strangers[index]);
  // One who writes and writes is traced once a turn, and so keeps nobody else from being traced.
  struct child insistent = child_that_writes(FAILED_TRACES + 1);
  SAME(guard_hand_turn(guard), 0);
  SAME(counters().untraced, STRANGERS - FAILED_TRACES);
  SAME(check_count(guard, GUARD_MESSAGE), FAILED_TRACES + 1);
  let_go(insistent);
  let_go(admitting);
  end();
}

static void a_beat_that_waits_is_counted_before_the_verdict(void) {
  begin();
  SAME(guard_countdown_arm(guard, countdown, 1000 * MS, 1000 * MS, NULL), 0);
  check_jump(guard, 900 * MS);
  SAME(send(client, "WATCHDOG=1", 10, 0), 10);
  check_pass(guard, 200 * MS);
  check_pass(guard, 700 * MS);
  SAME(check_count(guard, GUARD_EXPIRED), 0);
  end();
}

static void a_foreign_beat_resets_nothing(void) {
  begin();
  SAME(guard_countdown_arm(guard, countdown, 1000 * MS, 1000 * MS, NULL), 0);
  SAME(guard_countdown_quiet_beat(guard, countdown, NULL), 0);
  pid_t child = fork();
  if (child == 0) _exit(send(client, "WATCHDOG=1", 10, 0) == 10 ? 0 : 1);
  int status = 1;
  SAME(waitpid(child, &status, 0), child);
  SAME(status, 0);
  check_pass(guard, 999 * MS);
  SAME(guard_hand_turn(guard), 0);
  struct guard_record record = check_next(guard);
  SAME(record.kind, GUARD_MESSAGE);
  SAME(record.pid, child);
  SAME(record.process, 0);
  check_pass(guard, 1 * MS);
  SAME(check_count(guard, GUARD_EXPIRED), 1);
  end();
}

static int open_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  int count = 0;
  while (readdir(directory) != NULL) count++;
  (void)closedir(directory);
  return count;
}

static void send_descriptors(const char *text, int fd, size_t count) {
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(253 * sizeof(int))] = {0};
  struct iovec vector = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
  struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control};
  header.msg_controllen = CMSG_SPACE(count * sizeof(int));
  struct cmsghdr *part = CMSG_FIRSTHDR(&header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(count * sizeof(int));
  for (size_t index = 0; index < count; index++) memcpy(CMSG_DATA(part) + index * sizeof fd, &fd, sizeof fd);
  SAME(sendmsg(client, &header, 0), strlen(text));
}

static void descriptors_are_closed_at_once(void) {
  begin();
  int before = open_descriptors();
  for (size_t count = 1; count <= 253; count += 84) {
    int ends[2];
    SAME(pipe(ends), 0);
    send_descriptors("BARRIER=1", ends[1], count);
    (void)close(ends[1]);
    SAME(guard_hand_turn(guard), 0);
    // systemd-notify waits for this: nobody holds the other end any more.
    struct pollfd hung_up = {.fd = ends[0], .events = 0};
    SAME(poll(&hung_up, 1, 2000), 1);
    SAME(hung_up.revents, POLLHUP);
    (void)close(ends[0]);
    SAME(check_next(guard).kind, GUARD_MESSAGE);
  }
  SAME(counters().descriptors, 4);
  SAME(open_descriptors(), before);
  end();
}

static void bad_datagrams_are_dropped_and_counted(void) {
  static char text[70000];
  begin();
  memset(text, 'x', sizeof text);
  memcpy(text, "STATUS=", 7);
  say_bytes(text, GUARD_TEXT_MAX);
  SAME(check_next(guard).length, GUARD_TEXT_MAX);
  say_bytes(text, GUARD_TEXT_MAX + 1);
  say_bytes(text, sizeof text);
  SAME(counters().dropped_long, 2);
  say_bytes("WATCHDOG=1\0", 11);
  say_bytes("STATUS=a\0b", 10);
  SAME(counters().dropped_nul, 2);
  static const char *const malformed[] = {"", "\n\n", "WATCHDOG", "=1", "READY=1\nno key", " A=1", "A B=1", "\xff\xfe=1"};
  for (size_t index = 0; index < sizeof malformed / sizeof *malformed; index++) say(malformed[index]);
  SAME(counters().dropped_malformed, sizeof malformed / sizeof *malformed);
  SAME(check_next(guard).kind, 0);
  end();
}

static void one_sender_cannot_use_up_the_ring(void) {
  begin();
  for (int index = 0; index < 1000; index++) say("STATUS=again");
  OK(counters().dropped_share > 0);
  SAME(counters().dropped_full, 0);
  int told = check_count(guard, GUARD_MESSAGE);
  SAME(told + (int)counters().dropped_share, 1000);
  say("STATUS=more");
  SAME(check_next(guard).kind, GUARD_MESSAGE);
  // So has one whom the guard does not know, which is its own again when it has been read.
  SAME(guard_process_remove(guard, self), 0);
  for (int index = 0; index < 1000; index++) {
    say("STATUS=foreign");
    SAME(check_next(guard).process, 0);
  }
  SAME(told + (int)counters().dropped_share, 1000);
  end();
}

/* From a child that has ended when it is received. */
static pid_t ended_child_says(const char *text) {
  pid_t child = fork();
  if (child == 0) _exit(send(client, text, strlen(text), 0) == (ssize_t)strlen(text) ? 0 : 1);
  int status = 1;
  SAME(waitpid(child, &status, 0), child);
  SAME(status, 0);
  return child;
}

static void an_unknown_sender_leaves_room_for_others(void) {
  begin();
  SAME(guard_process_remove(guard, self), 0);
  for (int index = 0; index < 1000; index++) say("STATUS=foreign");
  pid_t child = ended_child_says("READY=1");
  SAME(guard_hand_turn(guard), 0);
  struct guard_record record = {0};
  for (int index = 0; index < 1001 && record.pid != child; index++) {
    record = check_next(guard);
    if (record.kind == 0) break;
  }
  SAME(record.pid, child);
  SAME(strcmp(check_text, "READY=1"), 0);
  end();
}

static void the_file_has_the_mode_asked_for(void) {
  char path[128];
  (void)snprintf(path, sizeof path, "/tmp/hangdog-notify-test-%d.sock", (int)getpid());
  guard = check_guard_by_hand(8, RING);
  SAME(guard_notify_open(guard, path, 0601), 0);
  SAME(access(path, F_OK), 0);
  SAME(guard_notify_close(guard), 0);
  SAME(guard_notify_close(guard), -ENOENT);
  SAME(guard_notify_open(guard, path, 0600), -EADDRINUSE);
  SAME(unlink(path), 0);
  char longest[200];
  memset(longest, 'a', sizeof longest);
  longest[sizeof longest - 1] = '\0';
  SAME(guard_notify_open(guard, longest, 0600), -ENAMETOOLONG);
  SAME(guard_notify_open(guard, "", 0600), -ENAMETOOLONG);
  SAME(guard_notify_open(guard, "/nonexistent/folder/x", 0600), -ENOENT);
  SAME(guard_notify_open(guard, "/tmp/x", 07777), -EINVAL);
  SAME(guard_close(guard), 0);
}

int main(void) {
  check_case("text is handed on with its sender", text_is_handed_on_with_its_sender);
  check_case("beats are told until the owner has nothing to do for them", beats_are_told_until_the_owner_has_nothing_to_do_for_them);
  check_case("gaps are told with a beat, or kept for the tally", gaps_are_told_with_a_beat_or_kept_for_the_tally);
  check_case("descendants speak where they are admitted", descendants_speak_where_they_are_admitted);
  check_case("strangers are not traced without end", strangers_are_not_traced_without_end);
  check_case("a beat that waits is counted before the verdict", a_beat_that_waits_is_counted_before_the_verdict);
  check_case("a foreign beat resets nothing, and is told with its pid", a_foreign_beat_resets_nothing);
  check_case("descriptors are closed at once, however many", descriptors_are_closed_at_once);
  check_case("bad datagrams are dropped and counted", bad_datagrams_are_dropped_and_counted);
  check_case("one sender cannot use up the ring", one_sender_cannot_use_up_the_ring);
  check_case("an unknown sender leaves room for others", an_unknown_sender_leaves_room_for_others);
  check_case("a path that cannot be used is refused", the_file_has_the_mode_asked_for);
  return check_end("notify");
}
