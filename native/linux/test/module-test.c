// SPDX-License-Identifier: MIT
/*
 * What /dev/hangdog promises, tried from outside. To be run as root on a machine that may be lost. Prints a line for each check; the
 * exit code is 1 when one failed. Waits are generous upwards: what must not happen is given several limits to happen in.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hangdog-module.h"

#define NOBODY 65534

static int failures;

static void check(bool good, const char *title) {
  int error = errno;
  printf("%s - %s", good ? "ok" : "not ok", title);
  if (!good) printf(" (errno %d)", error), failures++;
  printf("\n");
  fflush(stdout);
}

static int open_device(void) {
  int fd = open("/dev/hangdog", O_RDWR | O_CLOEXEC);
  if (fd < 0) perror("/dev/hangdog"), exit(2);
  return fd;
}

static struct hangdog_setup setup_of(pid_t pid, uint64_t timeout_ms, uint32_t action) {
  struct hangdog_setup setup = {.timeout_ms = timeout_ms, .pid = pid, .action = action, .source = 7, .name = "test"};
  return setup;
}

static int arm(int fd, pid_t pid, uint64_t timeout_ms, uint32_t action) {
  struct hangdog_setup setup = setup_of(pid, timeout_ms, action);
  return ioctl(fd, HANGDOG_ARM, &setup);
}

static struct hangdog_state state_of(int fd) {
  struct hangdog_state state = {0};
  if (ioctl(fd, HANGDOG_STATE, &state) != 0) perror("state"), exit(2);
  return state;
}

static void wait_ms(long ms) {
  struct timespec span = {ms / 1000, ms % 1000 * 1000000};
  while (nanosleep(&span, &span) != 0 && errno == EINTR);
}

/* Of a process that does nothing for a minute. */
static pid_t idler(void) {
  pid_t pid = fork();
  if (pid == 0) {
    alarm(60);
    for (;;) pause();
  }
  return pid;
}

static bool is_alive(pid_t pid) {
  return waitpid(pid, NULL, WNOHANG) == 0;
}

static void end(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
}

/* The signal that ended it within the time, or 0. */
static int ended_by(pid_t pid, long ms) {
  int status = 0;
  for (long waited = 0; waited <= ms; waited += 10) {
    if (waitpid(pid, &status, WNOHANG) == pid) return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    wait_ms(10);
  }
  return 0;
}

static bool next_event(int fd, int ms, struct hangdog_event *event) {
  struct pollfd poller = {.fd = fd, .events = POLLIN};
  return poll(&poller, 1, ms) == 1 && (poller.revents & POLLIN) && read(fd, event, sizeof *event) == sizeof *event;
}

static bool fails(int result, int error) {
  return result == -1 && errno == error;
}

static void says_what_it_is(void) {
  int fd = open_device();
  struct hangdog_version version = {0};
  check(ioctl(fd, HANGDOG_VERSION, &version) == 0 && version.api == HANGDOG_API_VERSION, "it tells its version");
  check(version.tick_ns >= 1000000 && version.tick_ns <= 10000000 && version.countdowns > 0, "and how fine it counts");
  check(state_of(fd).state == HANGDOG_OFF, "a countdown is off at first");
  check(write(fd, "x", 1) == 1, "a beat to one that is off changes nothing");
  check(state_of(fd).state == HANGDOG_OFF && state_of(fd).beats == 1, "but is counted");
  uint64_t spent;
  check(fails(ioctl(fd, HANGDOG_BEAT, &spent), ENODATA), "the ioctl for a beat says so");
  close(fd);
}

