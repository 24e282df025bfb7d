/* The socket of a guard process: who owns it, what it is asked, and what it tells. */
#ifndef HANGDOG_SERVER_H
#define HANGDOG_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../guard/ring.h"
#include "calls.h"

/* Connections at a time: an owner has two. Strangers get the rest, for a moment. */
#define SERVER_CONNECTIONS 16

struct connection {
  /* -1 when nobody is here. */
  int fd;
  pid_t pid;
  /* Of enum wire_role; 0 before its first frame. */
  int role;
  /* By CLOCK_MONOTONIC, in seconds. */
  int64_t since;
};

struct server {
  struct workplace place;
  int listener;
  int epoll;
  struct connection connections[SERVER_CONNECTIONS];
  /* Null when nobody owns the guard. */
  struct connection *calls;
  struct connection *notices;
  uint64_t session;
  /* Since when nobody has owned it or nothing was left to watch; 0 while somebody does and something is. */
  int64_t idle_since;
  /* Records on their way to the owner. The guard's own ring is always emptied, so that the guard never has to wait to act. */
  struct ring backlog;
  void *backlog_bytes;
  /* One that must not be lost and found no room; while it is here, the guard's ring is left alone. */
  struct wire_record_frame stuck;
  bool has_stuck;
  /* One that the socket did not take. */
  struct wire_record_frame unsent;
  bool has_unsent;
  /* Warnings, stalls and messages that found no room. */
  uint64_t dropped;
};

/* Takes the guard over; `listener` is a listening socket. Returns 0 or a negative errno value, and has then taken nothing. */
int server_open(struct server *server, struct guard *guard, const struct guard_config *config, int listener);
/* Readable when `server_turn` has something to do. */
int server_fd(const struct server *server);
/* Does all that is to be done now; never waits. */
void server_turn(struct server *server);
/* How long, in seconds, nobody has owned it with nothing to watch; 0 otherwise. */
int64_t server_idle(struct server *server);
void server_close(struct server *server);

#endif
