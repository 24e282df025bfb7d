#include "watchdog-device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int control(int fd, unsigned long request, void *argument) {
  if (fd < 0) return -EBADF;
  return ioctl(fd, request, argument) < 0 ? -errno : 0;
}

static bool is_character_device(const struct stat *found) { return S_ISCHR(found->st_mode); }

int watchdog_device_open(const char *path) {
  struct stat found;
  struct watchdog_support support;
  if (path == NULL || *path == '\0') return -EINVAL;
  // A look first: to open a FIFO would wait, and other files are nobody's watchdog.
  if (stat(path, &found) < 0) return -errno;
  if (!is_character_device(&found)) return -ENOTTY;
  int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return -errno;
  int result = watchdog_device_support(fd, &support);
  if (result == 0) return fd;
  (void)close(fd);
  // Devices answer a request that they do not know in several ways.
  return result == -EINVAL || result == -ENODEV || result == -ENOSYS ? -ENOTTY : result;
}

int watchdog_device_support(int fd, struct watchdog_support *out) {
  struct watchdog_info info;
  if (out == NULL) return -EINVAL;
  memset(&info, 0, sizeof info);
  int result = control(fd, WDIOC_GETSUPPORT, &info);
  if (result != 0) return result;
  *out = (struct watchdog_support){.options = info.options, .firmware = info.firmware_version};
  memcpy(out->identity, info.identity, sizeof info.identity);
  return 0;
}

int watchdog_device_set_timeout(int fd, int seconds) {
  if (seconds < 1 || seconds > WATCHDOG_SECONDS_MAX) return -EINVAL;
  int result = control(fd, WDIOC_SETTIMEOUT, &seconds);
  if (result != 0) return result;
  // Most drivers write back what they made of it; all are asked.
  result = control(fd, WDIOC_GETTIMEOUT, &seconds);
  return result == 0 || result == -EOPNOTSUPP || result == -ENOTTY ? seconds : result;
}

int watchdog_device_set_pretimeout(int fd, int seconds) {
  if (seconds < 0 || seconds > WATCHDOG_SECONDS_MAX) return -EINVAL;
  int result = control(fd, WDIOC_SETPRETIMEOUT, &seconds);
  if (result != 0) return result;
  result = control(fd, WDIOC_GETPRETIMEOUT, &seconds);
  return result == 0 || result == -EOPNOTSUPP || result == -ENOTTY ? seconds : result;
}

int watchdog_device_keep_alive(int fd) {
  int unused = 0;
  return control(fd, WDIOC_KEEPALIVE, &unused);
}

int watchdog_device_boot_status(int fd, uint32_t *out) {
  int status = 0;
  if (out == NULL) return -EINVAL;
  int result = control(fd, WDIOC_GETBOOTSTATUS, &status);
  if (result == 0) *out = (uint32_t)status;
  return result;
}

int watchdog_device_disable(int fd) {
  int option = WDIOS_DISABLECARD;
  return control(fd, WDIOC_SETOPTIONS, &option);
}

int watchdog_device_lengthen(int fd, int seconds) {
  if (seconds < 1) return -EINVAL;
  if (seconds > WATCHDOG_SECONDS_MAX) seconds = WATCHDOG_SECONDS_MAX;
  // A driver refuses what is too long and does not say what is not. Downwards from what is asked, so that a success ends it.
  for (int asked = seconds; asked > 0; asked /= 2) {
    int given = watchdog_device_set_timeout(fd, asked);
    if (given != -EINVAL) return given;
  }
  return -EINVAL;
}

int watchdog_device_close(int fd, bool orderly) {
  struct watchdog_support support;
  // The number may be that of another file by now, which is not ours to close.
  int result = watchdog_device_support(fd, &support);
  if (result != 0) return result;
  ssize_t written = orderly ? write(fd, "V", 1) : 1;
  result = written == 1 ? 0 : -errno;
  (void)close(fd);
  return result;
}
