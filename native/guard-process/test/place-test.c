/* The socket of a guard process: one guard a path, whatever a dead one left. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../guard/test/check.h"
#include "../place.h"

static char folder[64];
static char path[96];

static void make_folder(void) {
  (void)snprintf(folder, sizeof folder, "/tmp/hangdog-place-test-XXXXXX");
  if (mkdtemp(folder) == NULL) abort();
  (void)snprintf(path, sizeof path, "%s/s", folder);
}

static void remove_folder(void) {
  char lock[128];
  (void)snprintf(lock, sizeof lock, "%s.lock", path);
  (void)unlink(lock);
  (void)unlink(path);
  (void)rmdir(folder);
}

static void only_the_owner_of_the_folder_can_connect(void) {
  struct stat found;
  make_folder();
  int fd = place_listen(path);
  OK(fd >= 0);
  SAME(stat(path, &found), 0);
  SAME(found.st_mode & 0777, 0600);
  OK(S_ISSOCK(found.st_mode));
  (void)close(fd);
  place_leave();
  remove_folder();
}

static void a_path_that_another_serves_is_refused(void) {
  make_folder();
  int fd = place_listen(path);
  pid_t child = fork();
  if (child == 0) _exit(place_listen(path) == -EADDRINUSE ? 7 : 1);
  int status = 0;
  SAME(waitpid(child, &status, 0), child);
  SAME(WEXITSTATUS(status), 7);
  (void)close(fd);
  place_leave();
  remove_folder();
}

static void what_a_dead_one_left_is_replaced(void) {
  make_folder();
  pid_t child = fork();
  if (child == 0) _exit(place_listen(path) >= 0 ? 7 : 1);
  int status = 0;
  SAME(waitpid(child, &status, 0), child);
  SAME(WEXITSTATUS(status), 7);
  SAME(access(path, F_OK), 0);
  int fd = place_listen(path);
  OK(fd >= 0);
  (void)close(fd);
  place_leave();
  remove_folder();
}

static void what_is_no_socket_stays(void) {
  make_folder();
  int file = open(path, O_CREAT | O_WRONLY, 0600);
  SAME(write(file, "x", 1), 1);
  (void)close(file);
  SAME(place_listen(path), -EEXIST);
  struct stat found;
  SAME(stat(path, &found), 0);
  SAME(found.st_size, 1);
  remove_folder();
}

static void a_bad_path_is_refused(void) {
  char longest[200];
  memset(longest, 'x', sizeof longest);
  longest[sizeof longest - 1] = '\0';
  SAME(place_listen(NULL), -EINVAL);
  SAME(place_listen(""), -EINVAL);
  SAME(place_listen(longest), -ENAMETOOLONG);
  SAME(place_listen("/nonexistent/s"), -ENOENT);
}

int main(void) {
  check_case("only the owner of the folder can connect", only_the_owner_of_the_folder_can_connect);
  check_case("a path that another serves is refused", a_path_that_another_serves_is_refused);
  check_case("what a dead one left is replaced", what_a_dead_one_left_is_replaced);
  check_case("what is no socket stays", what_is_no_socket_stays);
  check_case("a bad path is refused", a_bad_path_is_refused);
  return check_end("place");
}