static void refuses_bad_values(void) {
  int fd = open_device();
  arm(fd, getpid(), 60000, HANGDOG_LOG);
  uint32_t arming = state_of(fd).arming;
  struct bad {
    const char *title;
    struct hangdog_setup setup;
  } bad[12];
  size_t count = 0;
  struct hangdog_setup good = setup_of(getpid(), 1000, HANGDOG_LOG);
#define BAD(text, change) bad[count] = (struct bad){text, good}, bad[count].setup.change, count++
  BAD("a timeout of 0 is refused", timeout_ms = 0);
  BAD("a timeout below the least is refused", timeout_ms = HANGDOG_TIMEOUT_MIN_MS - 1);
  BAD("a timeout above the most is refused", timeout_ms = HANGDOG_TIMEOUT_MAX_MS + 1);
  BAD("a timeout of all ones is refused", timeout_ms = UINT64_MAX);
  BAD("a warning after the end is refused", warning_ms = 1001);
  BAD("action 4 is refused", action = 4);
  BAD("pid 0 is refused", pid = 0);
  BAD("a pid below 0 is refused", pid = -1);
  BAD("unknown flags are refused", flags = 1);
  BAD("what is reserved is refused", reserved = 1);
  BAD("a name without an end is refused", name[0] = 'x');
  memset(bad[count - 1].setup.name, 'x', HANGDOG_NAME_SIZE);
  BAD("a name with a line break is refused", name[1] = '\n');
#undef BAD
  for (size_t index = 0; index < count; index++)
    check(fails(ioctl(fd, HANGDOG_ARM, &bad[index].setup), EINVAL), bad[index].title);
  uint64_t span = 0;
  check(fails(ioctl(fd, HANGDOG_EXTEND, &span), EINVAL), "an extension by nothing is refused");
  span = UINT64_MAX;
  check(fails(ioctl(fd, HANGDOG_EXTEND, &span), EINVAL), "an extension by all ones is refused");
  check(fails(ioctl(fd, HANGDOG_ARM, NULL), EFAULT), "a pointer to nowhere is refused");
  check(fails(ioctl(fd, _IO(HANGDOG_IOC, 99)), ENOTTY), "an unknown ioctl is refused");
  check(fails(ioctl(fd, TCGETS, &span), ENOTTY), "an ioctl of others is refused");
  check(fails(ioctl(fd, _IOWR(HANGDOG_IOC, 1, uint32_t), &span), ENOTTY), "an ioctl of another size is refused");
  check(state_of(fd).arming == arming && state_of(fd).state == HANGDOG_ARMED && state_of(fd).timeout_ms == 60000,
        "and nothing of it has changed the countdown");
  good.timeout_ms = HANGDOG_TIMEOUT_MAX_MS;
  check(ioctl(fd, HANGDOG_ARM, &good) == 0 && good.arming == arming + 1, "the longest timeout is taken");
  span = HANGDOG_TIMEOUT_MAX_MS;
  check(ioctl(fd, HANGDOG_EXTEND, &span) == 0 && ioctl(fd, HANGDOG_EXTEND, &span) == 0, "and extended twice");
  check(state_of(fd).remaining_ns / 1000000 > HANGDOG_TIMEOUT_MAX_MS, "without overflow");
  check(ioctl(fd, HANGDOG_DISARM) == 0 && state_of(fd).state == HANGDOG_OFF, "it is turned off");
  char small;
  check(fails((int)read(fd, &small, 1), EINVAL), "a read with no room is refused");
  close(fd);
}

static void *idle_thread(void *tid) {
  *(pid_t *)tid = (pid_t)syscall(SYS_gettid);
  pause();
  return NULL;
}

