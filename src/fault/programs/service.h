/* What every service of the kit in C shares: its orders, and its heartbeats over hangdog's socket. */
#ifndef HANGDOG_FAULT_SERVICE_H
#define HANGDOG_FAULT_SERVICE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct order {
  const char *folder;
  const char *trigger;
  long interval_ms;
  /* On the monotonic clock, in ms; 0 for never. */
  long long due;
  /* To hangdog; -1 without it. */
  int link;
};

static long long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* Never waits: when hangdog does not read, a beat is dropped. */
static void say(const struct order *order, const char *line) {
  if (order->link >= 0) (void)!send(order->link, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int connect_hangdog(void) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  const char *path = getenv("HANGDOG_SOCKET");
  int link;
  if (path == NULL || strlen(path) >= sizeof to.sun_path) return -1;
  strcpy(to.sun_path, path);
  link = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (link < 0 || connect(link, (const struct sockaddr *)&to, sizeof to) != 0) fail("cannot reach hangdog");
  return link;
}

static struct order read_order(int count, char **words) {
  struct order order = {.folder = ".", .interval_ms = 50};
  char token[256];
  for (int at = 1; at + 1 < count; at += 2) {
    if (strcmp(words[at], "--folder") == 0) order.folder = words[at + 1];
    if (strcmp(words[at], "--trigger") == 0) order.trigger = words[at + 1];
    if (strcmp(words[at], "--interval-ms") == 0) order.interval_ms = atol(words[at + 1]);
    if (strcmp(words[at], "--after-ms") == 0) order.due = now_ms() + atoll(words[at + 1]);
  }
  order.link = connect_hangdog();
  snprintf(token, sizeof token, "HANGDOG_TOKEN=%s\n", getenv("HANGDOG_TOKEN"));
  say(&order, token);
  return order;
}

static int is_due(const struct order *order) {
  if (order->trigger != NULL && unlink(order->trigger) == 0) return 1;
  return order->due > 0 && now_ms() >= order->due;
}

/* Works unit by unit, and beats after each. */
static void serve(const struct order *order, void (*work)(const struct order *)) {
  const struct timespec interval = {order->interval_ms / 1000, order->interval_ms % 1000 * 1000000};
  say(order, "READY=1\n");
  for (;;) {
    work(order);
    say(order, "WATCHDOG=1\n");
    nanosleep(&interval, NULL);
  }
}

#endif
