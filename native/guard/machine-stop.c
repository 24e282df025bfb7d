/* Stops the machine. What that needs was opened beforehand; nothing is looked up at the time. */
#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "plan.h"
#include "watchdog-device.h"

/* A crash dump may take this long. */
#define DUMP_SECONDS 3600

/* Times that watchdogs are tried with, in seconds, until one is taken; each has a shortest one of its own. */
static const int shortest_times[] = {1, 2, 4, 8};

const char *machine_refusal(struct guard *guard, int64_t now) {
  const struct machine *machine = &guard->machine;
  if (now >= machine->permit_until) return "not permitted by hangdog at this time";
  if (machine->sysrq == 0 && !machine->reboot && machine->watchdog[0] == '\0') return "there is no way to stop this machine";
  return NULL;
}

char machine_letter(struct guard *guard) {
  char loaded = '0';
  if (guard->machine.crash_loaded != 0) (void)!pread(guard->machine.crash_loaded, &loaded, 1, 0);
  // Without a crash kernel a panic may leave the machine standing for ever; a reboot does not.
  return loaded == '1' ? 'c' : 'b';
}

static int request(struct guard *guard, char letter) {
  if (guard->machine.sysrq == 0) return -ENOENT;
  return pwrite(guard->machine.sysrq, &letter, 1, 0) == 1 ? 0 : -errno;
}

void machine_emergency_sync(struct guard *guard) {
  (void)request(guard, 's');
}

/* Armed by being opened, and never beaten: the descriptor is left open, so that the time runs out. One that is fed is open already. */
static int arm_watchdog(const struct machine *machine) {
  int watchdog = machine->fed;
  if (watchdog == 0) {
    if (machine->watchdog[0] == '\0') return -ENOENT;
    watchdog = open(machine->watchdog, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    if (watchdog < 0) return -errno;
  }
  for (size_t index = 0; index < sizeof shortest_times / sizeof *shortest_times; index++) {
    int seconds = shortest_times[index];
    if (ioctl(watchdog, WDIOC_SETTIMEOUT, &seconds) == 0) break;
  }
  return 0;
}

int machine_stop(struct guard *guard, enum machine_rung rung) {
  switch (rung) {
    case RUNG_SYSRQ: {
      char letter = machine_letter(guard);
      if (letter == 'c' && guard->machine.fed != 0) (void)watchdog_device_lengthen(guard->machine.fed, DUMP_SECONDS);
      return request(guard, letter);
    }
    case RUNG_REBOOT:
      if (!guard->machine.reboot) return -EPERM;
      return reboot(RB_AUTOBOOT) == 0 ? 0 : -errno;
    case RUNG_WATCHDOG:
      return arm_watchdog(&guard->machine);
    case RUNG_NONE:
      break;
  }
  return -EINVAL;
}

void machine_close(struct guard *guard) {
  struct machine *machine = &guard->machine;
  plan_close_file(&machine->sysrq);
  plan_close_file(&machine->crash_loaded);
  plan_close_file(&machine->kernel_log);
  plan_close_file(&machine->pressure);
}