static void refuses_processes(void) {
  int fd = open_device();
  check(fails(arm(fd, 1, 1000, HANGDOG_TERMINATE), EPERM), "process 1 is refused");
  check(fails(arm(fd, 2, 1000, HANGDOG_TERMINATE), EPERM), "a thread of the kernel is refused");
  check(fails(arm(fd, 4000000, 1000, HANGDOG_TERMINATE), ESRCH), "a process that is not there is refused");
  struct hangdog_setup setup = setup_of(getpid(), 1000, HANGDOG_TERMINATE);
  setup.start_time = 1;
  check(fails(ioctl(fd, HANGDOG_ARM, &setup), ESRCH), "a pid that another had is refused");
  pid_t zombie = fork();
  if (zombie == 0) _exit(0);
  siginfo_t info;
  waitid(P_PID, zombie, &info, WEXITED | WNOWAIT);
  check(fails(arm(fd, zombie, 1000, HANGDOG_TERMINATE), ESRCH), "a zombie is refused");
  waitpid(zombie, NULL, 0);
  pthread_t thread;
  volatile pid_t tid = 0;
  pthread_create(&thread, NULL, idle_thread, (void *)&tid);
  while (tid == 0) wait_ms(10);
  check(fails(arm(fd, tid, 1000, HANGDOG_TERMINATE), ESRCH), "a thread is refused");
  check(state_of(fd).state == HANGDOG_OFF, "and nothing of it has armed the countdown");
  close(fd);
}

/* As an ordinary user who has been given the open device. */
static int as_nobody(void) {
  int fd = open_device();
  pid_t root_process = getppid();
  if (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0) return 2;
  check(fails(open("/dev/hangdog", O_RDWR), EACCES), "the device is not open to all");
  check(fails(arm(fd, root_process, 1000, HANGDOG_LOG), EPERM), "a process of another user is refused");
  check(fails(arm(fd, getpid(), 1000, HANGDOG_BUGCHECK), EPERM), "a bugcheck needs the right to reboot");
  check(arm(fd, getpid(), 60000, HANGDOG_TERMINATE) == 0, "one's own process is taken");
  return failures;
}

static void run_as_nobody(void) {
  int status = 0;
  pid_t pid = fork();
  if (pid == 0) _exit(as_nobody());
  waitpid(pid, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) failures++;
}

static void keeps_to_its_owner(void) {
  int fd = open_device();
  int go[2];
  int status = 0;
  (void)!pipe(go);
  pid_t pid = fork();
  if (pid == 0) {
    char byte;
    (void)!read(go[0], &byte, 1);
    struct hangdog_event event;
    uint64_t span = 1;
    bool kept = fails(ioctl(fd, HANGDOG_DISARM), EPERM) && fails(arm(fd, getpid(), 1000, HANGDOG_LOG), EPERM) &&
                fails(ioctl(fd, HANGDOG_EXTEND, &span), EPERM) && fails((int)read(fd, &event, sizeof event), EPERM);
    if (!kept || write(fd, "beat", 4) != 4) _exit(1);
    // A process of its own, with the file, but not the one that is watched.
    pid_t other = fork();
    if (other == 0) _exit(fails((int)write(fd, "beat", 4), EPERM) && fails(ioctl(fd, HANGDOG_BEAT, &span), EPERM) ? 0 : 1);
    waitpid(other, &status, 0);
    _exit(status == 0 ? 0 : 2);
  }
  arm(fd, pid, 60000, HANGDOG_DISABLE);
  check(state_of(fd).state == HANGDOG_OFF, "action 0 starts nothing");
  arm(fd, pid, 60000, HANGDOG_LOG);
  uint64_t beats = state_of(fd).beats;
  (void)!write(go[1], "x", 1);
  waitpid(pid, &status, 0);
  close(go[0]), close(go[1]);
  check(!WIFEXITED(status) || WEXITSTATUS(status) != 2, "a beat of another process is refused");
  check(status == 0, "who was handed the file may beat, and nothing else");
  check(state_of(fd).beats == beats + 1, "and the beat counts");
  close(fd);
}

