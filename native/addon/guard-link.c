#include "guard-link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/*
 * A reply takes some ten microseconds. This long is only waited for a guard that is stopped, or a machine that stands still; JavaScript
 * waits with it, so it is not waited a second time.
 */
#define REPLY_LIMIT_MS 1000

static int64_t now_ms(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(path);
  if (length == 0 || length >= sizeof address.sun_path) return -ENAMETOOLONG;
  memcpy(address.sun_path, path, length + 1);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) return fd;
  int error = -errno;
  (void)close(fd);
  return error;
}

/* Waits until it is readable. Says whether that was in time. */
static bool await(int fd, int64_t until) {
  for (int64_t left = until - now_ms(); left >= 0; left = until - now_ms()) {
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    int ready = poll(&readable, 1, (int)left);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
  return false;
}

static int64_t ask_at(struct guard_link *link, int fd, const struct wire_request_frame *request, struct wire_reply_frame *reply) {
  if (send(fd, request, sizeof request->head + request->head.length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return -ENOTCONN;
  for (int64_t until = now_ms() + REPLY_LIMIT_MS; await(fd, until);) {
    ssize_t bytes = recv(fd, reply, sizeof *reply, MSG_DONTWAIT);
    if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (bytes <= 0) return -ENOTCONN;
    if (!wire_is_reply(reply, (size_t)bytes)) return -EPROTO;
    if (reply->head.sequence == link->sequence) return reply->head.result;
  }
  return -ETIMEDOUT;
}

static void fill(struct wire_request_frame *request, struct guard_link *link, uint16_t call, const int64_t *numbers) {
  memset(&request->head, 0, sizeof request->head);
  request->head.magic = WIRE_MAGIC;
  request->head.version = WIRE_VERSION;
  request->head.call = call;
  request->head.sequence = ++link->sequence;
  memcpy(request->head.numbers, numbers, sizeof request->head.numbers);
}

static int64_t greet(struct guard_link *link, int fd, int64_t role, int64_t session, struct wire_reply_frame *reply) {
  struct wire_request_frame request;
  fill(&request, link, WIRE_HELLO, (const int64_t[WIRE_NUMBERS]){role, session});
  return ask_at(link, fd, &request, reply);
}

static int own(struct guard_link *link, const char *path) {
  struct wire_reply_frame reply;
  link->calls = connect_to(path);
  if (link->calls < 0) return link->calls;
  int64_t result = greet(link, link->calls, WIRE_CALLS, 0, &reply);
  if (result == -EBUSY) link->owner_pid = (int32_t)reply.head.numbers[2];
  if (result != 0) return (int)result;
  link->guard_pid = (int32_t)reply.head.numbers[1];
  link->notices = connect_to(path);
  return link->notices < 0 ? link->notices : (int)greet(link, link->notices, WIRE_NOTICES, reply.head.numbers[0], &reply);
}

int link_open(struct guard_link *link, const char *path) {
  *link = (struct guard_link){.calls = -1, .notices = -1};
  int result = own(link, path);
  if (result != 0) link_close(link);
  return result;
}

void link_close(struct guard_link *link) {
  if (link->calls >= 0) (void)close(link->calls);
  if (link->notices >= 0) (void)close(link->notices);
  link->calls = link->notices = -1;
  link->broken = true;
}

int64_t link_ask(struct guard_link *link, uint16_t call, const int64_t *numbers, const char *text, uint32_t length,
                 struct wire_reply_frame *reply) {
  struct wire_request_frame request;
  reply->head.length = 0;
  if (link->broken) return -ENOTCONN;
  if (length > WIRE_TEXT_MAX) return -EMSGSIZE;
  fill(&request, link, call, numbers);
  request.head.length = length;
  if (length > 0) memcpy(request.text, text, length);
  int64_t result = ask_at(link, link->calls, &request, reply);
  if (result != -ENOTCONN && result != -ETIMEDOUT && result != -EPROTO) return result;
  link->broken = true;
  return -ENOTCONN;
}

int link_read(struct guard_link *link, struct wire_record_frame *out) {
  if (link->notices < 0) return -ENOTCONN;
  ssize_t bytes = recv(link->notices, out, sizeof *out, MSG_DONTWAIT);
  if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) return link->broken ? -ENOTCONN : 0;
  if (bytes > 0 && wire_is_record(out, (size_t)bytes)) return 1;
  link->broken = true;
  return -ENOTCONN;
}
