/* What can be said of watchdog devices where there is none; the real ones are in test/vm. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../watchdog-device.h"
#include "check.h"

static void refuses_what_is_no_watchdog(void) {
  char folder[] = "/tmp/hangdog-watchdog-XXXXXX", path[64];
  OK(mkdtemp(folder) != NULL);
  SAME(watchdog_device_open(NULL), -EINVAL);
  SAME(watchdog_device_open(""), -EINVAL);
  SAME(watchdog_device_open("/dev/null"), -ENOTTY);
  SAME(watchdog_device_open("/dev/zero"), -ENOTTY);
  SAME(watchdog_device_open(folder), -ENOTTY);
  (void)snprintf(path, sizeof path, "%s/none", folder);
  SAME(watchdog_device_open(path), -ENOENT);
  (void)snprintf(path, sizeof path, "%s/fifo", folder);
  SAME(mkfifo(path, 0600), 0);
  SAME(watchdog_device_open(path), -ENOTTY);
  (void)unlink(path);
  (void)snprintf(path, sizeof path, "%s/file", folder);
  int file = open(path, O_CREAT | O_RDWR, 0600);
  SAME(watchdog_device_open(path), -ENOTTY);
  SAME(lseek(file, 0, SEEK_END), 0);
  (void)close(file);
  (void)unlink(path);
  (void)rmdir(folder);
}

static void closes_nothing_else(void) {
  struct watchdog_support support;
  uint32_t status;
  int fd = open("/dev/null", O_RDWR);
  SAME(watchdog_device_close(fd, true), -ENOTTY);
  SAME(watchdog_device_close(fd, false), -ENOTTY);
  OK(fcntl(fd, F_GETFD) >= 0);
  SAME(watchdog_device_keep_alive(fd), -ENOTTY);
  SAME(watchdog_device_set_timeout(fd, 10), -ENOTTY);
  SAME(watchdog_device_lengthen(fd, 10), -ENOTTY);
  SAME(watchdog_device_support(fd, &support), -ENOTTY);
  SAME(watchdog_device_boot_status(fd, &status), -ENOTTY);
  SAME(watchdog_device_disable(fd), -ENOTTY);
  (void)close(fd);
}

static void refuses_what_is_out_of_bounds(void) {
  SAME(watchdog_device_keep_alive(-1), -EBADF);
  SAME(watchdog_device_close(-1, true), -EBADF);
  SAME(watchdog_device_set_timeout(-1, 10), -EBADF);
  SAME(watchdog_device_set_timeout(1, 0), -EINVAL);
  SAME(watchdog_device_set_timeout(1, -1), -EINVAL);
  SAME(watchdog_device_set_timeout(1, WATCHDOG_SECONDS_MAX + 1), -EINVAL);
  SAME(watchdog_device_set_pretimeout(1, -1), -EINVAL);
  SAME(watchdog_device_set_pretimeout(1, WATCHDOG_SECONDS_MAX + 1), -EINVAL);
  SAME(watchdog_device_lengthen(1, 0), -EINVAL);
  SAME(watchdog_device_support(1, NULL), -EINVAL);
  SAME(watchdog_device_boot_status(1, NULL), -EINVAL);
}

int main(void) {
  check_case("a path that is no watchdog is refused, and nothing is done to it", refuses_what_is_no_watchdog);
  check_case("a descriptor that is no watchdog is neither written to nor closed", closes_nothing_else);
  check_case("arguments out of bounds are refused", refuses_what_is_out_of_bounds);
  return check_end("watchdog");
}
