#include "service.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct guard *stage;
char stage_folder[64];

const char *stage_path(const char *name) {
  static char paths[4][128];
  static int next;
  next = (next + 1) % 4;
  (void)snprintf(paths[next], sizeof paths[next], "%s/%s", stage_folder, name);
  return paths[next];
}

void stage_put(const char *name, const char *text) {
  int file = open(stage_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  SAME(write(file, text, strlen(text)), strlen(text));
  (void)close(file);
}

const char *stage_get(const char *name) {
  static char text[8192];
  int file = open(stage_path(name), O_RDONLY);
  ssize_t length = file < 0 ? 0 : read(file, text, sizeof text - 1);
  if (file >= 0) (void)close(file);
  text[length < 0 ? 0 : length] = '\0';
  return text;
}

void stage_open(void) {
  struct guard_config config = {.countdowns = 128, .processes = 128, .ring_bytes = 1 << 20};
  (void)snprintf(stage_folder, sizeof stage_folder, "/tmp/hangdog-alone-XXXXXX");
  OK(mkdtemp(stage_folder) != NULL);
  SAME(guard_open(&config, &stage), 0);
  SAME(guard_notify_open(stage, stage_path("notify"), 0600), 0);
}

void stage_open_recorded(void) {
  stage_open();
  SAME(guard_record_open(stage, stage_path("records"), "a test\n"), 0);
  SAME(guard_record_open(stage, stage_path("records"), "a test\n"), -EBUSY);
}

void stage_close(void) {
  SAME(guard_close(stage), 0);
  DIR *folder = opendir(stage_folder);
  for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) (void)unlinkat(dirfd(folder), entry->d_name, 0);
  (void)closedir(folder);
  SAME(rmdir(stage_folder), 0);
}

void rest_ms(int64_t span) {
  struct timespec at = {.tv_sec = span / 1000, .tv_nsec = span % 1000 * 1000000};
  while (nanosleep(&at, &at) != 0 && errno == EINTR) {
  }
}

/* ---- The service ---- */

/* The notify socket, as the service sees it. */
static int speak_to(const char *path) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  (void)snprintf(to.sun_path, sizeof to.sun_path, "%.100s", path);
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? fd : -1;
}

static void start_other_session(void) {
  // Like the service itself it must not outlive a test that was broken off.
  if (fork() != 0) return;
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)setsid();
  (void)signal(SIGTERM, SIG_IGN);
  for (;;) (void)pause();
}

static void serve(enum service_kind kind, int orders) {
  char text[512];
  (void)setsid();
  if (kind != OBEYS) (void)signal(SIGTERM, SIG_IGN);
  int voice = speak_to(stage_path("notify"));
  for (;;) {
    ssize_t length = recv(orders, text, sizeof text, 0);
    if (length <= 0) _exit(3);
    if (kind == HAS_CHILD_IN_OTHER_SESSION) start_other_session();
    (void)!send(voice, text, (size_t)length, 0);
    (void)!send(orders, "", 1, 0);
  }
}

struct service service_start(enum service_kind kind) {
  struct service service = {0};
  int pair[2];
  SAME(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
  (void)fflush(stdout);
  service.pid = fork();
  if (service.pid == 0) {
    (void)close(pair[0]);
    serve(kind, pair[1]);
  }
  (void)close(pair[1]);
  service.orders = pair[0];
  SAME(guard_process_add(stage, service.pid, 0, &service.process), 0);
  SAME(guard_countdown_create(stage, &service.countdown), 0);
  SAME(guard_process_bind(stage, service.process, service.countdown), 0);
  return service;
}

void service_say(const struct service *service, const char *text) {
  char done;
  SAME(send(service->orders, text, strlen(text), 0), strlen(text));
  SAME(recv(service->orders, &done, 1, 0), 1);
}

void service_begin(const struct service *service, int64_t limit) {
  struct guard_countdown_reading reading = {0};
  SAME(guard_countdown_arm(stage, service->countdown, 60000 * MS, 60000 * MS, NULL), 0);
  service_say(service, "WATCHDOG=1");
  for (int wait = 0; wait < PATIENCE && reading.beats == 0; wait++) {
    SAME(guard_countdown_reading(stage, service->countdown, &reading), 0);
    rest_ms(1);
  }
  SAME(guard_countdown_arm(stage, service->countdown, limit, limit / 2, NULL), 0);
}

int service_end(const struct service *service) {
  int status = 0;
  if (waitpid(service->pid, &status, WNOHANG) != service->pid) return -1;
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

int service_wait(const struct service *service) {
  int status = 0;
  if (waitpid(service->pid, &status, 0) != service->pid) return -1;
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

void service_kill(const struct service *service) {
  (void)kill(-service->pid, SIGKILL);
  (void)kill(service->pid, SIGKILL);
  (void)waitpid(service->pid, NULL, 0);
  (void)close(service->orders);
}

struct guard_plan plan_for(const struct service *service, uint32_t action) {
  struct guard_plan plan = {
      .action = action,
      .flags = GUARD_PLAN_GROUP,
      .process = service->process,
      .kill_limit = 10000 * MS,
      .record_limit = 10000 * MS,
      .holds = {600000 * MS, 600000 * MS, 600000 * MS, 0},
      .name = "web",
      .about = "command=/usr/bin/web\n",
  };
  return plan;
}

struct guard_record await(const struct service *service, uint32_t kind) {
  struct guard_record record = check_wait(stage, PATIENCE);
  while (record.kind != 0 && (record.kind != kind || record.countdown != service->countdown)) record = check_wait(stage, PATIENCE);
  SAME(record.kind, kind);
  return record;
}

const char *record_text(const struct guard_record *record) {
  static char text[GUARD_RECORD_MAX + 1];
  text[0] = '\0';
  OK(record->flags > 0);
  if (record->flags > 0) OK(guard_record_text(stage, record->flags - 1, text) > 0);
  return text;
}
