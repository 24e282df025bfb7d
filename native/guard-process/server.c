#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "notices.h"

/* How long somebody may be connected without a word, in seconds. */
#define SILENT_LIMIT 2
#define BACKLOG_BYTES (4u << 20)
#define EVENTS 32

enum { TAG_LISTENER = SERVER_CONNECTIONS, TAG_GUARD };

static int64_t now_seconds(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

static int watch(struct server *server, int fd, uint32_t tag, uint32_t events) {
  struct epoll_event event = {.events = events, .data.u32 = tag};
  return epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

int server_open(struct server *server, struct guard *guard, const struct guard_config *config, int listener) {
  memset(server, 0, sizeof *server);
  for (int index = 0; index < SERVER_CONNECTIONS; index++) server->connections[index].fd = -1;
  server->place.guard = guard;
  server->listener = listener;
  server->idle_since = now_seconds();
  int result = holdings_open(&server->place.holdings, config->countdowns, config->processes);
  if (result != 0) return result;
  server->backlog_bytes = malloc(BACKLOG_BYTES);
  server->epoll = epoll_create1(EPOLL_CLOEXEC);
  result = server->backlog_bytes == NULL || server->epoll < 0 ? -ENOMEM : 0;
  if (result == 0) result = watch(server, listener, TAG_LISTENER, EPOLLIN);
  if (result == 0) result = watch(server, guard_wake_fd(guard), TAG_GUARD, EPOLLIN);
  if (result == 0) ring_open(&server->backlog, server->backlog_bytes, BACKLOG_BYTES);
  else server_close(server);
  return result;
}

int server_fd(const struct server *server) {
  return server->epoll;
}

void server_close(struct server *server) {
  for (int index = 0; index < SERVER_CONNECTIONS; index++) {
    if (server->connections[index].fd >= 0) (void)close(server->connections[index].fd);
  }
  if (server->epoll >= 0) (void)close(server->epoll);
  free(server->backlog_bytes);
  holdings_close(&server->place.holdings);
}

/* ---- Connections ---- */

static void drop(struct connection *connection) {
  if (connection->fd >= 0) (void)close(connection->fd);
  *connection = (struct connection){.fd = -1};
}

static void leave(struct server *server, struct connection *connection) {
  bool owned = connection == server->calls || connection == server->notices;
  drop(connection);
  if (!owned) return;
  // One without the other is of no use to anybody.
  if (server->calls != NULL) drop(server->calls);
  if (server->notices != NULL) drop(server->notices);
  server->calls = server->notices = NULL;
  notices_forget(server);
  holdings_owner_lost(&server->place.holdings, server->place.guard);
}

static struct connection *free_place(struct server *server) {
  struct connection *oldest = NULL;
  for (int index = 0; index < SERVER_CONNECTIONS; index++) {
    struct connection *connection = &server->connections[index];
    if (connection->fd < 0) return connection;
    if (connection->role == 0 && (oldest == NULL || connection->since < oldest->since)) oldest = connection;
  }
  // All but the owner's are strangers that have said nothing yet.
  if (oldest != NULL) drop(oldest);
  return oldest;
}

static bool may_speak(int fd, pid_t *pid) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  *pid = peer.pid;
  return peer.uid == geteuid() || peer.uid == 0;
}

static void admit(struct server *server) {
  int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  pid_t pid = 0;
  struct connection *connection = may_speak(fd, &pid) ? free_place(server) : NULL;
  if (connection == NULL || watch(server, fd, (uint32_t)(connection - server->connections), EPOLLIN) != 0) {
    (void)close(fd);
    return;
  }
  *connection = (struct connection){.fd = fd, .pid = pid, .since = now_seconds()};
}

/* ---- Frames ---- */

static bool send_reply(const struct connection *connection, const struct wire_reply_frame *reply) {
  // Who does not take its replies has no use for them: one is asked for at a time, and the socket holds many.
  return send(connection->fd, reply, sizeof reply->head + reply->head.length, MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
}

static int64_t greet_owner(struct server *server, struct connection *connection, int64_t *out) {
  out[1] = getpid();
  if (server->calls != NULL) {
    out[2] = server->calls->pid;
    return -EBUSY;
  }
  uint64_t session = 0;
  if (getrandom(&session, sizeof session, GRND_NONBLOCK) != sizeof session) return -EAGAIN;
  server->session = session >> 1;
  connection->role = WIRE_CALLS;
  server->calls = connection;
  out[0] = (int64_t)server->session;
  return 0;
}

static int64_t greet_listener(struct server *server, struct connection *connection, int64_t session) {
  if (server->calls == NULL || (uint64_t)session != server->session) return -EPERM;
  if (server->notices != NULL) return -EBUSY;
  connection->role = WIRE_NOTICES;
  server->notices = connection;
  return 0;
}

static int64_t greet(struct server *server, struct connection *connection, const struct wire_request *request, int64_t *out) {
  if (request->version != WIRE_VERSION) return -EPROTO;
  if (request->call != WIRE_HELLO) return -EPERM;
  if (request->numbers[0] == WIRE_CALLS) return greet_owner(server, connection, out);
  if (request->numbers[0] == WIRE_NOTICES) return greet_listener(server, connection, request->numbers[1]);
  return -EINVAL;
}

/* Says whether the connection is still good. */
static bool answer(struct server *server, struct connection *connection, const struct wire_request_frame *request) {
  struct wire_reply_frame reply;
  memset(&reply.head, 0, sizeof reply.head);
  reply.head.magic = WIRE_MAGIC;
  reply.head.version = WIRE_VERSION;
  reply.head.call = request->head.call;
  reply.head.sequence = request->head.sequence;
  if (connection->role == 0) {
    reply.head.result = greet(server, connection, &request->head, reply.head.numbers);
    return send_reply(connection, &reply) && reply.head.result == 0;
  }
  // Nothing is asked on the connection for notices, and the first frame is the only greeting.
  if (connection != server->calls || request->head.call == WIRE_HELLO || request->head.version != WIRE_VERSION) return false;
  call_answer(&server->place, request, &reply);
  // What was said up to now is told first, so that an owner that has its reply has that as well.
  notices_pump(server);
  return send_reply(connection, &reply);
}

static void hear(struct server *server, struct connection *connection) {
  struct wire_request_frame request;
  struct iovec vector = {.iov_base = &request, .iov_len = sizeof request};
  // There is no room for descriptors: the kernel closes them.
  struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
  ssize_t bytes = recvmsg(connection->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) return;
  bool whole = bytes > 0 && (header.msg_flags & MSG_TRUNC) == 0 && wire_is_request(&request, (size_t)bytes);
  if (!whole || !answer(server, connection, &request)) leave(server, connection);
}

/* ---- The loop ---- */

static void close_silent(struct server *server) {
  int64_t now = now_seconds();
  for (int index = 0; index < SERVER_CONNECTIONS; index++) {
    struct connection *connection = &server->connections[index];
    if (connection->fd >= 0 && connection->role == 0 && now - connection->since > SILENT_LIMIT) drop(connection);
  }
}

static void take(struct server *server, const struct epoll_event *event) {
  if (event->data.u32 == TAG_LISTENER) {
    admit(server);
    return;
  }
  if (event->data.u32 == TAG_GUARD) {
    uint64_t count;
    (void)!read(guard_wake_fd(server->place.guard), &count, sizeof count);
    return;
  }
  struct connection *connection = &server->connections[event->data.u32];
  // It may have been closed by an event before this one.
  if (connection->fd >= 0 && (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) hear(server, connection);
}

void server_turn(struct server *server) {
  struct epoll_event events[EVENTS];
  int count = epoll_wait(server->epoll, events, EVENTS, 0);
  for (int index = 0; index < count; index++) take(server, &events[index]);
  notices_pump(server);
  close_silent(server);
  bool needed = server->calls != NULL || server->place.holdings.residents > 0;
  if (needed) server->idle_since = 0;
  else if (server->idle_since == 0) server->idle_since = now_seconds();
}

int64_t server_idle(struct server *server) {
  return server->idle_since == 0 ? 0 : now_seconds() - server->idle_since;
}
