#include "notices.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "ownerless.h"

/* Whether the owner must hear of it. Of the rest it misses some when it does not listen: a warning is void by then, as is a status. */
static bool is_essential(uint32_t kind) {
  return kind == GUARD_EXPIRED || kind == GUARD_ACTED || kind == GUARD_EXITED || kind == GUARD_ACTING || kind == GUARD_NOTED;
}

static bool keep(struct server *server, const struct wire_record_frame *frame) {
  bool essential = is_essential(frame->head.kind);
  // Half is kept for what must not be lost.
  if (ring_write(&server->backlog, &frame->head, frame->text, essential ? 0 : server->backlog.size / 2)) return true;
  if (!essential) server->dropped++;
  return !essential;
}

static void take(struct server *server) {
  struct wire_record_frame *frame = &server->stuck;
  if (server->has_stuck && !keep(server, frame)) return;
  server->has_stuck = false;
  while (guard_read(server->place.guard, &frame->head, frame->text) == 1) {
    holdings_heard(&server->place.holdings, &frame->head);
    if (server->calls == NULL) ownerless_message(server->place.guard, &frame->head, frame->text);
    else if (!keep(server, frame)) {
      server->has_stuck = true;
      return;
    }
  }
}

/* Whether room in the socket is to be told of. */
static void await_room(struct server *server, bool awaited) {
  struct connection *connection = server->notices;
  struct epoll_event event = {.events = EPOLLIN | (awaited ? (uint32_t)EPOLLOUT : 0)};
  event.data.u32 = (uint32_t)(connection - server->connections);
  (void)epoll_ctl(server->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

static bool send_record(struct server *server) {
  struct wire_record_frame *frame = &server->unsent;
  size_t bytes = sizeof frame->head + frame->head.length;
  if (send(server->notices->fd, frame, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return true;
  // A broken connection is found by reading it.
  return errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS;
}

void notices_pump(struct server *server) {
  take(server);
  if (server->notices == NULL) return;
  bool waited = server->has_unsent;
  while (server->has_unsent || ring_read(&server->backlog, &server->unsent.head, server->unsent.text)) {
    server->has_unsent = !send_record(server);
    if (server->has_unsent) break;
  }
  if (waited != server->has_unsent) await_room(server, server->has_unsent);
  if (waited && !server->has_unsent) take(server);
}

void notices_forget(struct server *server) {
  struct guard *guard = server->place.guard;
  // What services have asked for, and the owner perhaps did not get to do, is done here. Giving time twice does no harm.
  if (server->has_unsent) ownerless_message(guard, &server->unsent.head, server->unsent.text);
  while (ring_read(&server->backlog, &server->unsent.head, server->unsent.text))
    ownerless_message(guard, &server->unsent.head, server->unsent.text);
  if (server->has_stuck) ownerless_message(guard, &server->stuck.head, server->stuck.text);
  server->has_stuck = server->has_unsent = false;
}
