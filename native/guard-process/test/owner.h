/* A server without a thread, and somebody who talks to it. */
#ifndef HANGDOG_TEST_OWNER_H
#define HANGDOG_TEST_OWNER_H

#include "../server.h"
#include "../../guard/test/check.h"

struct fixture {
  char folder[64];
  char path[96];
  struct guard *guard;
  int listener;
  struct server server;
};

/* A guard by hand, or with its thread. */
void fixture_open(struct fixture *fixture, bool by_hand);
void fixture_close(struct fixture *fixture);
/* A connection that has said nothing yet. */
int stranger(struct fixture *fixture);
/* A process that only waits, and when it started. */
pid_t start_child(void);
uint64_t start_time(pid_t pid);
void reap(pid_t child);

struct owner {
  int calls;
  int notices;
  int64_t session;
};

/* Returns what the server answered. */
int64_t own(struct fixture *fixture, struct owner *owner);
void disown(struct fixture *fixture, struct owner *owner);

/* Sends a frame as it is, and lets the server have its turn. */
void say(struct fixture *fixture, int fd, const void *frame, size_t bytes);
/* Waits, at most a few seconds, for a packet. Returns its size; 0 when the server has hung up, -1 for nothing. */
int hear(struct fixture *fixture, int fd, void *frame, size_t room);
/* A call with up to four numbers and a text; the reply is in `reply`. Returns its result. */
int64_t ask(struct fixture *fixture, int fd, uint16_t call, const int64_t numbers[4], const char *text);
/* The same with a text that may hold anything. */
int64_t ask_with(struct fixture *fixture, int fd, uint16_t call, const int64_t numbers[4], const void *text, size_t length);
extern struct wire_reply_frame reply;

#define N(...) ((const int64_t[4]){__VA_ARGS__})

#endif