static void hears_beats(void) {
  int fd = open_device();
  pid_t pid = idler();
  check(arm(fd, pid, 600, HANGDOG_TERMINATE) == 0, "it is armed");
  for (int beat = 0; beat < 20; beat++) wait_ms(100), (void)!write(fd, "\n", 1);
  check(is_alive(pid) && state_of(fd).state == HANGDOG_ARMED, "who beats lives");
  uint64_t spent = 0;
  wait_ms(100);
  check(ioctl(fd, HANGDOG_BEAT, &spent) == 0 && spent >= 95000000, "a beat tells what was spent before it");
  check(ended_by(pid, 10000) == SIGKILL, "who falls silent is ended by SIGKILL");
  struct hangdog_event event = {0};
  check(next_event(fd, 5000, &event) && event.kind == HANGDOG_EVENT_EXPIRED && event.error == 0, "the owner is told");
  check(event.value_ns >= 600000000 && event.arming == 1, "with the time spent, never less than the limit");
  check(state_of(fd).state == HANGDOG_EXPIRED, "and it has ended");
  arm(fd, getpid(), 50, HANGDOG_LOG);
  wait_ms(500);
  check(arm(fd, getpid(), 60000, HANGDOG_LOG) == 0 && ioctl(fd, HANGDOG_DISARM) == 0, "it can be armed again");
  check(next_event(fd, 5000, &event) && event.kind == HANGDOG_EVENT_EXPIRED && event.arming == 2, "what was done is told still");
  close(fd);
}

static void warns_and_reports(void) {
  int fd = open_device();
  struct hangdog_setup setup = setup_of(getpid(), 1000, HANGDOG_LOG);
  struct hangdog_event event = {0};
  setup.warning_ms = 400;
  ioctl(fd, HANGDOG_ARM, &setup);
  check(next_event(fd, 5000, &event) && event.kind == HANGDOG_EVENT_WARNING && event.value_ns >= 400000000, "it warns");
  (void)!write(fd, "x", 1);
  check(state_of(fd).state == HANGDOG_ARMED, "a beat takes the warning back");
  check(next_event(fd, 5000, &event) && event.kind == HANGDOG_EVENT_WARNING, "it warns of the next silence again");
  check(next_event(fd, 5000, &event) && event.kind == HANGDOG_EVENT_EXPIRED, "it reports the end");
  fcntl(fd, F_SETFL, O_NONBLOCK);
  check(fails((int)read(fd, &event, sizeof event), EAGAIN), "and nothing more");
  setup.arming = 0;
  ioctl(fd, HANGDOG_ARM, &setup);
  uint64_t span = 1000;
  ioctl(fd, HANGDOG_EXTEND, &span);
  wait_ms(1300);
  check(state_of(fd).state == HANGDOG_ARMED, "an extension moves warning and end away");
  check(next_event(fd, 5000, &event) && event.kind == HANGDOG_EVENT_WARNING && event.value_ns >= 400000000, "not for ever");
  close(fd);
}

static void ends_with_the_process(void) {
  int fd = open_device();
  pid_t pid = idler();
  struct hangdog_event event = {0};
  arm(fd, pid, 2000, HANGDOG_TERMINATE);
  kill(pid, SIGKILL);
  check(next_event(fd, 5000, &event) && event.kind == HANGDOG_EVENT_ENDED, "it is off when the process has ended, also unreaped");
  check(state_of(fd).state == HANGDOG_OFF, "and says so");
  waitpid(pid, NULL, 0);
  close(fd);
}

/* A supervisor of its own, which arms the countdown of a process and then ends by `signal`. */
static bool survives_owner(int signal_or_exit) {
  pid_t pid = idler();
  pid_t owner = fork();
  if (owner == 0) {
    int fd = open_device();
    if (arm(fd, pid, 400, HANGDOG_TERMINATE) != 0) _exit(2);
    if (signal_or_exit == 0) close(fd), pause();
    if (signal_or_exit < 0) _exit(0);
    raise(signal_or_exit);
  }
  wait_ms(2000);
  bool alive = is_alive(pid);
  end(owner);
  end(pid);
  return alive;
}

