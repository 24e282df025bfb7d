#include "owner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../place.h"

struct wire_reply_frame reply;

void fixture_open(struct fixture *fixture, bool by_hand) {
  struct guard_config config = {.countdowns = 64, .processes = 64, .ring_bytes = 64u << 10, .flags = by_hand ? GUARD_BY_HAND : 0};
  (void)snprintf(fixture->folder, sizeof fixture->folder, "/tmp/hangdog-guard-test-XXXXXX");
  if (mkdtemp(fixture->folder) == NULL) abort();
  (void)snprintf(fixture->path, sizeof fixture->path, "%s/s", fixture->folder);
  fixture->listener = place_listen(fixture->path);
  OK(fixture->listener >= 0);
  SAME(guard_open(&config, &fixture->guard), 0);
  SAME(server_open(&fixture->server, fixture->guard, &config, fixture->listener), 0);
}

void fixture_close(struct fixture *fixture) {
  char lock[128];
  server_close(&fixture->server);
  (void)guard_close(fixture->guard);
  (void)close(fixture->listener);
  place_leave();
  (void)snprintf(lock, sizeof lock, "%s.lock", fixture->path);
  (void)unlink(fixture->path);
  (void)unlink(lock);
  (void)rmdir(fixture->folder);
}

int stranger(struct fixture *fixture) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", fixture->path);
  SAME(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
  server_turn(&fixture->server);
  return fd;
}

pid_t start_child(void) {
  pid_t child = fork();
  if (child != 0) return child;
  for (;;) (void)pause();
}

uint64_t start_time(pid_t pid) {
  char path[64];
  char text[1024] = "";
  (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  (void)!fread(text, 1, sizeof text - 1, file);
  (void)fclose(file);
  const char *at = strrchr(text, ')');
  for (int field = 2; at != NULL && field < 22; field++) at = strchr(at + 1, ' ');
  return at == NULL ? 0 : strtoull(at + 1, NULL, 10);
}

void reap(pid_t child) {
  (void)kill(child, SIGKILL);
  SAME(waitpid(child, NULL, 0), child);
}

void say(struct fixture *fixture, int fd, const void *frame, size_t bytes) {
  (void)send(fd, frame, bytes, MSG_NOSIGNAL);
  server_turn(&fixture->server);
}

int hear(struct fixture *fixture, int fd, void *frame, size_t room) {
  struct pollfd readable = {.fd = fd, .events = POLLIN};
  for (int tries = 0; tries < 500; tries++) {
    server_turn(&fixture->server);
    if (poll(&readable, 1, 10) == 1) return (int)recv(fd, frame, room, 0) > 0 ? 1 : 0;
  }
  return -1;
}

int64_t ask(struct fixture *fixture, int fd, uint16_t call, const int64_t numbers[4], const char *text) {
  return ask_with(fixture, fd, call, numbers, text, text == NULL ? 0 : strlen(text));
}

int64_t ask_with(struct fixture *fixture, int fd, uint16_t call, const int64_t numbers[4], const void *text, size_t length) {
  static uint32_t sequence;
  struct wire_request_frame request;
  memset(&request, 0, sizeof request);
  request.head = (struct wire_request){.magic = WIRE_MAGIC, .version = WIRE_VERSION, .call = call, .sequence = ++sequence};
  request.head.length = (uint32_t)length;
  memcpy(request.head.numbers, numbers, 4 * sizeof *numbers);
  if (length > 0) memcpy(request.text, text, length);
  say(fixture, fd, &request, sizeof request.head + request.head.length);
  memset(&reply, 0, sizeof reply);
  if (hear(fixture, fd, &reply, sizeof reply) != 1) return -ECONNRESET;
  SAME(reply.head.sequence, sequence);
  return reply.head.result;
}

int64_t own(struct fixture *fixture, struct owner *owner) {
  owner->calls = stranger(fixture);
  owner->notices = -1;
  int64_t result = ask(fixture, owner->calls, WIRE_HELLO, N(WIRE_CALLS), NULL);
  if (result != 0) return result;
  owner->session = reply.head.numbers[0];
  owner->notices = stranger(fixture);
  return ask(fixture, owner->notices, WIRE_HELLO, N(WIRE_NOTICES, owner->session), NULL);
}

void disown(struct fixture *fixture, struct owner *owner) {
  if (owner->calls >= 0) (void)close(owner->calls);
  if (owner->notices >= 0) (void)close(owner->notices);
  owner->calls = owner->notices = -1;
  server_turn(&fixture->server);
}
