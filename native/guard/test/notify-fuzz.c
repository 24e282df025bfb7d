/*
 * Sends hostile datagrams to a guard with its thread for a number of seconds, then asks whether it still works. The seed is printed, and
 * can be given as the second argument.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static struct guard *guard;
static guard_id countdown;

static size_t invent(char *text, size_t room) {
  static const char *const words[] = {"WATCHDOG=1", "WATCHDOG=trigger", "READY=1",   "STATUS=", "\n",  "=",    "\n\n", "FDSTORE=1",
                                      "BARRIER=1",  "MAINPID=",         "\xff\x80",  "A",       "  ",  "\n=",  "X=",   "WATCHDOG_USEC="};
  size_t length = 0;
  size_t wanted = rand() % 8 == 0 ? (size_t)rand() % room : (size_t)rand() % 80;
  while (length < wanted) {
    const char *word = words[(size_t)rand() % (sizeof words / sizeof *words)];
    size_t size = strlen(word);
    if (length + size > room) break;
    memcpy(text + length, word, size);
    length += size;
    if (rand() % 3 == 0 && length < room) text[length++] = (char)rand();
  }
  return length;
}

static void send_one(int client) {
  static char text[70000];
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(253 * sizeof(int))] = {0};
  size_t fds = rand() % 10 == 0 ? (size_t)rand() % 254 : 0;
  struct iovec vector = {.iov_base = text, .iov_len = invent(text, sizeof text)};
  struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
  if (fds > 0) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(fds * sizeof(int));
    struct cmsghdr *part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(fds * sizeof(int));
    for (size_t index = 0; index < fds; index++) memcpy(CMSG_DATA(part) + index * sizeof(int), &client, sizeof(int));
  }
  (void)sendmsg(client, &header, MSG_DONTWAIT);
}

static int first_free_descriptor(void) {
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  (void)close(fd);
  return fd;
}

int main(int count, char **arguments) {
  int seconds = count > 1 ? atoi(arguments[1]) : 5;
  unsigned seed = count > 2 ? (unsigned)atoi(arguments[2]) : (unsigned)time(NULL);
  struct guard_config config = {.countdowns = 4, .processes = 4, .ring_bytes = 64u << 10};
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  char path[64];
  guard_id process = 0;
  printf("notify-fuzz: %d s, seed %u\n", seconds, seed);
  srand(seed);
  int length = snprintf(path, sizeof path, "@hangdog-fuzz-%d", (int)getpid());
  memcpy(to.sun_path + 1, path + 1, (size_t)length - 1);
  SAME(guard_open(&config, &guard), 0);
  SAME(guard_notify_open(guard, path, 0600), 0);
  SAME(guard_process_add(guard, getpid(), 0, &process), 0);
  SAME(guard_countdown_create(guard, &countdown), 0);
  SAME(guard_process_bind(guard, process, countdown), 0);
  int client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  SAME(connect(client, (struct sockaddr *)&to, (socklen_t)(sizeof(sa_family_t) + (size_t)length)), 0);
  int before = first_free_descriptor();

  int64_t sent = 0;
  time_t end = time(NULL) + seconds;
  while (time(NULL) < end) {
    for (int index = 0; index < 100; index++) send_one(client);
    sent += 100;
    if (rand() % 4 == 0) (void)guard_countdown_arm(guard, countdown, 1 + rand() % 5 * MS, 0, NULL);
    if (rand() % 4 == 0) (void)guard_countdown_quiet_beat(guard, countdown, NULL);
    if (rand() % 16 == 0) (void)check_count(guard, GUARD_MESSAGE);
  }

  struct guard_record record = {0};
  struct timespec pause = {.tv_nsec = 50 * 1000000};
  for (int attempt = 0; attempt < 100 && record.kind != GUARD_MESSAGE; attempt++) {
    (void)send(client, "STATUS=still here", 17, MSG_DONTWAIT);
    (void)nanosleep(&pause, NULL);
    do record = check_next(guard);
    while (record.kind != 0 && (record.kind != GUARD_MESSAGE || strcmp(check_text, "STATUS=still here") != 0));
  }
  SAME(record.kind, GUARD_MESSAGE);
  SAME(first_free_descriptor(), before);
  struct guard_counters counters;
  SAME(guard_counters(guard, &counters), 0);
  printf("  %" PRId64 " tried, %" PRIu64 " taken: %" PRIu64 " messages, %" PRIu64 " beats, %" PRIu64 " with descriptors; dropped: %" PRIu64
         " long, %" PRIu64 " with NUL, %" PRIu64 " malformed, %" PRIu64 " over the share, %" PRIu64 " without room\n",
         sent, counters.datagrams, counters.messages, counters.beats, counters.descriptors, counters.dropped_long,
         counters.dropped_nul, counters.dropped_malformed, counters.dropped_share, counters.dropped_full);
  (void)close(client);
  SAME(guard_close(guard), 0);
  printf("notify-fuzz: %s\n", checks_failed == 0 ? "passed" : "FAILED");
  return checks_failed == 0 ? 0 : 1;
}
