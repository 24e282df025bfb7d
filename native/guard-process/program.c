/*
 * hangdog-guard: the guard as a process of its own. It goes on when its owner dies, and ends by itself when nobody owns it and nothing
 * is left to watch.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <unistd.h>

#include "place.h"
#include "server.h"

/* As sysexits.h has them. */
enum { USAGE = 64, UNAVAILABLE = 69, INTERNAL = 70, CANNOT_CREATE = 73 };

/* How often it looks whether it is still needed, in milliseconds. */
#define IDLE_LOOK 1000
/* Seconds without an owner and without anything to watch, after which it ends. */
#define IDLE_LIMIT 60
/* Below the guard's thread, above what is ordinary: a call must not wait for a busy machine. */
#define CALL_PRIORITY 10

struct options {
  const char *path;
  struct guard_config config;
  long idle;
  bool foreground;
};

static const char usage[] =
    "Usage: hangdog-guard --socket PATH [--countdowns N] [--processes N] [--ring BYTES] [--idle SECONDS] [--by-hand] [--no-realtime]\n"
    "       [--no-lock] [--foreground]\n"
    "Keeps countdowns and watches processes for one hangdog, which starts it by itself: hangdog supervise --guard process.\n";

/* A whole number within bounds, or -1. */
static long number_of(const char *text, long least, long most) {
  char *end = NULL;
  errno = 0;
  long number = strtol(text, &end, 10);
  return errno == 0 && end != text && *end == '\0' && number >= least && number <= most ? number : -1;
}

static bool read_number(const char *name, const char *text, long least, long most, long *out) {
  *out = number_of(text, least, most);
  if (*out >= 0) return true;
  (void)fprintf(stderr, "hangdog-guard: cannot use --%s \"%s\": expected a number from %ld to %ld\n", name, text, least, most);
  return false;
}

static bool read_option(int option, struct options *options) {
  long number = 0;
  switch (option) {
    case 's':
      options->path = optarg;
      return true;
    case 'c':
      if (!read_number("countdowns", optarg, 1, GUARD_CAPACITY_MAX, &number)) return false;
      options->config.countdowns = (uint32_t)number;
      return true;
    case 'p':
      if (!read_number("processes", optarg, 1, GUARD_CAPACITY_MAX, &number)) return false;
      options->config.processes = (uint32_t)number;
      return true;
    case 'r':
      if (!read_number("ring", optarg, 1, INT32_MAX, &number)) return false;
      options->config.ring_bytes = (uint32_t)number;
      return true;
    case 'i':
      return read_number("idle", optarg, 1, 1000000, &options->idle);
    case 'h':
      options->config.flags |= GUARD_BY_HAND;
      return true;
    case 't':
      options->config.flags &= ~(uint32_t)GUARD_REALTIME;
      return true;
    case 'l':
      options->config.flags &= ~(uint32_t)GUARD_LOCK_ALL;
      return true;
    case 'f':
      options->foreground = true;
      return true;
    default:
      return false;
  }
}

static bool read_options(int count, char **arguments, struct options *options) {
  static const struct option known[] = {
      {"socket", required_argument, NULL, 's'}, {"countdowns", required_argument, NULL, 'c'},
      {"processes", required_argument, NULL, 'p'}, {"ring", required_argument, NULL, 'r'},
      {"idle", required_argument, NULL, 'i'},   {"by-hand", no_argument, NULL, 'h'},
      {"no-realtime", no_argument, NULL, 't'},  {"no-lock", no_argument, NULL, 'l'},
      {"foreground", no_argument, NULL, 'f'},   {NULL, 0, NULL, 0},
  };
  for (int option = 0; (option = getopt_long(count, arguments, "", known, NULL)) != -1;) {
    if (!read_option(option, options)) return false;
  }
  return options->path != NULL && optind == count;
}

static int open_signals(void) {
  sigset_t ending;
  (void)signal(SIGHUP, SIG_IGN);
  (void)signal(SIGPIPE, SIG_IGN);
  (void)sigemptyset(&ending);
  (void)sigaddset(&ending, SIGTERM);
  (void)sigaddset(&ending, SIGINT);
  (void)sigaddset(&ending, SIGQUIT);
  (void)sigprocmask(SIG_BLOCK, &ending, NULL);
  return signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
}

static uint32_t running(struct server *server) {
  uint32_t count = 0;
  for (uint32_t place = 0; place < server->place.holdings.countdown_room; place++) {
    struct guard_countdown_reading reading;
    guard_id id = server->place.holdings.countdowns[place];
    if (id != 0 && guard_countdown_reading(server->place.guard, id, &reading) == 0 && reading.state != GUARD_DISARMED) count++;
  }
  return count;
}

/* Says whether to end. Whoever ends the guard takes the watch from services that count on it, so it is not done in passing. */
static bool asked_to_end(struct server *server, int signals) {
  struct signalfd_siginfo asked;
  bool ends = false;
  while (read(signals, &asked, sizeof asked) == sizeof asked) {
    uint32_t count = running(server);
    ends = count == 0;
    if (ends) syslog(LOG_NOTICE, "ending: signal %u from process %u, no countdown runs", asked.ssi_signo, asked.ssi_pid);
    else
      syslog(LOG_WARNING, "not ending at signal %u from process %u: %u countdowns run; stop hangdog, or send SIGKILL",
             asked.ssi_signo, asked.ssi_pid, count);
  }
  return ends;
}

static void serve(struct server *server, int signals, const struct options *options) {
  struct pollfd fds[] = {{.fd = server_fd(server), .events = POLLIN}, {.fd = signals, .events = POLLIN}};
  while (!server->place.ended && server_idle(server) < options->idle) {
    (void)poll(fds, 2, IDLE_LOOK);
    server_turn(server);
    if (asked_to_end(server, signals)) return;
  }
}

static int run(const struct options *options, int listener, int told) {
  struct guard *guard = NULL;
  static struct server server;
  int signals = open_signals();
  int result = signals < 0 ? -errno : guard_open(&options->config, &guard);
  if (result == 0) result = server_open(&server, guard, &options->config, listener);
  if (result != 0) {
    syslog(LOG_ERR, "cannot begin: %s", strerror(-result));
    place_ready(told, UNAVAILABLE);
    return UNAVAILABLE;
  }
  struct sched_param priority = {.sched_priority = CALL_PRIORITY};
  if ((options->config.flags & GUARD_REALTIME) != 0) (void)sched_setscheduler(0, SCHED_FIFO, &priority);
  (void)place_spare();
  place_widen();
  place_ready(told, 0);
  serve(&server, signals, options);
  (void)unlink(options->path);
  server_close(&server);
  (void)guard_close(guard);
  return 0;
}

static int refuse(const char *path, int error) {
  (void)fprintf(stderr, "hangdog-guard: cannot listen at \"%s\": %s\n", path, strerror(-error));
  return CANNOT_CREATE;
}

int main(int count, char **arguments) {
  struct options options = {
      .config = {.countdowns = 1u << 17, .processes = 1u << 17, .ring_bytes = 4u << 20, .flags = GUARD_REALTIME | GUARD_LOCK_ALL},
      .idle = IDLE_LIMIT,
  };
  if (!read_options(count, arguments, &options)) {
    (void)fputs(usage, stderr);
    return USAGE;
  }
  int listener = place_listen(options.path);
  if (listener < 0) return refuse(options.path, listener);
  openlog("hangdog-guard", LOG_PID | LOG_NDELAY, LOG_DAEMON);
  int told = options.foreground ? dup(STDOUT_FILENO) : place_detach(listener);
  return told < 0 ? INTERNAL : run(&options, listener, told);
}