static void is_off_when_closed(void) {
  check(survives_owner(0), "close turns it off");
  check(survives_owner(-1), "so does exit");
  check(survives_owner(SIGKILL), "so does SIGKILL");
  check(survives_owner(SIGSEGV), "so does a crash");
  check(!survives_owner(SIGSTOP), "SIGSTOP of the owner does not");
}

static void is_kept_by_the_service(void) {
  int ready[2];
  (void)!pipe(ready);
  pid_t owner = fork();
  if (owner == 0) {
    int fd = open_device();
    pid_t service = idler();
    if (arm(fd, service, 1000, HANGDOG_TERMINATE) != 0) _exit(2);
    (void)!write(ready[1], &service, sizeof service);
    raise(SIGKILL);
  }
  pid_t service = 0;
  (void)!read(ready[0], &service, sizeof service);
  waitpid(owner, NULL, 0);
  wait_ms(4000);
  check(kill(service, 0) == -1 || ended_by(service, 0) == SIGKILL, "a service that holds the file is watched without its supervisor");
  kill(service, SIGKILL);
  close(ready[0]), close(ready[1]);
}

static void countdowns_are_independent(void) {
  int one = open_device();
  int two = open_device();
  pid_t pid = idler();
  arm(one, pid, 60000, HANGDOG_TERMINATE);
  arm(two, pid, 300, HANGDOG_LOG);
  struct hangdog_event event = {0};
  check(next_event(two, 5000, &event) && event.kind == HANGDOG_EVENT_EXPIRED, "of two supervisors each has its own countdown");
  check(is_alive(pid) && state_of(one).state == HANGDOG_ARMED, "and the end of one is not that of the other");
  end(pid);
  close(one), close(two);
}

/* With the parameter countdowns=8. */
static void has_a_limit(void) {
  int fds[8];
  for (int index = 0; index < 8; index++) fds[index] = open_device();
  check(fails(open("/dev/hangdog", O_RDWR), ENOSPC), "one file more than allowed is refused");
  close(fds[3]);
  fds[3] = open_device();
  check(fds[3] >= 0, "and taken once there is room");
  for (int index = 0; index < 8; index++) close(fds[index]);
}

static void no_way_out(void) {
  // First, as it would inherit the file.
  pid_t pid = idler();
  int fd = open_device();
  struct hangdog_version version = {0};
  ioctl(fd, HANGDOG_VERSION, &version);
  check((version.flags & HANGDOG_NOWAYOUT) != 0, "nowayout is told");
  arm(fd, pid, 1500, HANGDOG_TERMINATE);
  check(fails(ioctl(fd, HANGDOG_DISARM), EPERM), "with nowayout it is not turned off");
  check(fails(arm(fd, pid, 1500, HANGDOG_DISABLE), EPERM), "nor made to do nothing");
  check(fails(arm(fd, getpid(), 1500, HANGDOG_TERMINATE), EPERM), "nor turned to another process");
  check(fails(arm(fd, pid, 2000, HANGDOG_TERMINATE), EPERM), "nor given a longer timeout");
  check(fails(ioctl(fd, HANGDOG_EXTEND, &(uint64_t){500}), EPERM), "nor more time");
  check(arm(fd, pid, 1000, HANGDOG_TERMINATE) == 0, "its timeout can be made shorter");
  close(fd);
  check(ended_by(pid, 10000) == SIGKILL, "closing the file does not turn it off");
}

int main(int count, char **arguments) {
  if (count > 1 && strcmp(arguments[1], "nowayout") == 0) {
    no_way_out();
  } else if (count > 1 && strcmp(arguments[1], "limit") == 0) {
    has_a_limit();
  } else {
    says_what_it_is();
    refuses_bad_values();
    refuses_processes();
    run_as_nobody();
    keeps_to_its_owner();
    hears_beats();
    warns_and_reports();
    ends_with_the_process();
    is_off_when_closed();
    is_kept_by_the_service();
    countdowns_are_independent();
  }
  printf("%d failed\n", failures);
  return failures > 0;
}
