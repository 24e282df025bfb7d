#include "place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

/* Locked, and so never closed. */
static int held = -1;

static int lock(const char *path) {
  char name[sizeof((struct sockaddr_un *)0)->sun_path + sizeof ".lock"];
  (void)snprintf(name, sizeof name, "%s.lock", path);
  int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -errno;
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  int error = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
  (void)close(fd);
  return error;
}

/* Only a socket is replaced. */
static int clear(const char *path) {
  struct stat found;
  if (lstat(path, &found) != 0) return errno == ENOENT ? 0 : -errno;
  if (!S_ISSOCK(found.st_mode)) return -EEXIST;
  return unlink(path) == 0 ? 0 : -errno;
}

static int listen_there(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, path, strlen(path) + 1);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  // The file gets its mode from the mask, so that it never has any other.
  mode_t mask = umask(0177);
  int result = bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : -errno;
  (void)umask(mask);
  if (result == 0 && listen(fd, BACKLOG) != 0) result = -errno;
  if (result == 0) return fd;
  (void)close(fd);
  return result;
}

int place_listen(const char *path) {
  size_t length = path == NULL ? 0 : strlen(path);
  if (length == 0) return -EINVAL;
  if (length >= sizeof((struct sockaddr_un *)0)->sun_path) return -ENAMETOOLONG;
  int locked = lock(path);
  if (locked < 0) return locked;
  int result = clear(path);
  if (result == 0) result = listen_there(path);
  if (result < 0) (void)close(locked);
  else held = locked;
  return result;
}

void place_leave(void) {
  if (held >= 0) (void)close(held);
  held = -1;
}

/* All but what is needed, whatever the parent had open: a pipe that stays open here would never end for its reader. */
static void close_others(const int *kept, size_t count) {
  DIR *list = opendir("/proc/self/fd");
  if (list == NULL) return;
  int own = dirfd(list);
  for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
    int fd = atoi(entry->d_name);
    bool keeps = fd <= STDERR_FILENO || fd == own;
    for (size_t index = 0; index < count; index++) keeps = keeps || kept[index] == fd;
    if (!keeps) (void)close(fd);
  }
  (void)closedir(list);
}

static int wait_for(int told) {
  unsigned char code = 0;
  // Nothing to read means that it died before it was ready.
  return read(told, &code, 1) == 1 ? code : 70;
}

int place_detach(int kept) {
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC) != 0) return -errno;
  pid_t child = fork();
  if (child < 0) return -errno;
  if (child > 0) {
    (void)close(pipe_fds[1]);
    _exit(wait_for(pipe_fds[0]));
  }
  (void)setsid();
  // The leader of a session could be given a terminal; its child cannot.
  child = fork();
  if (child < 0) return -errno;
  if (child > 0) _exit(0);
  (void)!chdir("/");
  (void)umask(077);
  int nothing = open("/dev/null", O_RDWR);
  for (int fd = STDIN_FILENO; nothing >= 0 && fd <= STDERR_FILENO; fd++) (void)dup2(nothing, fd);
  const int needed[] = {kept, held, pipe_fds[1]};
  close_others(needed, sizeof needed / sizeof *needed);
  return pipe_fds[1];
}

void place_ready(int told, int exit_code) {
  unsigned char code = (unsigned char)exit_code;
  (void)!write(told, &code, 1);
  (void)close(told);
}

void place_widen(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &files);
}

int place_spare(void) {
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int result = write(fd, "-1000", 5) == 5 ? 0 : -errno;
  (void)close(fd);
  return result;
}
