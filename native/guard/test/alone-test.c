/* What the guard does alone about a service: real processes, the guard's own thread, and an owner that does not answer. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../include/hangdog.h"
#include "../recorder.h"
#include "service.h"

/* A disk that hangs: the recorder's writes wait while this is set. It stands in for the system call, as no disk hangs on demand. */
static atomic_bool disk_hangs;

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
  while (length == RECORDER_HALF_BYTES && atomic_load(&disk_hangs)) rest_ms(5);
  return syscall(SYS_pwrite64, file, bytes, length, at);
}

static bool contains(const char *text, const char *part) {
  if (strstr(text, part) != NULL) return true;
  printf("  \"%s\" is not in:\n%s\n", part, text);
  return false;
}

static void set_plan(const struct service *service, const struct guard_plan *plan) {
  OK(guard_countdown_plan(stage, service->countdown, plan) >= 0);
}

/* ---- Terminating ---- */

static void it_kills_proves_and_records(void) {
  stage_open_recorded();
  struct service web = service_start(IGNORES_TERM);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  set_plan(&web, &plan);
  service_begin(&web, 200 * MS);
  (void)await(&web, GUARD_EXPIRED);
  struct guard_record acting = await(&web, GUARD_ACTING);
  SAME(acting.process, web.process);
  struct guard_record acted = await(&web, GUARD_ACTED);
  SAME(acted.value, 0);
  SAME(acted.flags, acting.flags);
  SAME(service_wait(&web), SIGKILL);
  const char *text = record_text(&acted);
  OK(strncmp(text, "id=20", 5) == 0);
  OK(contains(text, "Z-web-"));
  OK(contains(text, "\nservice=web\npid="));
  OK(contains(text, "\nlimit-ms=200\nsilent-ms=2"));
  OK(contains(text, "\naction=2\nstate=S\ncommand=/usr/bin/web\nstep="));
  OK(contains(text, " terminate pid "));
  OK(contains(text, " gone after "));
  OK(contains(text, "\noutcome=terminated\n"));
  SAME(await(&web, GUARD_EXITED).process, web.process);
  stage_close();
}

static void it_asks_first_and_kills_what_does_not_obey(void) {
  stage_open();
  struct service good = service_start(OBEYS);
  struct service bad = service_start(IGNORES_TERM);
  struct guard_plan plan = plan_for(&good, GUARD_TERMINATE);
  plan.signal = SIGTERM;
  plan.grace = 60000 * MS;
  set_plan(&good, &plan);
  service_begin(&good, 100 * MS);
  SAME(service_wait(&good), SIGTERM);
  SAME(await(&good, GUARD_ACTED).value, 0);
  plan = plan_for(&bad, GUARD_TERMINATE);
  plan.signal = SIGTERM;
  plan.grace = 300 * MS;
  set_plan(&bad, &plan);
  service_begin(&bad, 100 * MS);
  SAME(service_wait(&bad), SIGKILL);
  SAME(await(&bad, GUARD_ACTED).value, 0);
  stage_close();
}

static void two_at_once_are_both_dealt_with(void) {
  stage_open_recorded();
  struct service one = service_start(IGNORES_TERM);
  struct service two = service_start(IGNORES_TERM);
  struct guard_plan plan = plan_for(&one, GUARD_TERMINATE);
  set_plan(&one, &plan);
  plan = plan_for(&two, GUARD_TERMINATE);
  plan.name = "db";
  set_plan(&two, &plan);
  service_begin(&one, 300 * MS);
  service_begin(&two, 300 * MS);
  SAME(service_wait(&one), SIGKILL);
  SAME(service_wait(&two), SIGKILL);
  struct guard_record first = await(&one, GUARD_ACTED);
  OK(contains(record_text(&first), "\nservice=web\n"));
  stage_close();
}

static const char cgroup_root[] = "/sys/fs/cgroup/unified";

static const char *group_root(void) {
  return access(cgroup_root, F_OK) == 0 ? cgroup_root : "/sys/fs/cgroup";
}

static bool write_to(const char *directory, const char *name, const char *text) {
  char path[256];
  (void)snprintf(path, sizeof path, "%s/%s", directory, name);
  int file = open(path, O_WRONLY);
  bool done = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);
  if (file >= 0) (void)close(file);
  return done;
}

/* A control group of cgroup2 for this case, if one can be made here. */
static bool make_group(char *path, size_t size) {
  (void)snprintf(path, size, "%s/hangdog-alone-%d", group_root(), (int)getpid());
  char kill_path[200];
  (void)snprintf(kill_path, sizeof kill_path, "%s/cgroup.kill", path);
  if (mkdir(path, 0755) == 0 && access(kill_path, W_OK) == 0) return true;
  printf("  skipped: no cgroup2 with cgroup.kill can be made in %s: %s\n", group_root(), strerror(errno));
  (void)rmdir(path);
  return false;
}

static void remove_group(const char *path) {
  for (int wait = 0; wait < PATIENCE && rmdir(path) != 0; wait++) rest_ms(1);
}

static void a_whole_control_group_is_ended_and_that_is_proven(void) {
  char group[160];
  if (!make_group(group, sizeof group)) return;
  stage_open();
  char number[32];
  struct service web = service_start(HAS_CHILD_IN_OTHER_SESSION);
  (void)snprintf(number, sizeof number, "%d", (int)web.pid);
  OK(write_to(group, "cgroup.procs", number));
  // What it starts at its first beat is in no session or process group of its own.
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  plan.group = group;
  SAME(guard_countdown_plan(stage, web.countdown, &plan), GUARD_GOT_GROUP);
  service_begin(&web, 200 * MS);
  SAME(await(&web, GUARD_ACTED).value, 0);
  SAME(service_wait(&web), SIGKILL);
  char events[200];
  (void)snprintf(events, sizeof events, "%s/cgroup.events", group);
  char text[128] = "";
  int file = open(events, O_RDONLY);
  OK(read(file, text, sizeof text - 1) > 0);
  (void)close(file);
  OK(contains(text, "populated 0"));
  stage_close();
  remove_group(group);
}

static void a_frozen_control_group_is_not_a_hang(void) {
  char group[160];
  if (!make_group(group, sizeof group)) return;
  stage_open();
  char number[32];
  struct service web = service_start(OBEYS);
  (void)snprintf(number, sizeof number, "%d", (int)web.pid);
  OK(write_to(group, "cgroup.procs", number));
  char freezer[200];
  (void)snprintf(freezer, sizeof freezer, "%s/cgroup.events", group);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  plan.freezer = freezer;
  SAME(guard_countdown_plan(stage, web.countdown, &plan), GUARD_GOT_FREEZER);
  OK(write_to(group, "cgroup.freeze", "1"));
  SAME(guard_countdown_arm(stage, web.countdown, 60000 * MS, 60000 * MS, NULL), 0);
  OK(write_to(group, "cgroup.freeze", "0"));
  service_begin(&web, 200 * MS);
  OK(write_to(group, "cgroup.freeze", "1"));
  SAME(await(&web, GUARD_HOLDING).value, GUARD_HELD_FROZEN);
  rest_ms(1000);
  SAME(service_end(&web), -1);
  OK(write_to(group, "cgroup.freeze", "0"));
  service_say(&web, "WATCHDOG=1");
  SAME(guard_countdown_disarm(stage, web.countdown), 0);
  SAME(service_end(&web), -1);
  service_kill(&web);
  stage_close();
  remove_group(group);
}

static void what_cannot_be_proven_is_said(void) {
  stage_open_recorded();
  SAME(mkdir(stage_path("group"), 0700), 0);
  stage_put("group/cgroup.kill", "");
  stage_put("group/cgroup.events", "populated 1\nfrozen 0\n");
  struct service web = service_start(IGNORES_TERM);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  plan.group = stage_path("group");
  plan.kill_limit = 300 * MS;
  set_plan(&web, &plan);
  service_begin(&web, 100 * MS);
  struct guard_record acted = await(&web, GUARD_ACTED);
  SAME(acted.value, ETIMEDOUT);
  OK(contains(record_text(&acted), "\noutcome=not-terminated\n"));
  SAME(strcmp(stage_get("group/cgroup.kill"), "1"), 0);
  (void)service_wait(&web);
  (void)unlink(stage_path("group/cgroup.kill"));
  (void)unlink(stage_path("group/cgroup.events"));
  (void)rmdir(stage_path("group"));
  stage_close();
}

/* ---- What it leaves alone ---- */

static void silence_that_only_the_owner_can_see_is_not_its_business(void) {
  stage_open_recorded();
  struct service web = service_start(OBEYS);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  set_plan(&web, &plan);
  // The beats come by way of the owner, whose sockets the guard cannot read.
  service_begin(&web, 60000 * MS);
  rest_ms(20);
  for (int beat = 0; beat < 2; beat++) SAME(guard_countdown_quiet_beat(stage, web.countdown, NULL), 0);
  SAME(guard_countdown_arm(stage, web.countdown, 100 * MS, 50 * MS, NULL), 0);
  struct guard_record expired = await(&web, GUARD_EXPIRED);
  rest_ms(1000);
  SAME(service_end(&web), -1);
  SAME(guard_countdown_claim(stage, web.countdown, expired.arming), 0);
  service_kill(&web);
  stage_close();
}

static void a_claim_comes_first(void) {
  stage_open_recorded();
  struct service web = service_start(OBEYS);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  plan.budget = 2000 * MS;
  set_plan(&web, &plan);
  service_begin(&web, 100 * MS);
  struct guard_record expired = await(&web, GUARD_EXPIRED);
  SAME(guard_countdown_claim(stage, web.countdown, expired.arming), 0);
  rest_ms(2500);
  SAME(service_end(&web), -1);
  service_kill(&web);
  stage_close();
}

static void a_beat_within_the_budget_calls_it_off(void) {
  stage_open_recorded();
  struct service web = service_start(OBEYS);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  plan.budget = 3000 * MS;
  set_plan(&web, &plan);
  service_begin(&web, 1000 * MS);
  (void)await(&web, GUARD_EXPIRED);
  for (int beat = 0; beat < 20; beat++) {
    service_say(&web, "WATCHDOG=1");
    rest_ms(200);
  }
  SAME(service_end(&web), -1);
  service_kill(&web);
  stage_close();
}

static void a_stopped_service_is_held_and_then_has_its_limit_again(void) {
  stage_open_recorded();
  struct service web = service_start(OBEYS);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  set_plan(&web, &plan);
  service_begin(&web, 2000 * MS);
  SAME(kill(web.pid, SIGSTOP), 0);
  SAME(await(&web, GUARD_HOLDING).value, GUARD_HELD_STOPPED);
  rest_ms(500);
  SAME(kill(web.pid, SIGCONT), 0);
  for (int beat = 0; beat < 12; beat++) {
    rest_ms(200);
    service_say(&web, "WATCHDOG=1");
  }
  SAME(service_end(&web), -1);
  service_kill(&web);
  stage_close();
}

static void a_hold_has_a_limit(void) {
  stage_open_recorded();
  struct service web = service_start(OBEYS);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  plan.holds[GUARD_HELD_STOPPED - 1] = 500 * MS;
  plan.signal = SIGTERM;
  plan.grace = 60000 * MS;
  set_plan(&web, &plan);
  service_begin(&web, 200 * MS);
  SAME(kill(web.pid, SIGSTOP), 0);
  struct guard_record acted = await(&web, GUARD_ACTED);
  // No time is lost on a signal that a stopped process cannot take.
  SAME(service_wait(&web), SIGKILL);
  OK(contains(record_text(&acted), "held for longer than allowed"));
  stage_close();
}

static void a_traced_service_is_held(void) {
  stage_open();
  struct service web = service_start(OBEYS);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  set_plan(&web, &plan);
  service_begin(&web, 300 * MS);
  if (ptrace(PTRACE_SEIZE, web.pid, NULL, NULL) != 0 || ptrace(PTRACE_INTERRUPT, web.pid, NULL, NULL) != 0) {
    printf("  skipped: a process cannot be traced here: %s\n", strerror(errno));
  } else {
    SAME(waitpid(web.pid, NULL, __WALL), web.pid);
    SAME(await(&web, GUARD_HOLDING).value, GUARD_HELD_TRACED);
    SAME(guard_countdown_disarm(stage, web.countdown), 0);
    SAME(ptrace(PTRACE_DETACH, web.pid, NULL, NULL), 0);
  }
  service_kill(&web);
  stage_close();
}

static void what_a_service_says_of_its_end_and_limit_is_for_the_owner(void) {
  static const char *const said[] = {"STOPPING=1", "STATUS=bye\nSTOPPING=1\n", "WATCHDOG_USEC=60000000"};
  for (int index = 0; index < 3; index++) {
    stage_open();
    struct service web = service_start(OBEYS);
    struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
    set_plan(&web, &plan);
    service_begin(&web, 300 * MS);
    service_say(&web, said[index]);
    (void)await(&web, GUARD_EXPIRED);
    rest_ms(500);
    SAME(service_end(&web), -1);
    // A new arming is the owner's answer.
    SAME(guard_countdown_arm(stage, web.countdown, 100 * MS, 50 * MS, NULL), 0);
    SAME(service_wait(&web), SIGKILL);
    stage_close();
  }
}

static void more_time_is_given_without_the_owner(void) {
  stage_open();
  struct service web = service_start(OBEYS);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  set_plan(&web, &plan);
  service_begin(&web, 1000 * MS);
  service_say(&web, "EXTEND_TIMEOUT_USEC=60000000");
  rest_ms(2500);
  SAME(service_end(&web), -1);
  struct guard_countdown_reading reading;
  SAME(guard_countdown_reading(stage, web.countdown, &reading), 0);
  OK(reading.remaining > 30000 * MS);
  service_kill(&web);
  stage_close();
}

/* Beats of a page are seen by the guard: in an expiry they call it off, and their silence is acted on. */
static void a_page_is_seen_without_the_owner(void) {
  stage_open_recorded();
  struct service web = service_start(OBEYS);
  guard_id page = 0;
  int fd = -1;
  SAME(guard_page_open(stage, 1, &page, &fd), 0);
  struct hangdog_line *line = (struct hangdog_line *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) + 1;
  SAME(guard_page_bind(stage, page, 0, web.countdown), 0);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  plan.budget = 1000 * MS;
  set_plan(&web, &plan);
  SAME(guard_countdown_arm(stage, web.countdown, 500 * MS, 250 * MS, NULL), 0);
  for (int beat = 0; beat < 10; beat++) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    __atomic_store_n(&line->stamp, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec, __ATOMIC_RELEASE);
    // Longer than the limit, shorter than limit and budget.
    rest_ms(700);
    SAME(service_end(&web), -1);
  }
  SAME(service_wait(&web), SIGKILL);
  SAME(await(&web, GUARD_ACTED).value, 0);
  (void)munmap(line - 1, 4096);
  (void)close(fd);
  stage_close();
}

/* ---- An owner that stops answering after its claim ---- */

static void a_lease_that_runs_out_is_acted_on(void) {
  stage_open_recorded();
  struct service web = service_start(OBEYS);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  plan.budget = 60000 * MS;
  set_plan(&web, &plan);
  SAME(guard_countdown_lease(stage, web.countdown, 0), -ENODATA);
  service_begin(&web, 100 * MS);
  struct guard_record expired = await(&web, GUARD_EXPIRED);
  SAME(guard_countdown_claim(stage, web.countdown, expired.arming), 0);
  SAME(guard_countdown_lease(stage, web.countdown, 200 * MS), 0);
  SAME(await(&web, GUARD_ACTED).value, 0);
  SAME(service_wait(&web), SIGKILL);
  stage_close();
}

static void a_lease_ends_by_release_arming_and_beat(void) {
  for (int way = 0; way < 3; way++) {
    stage_open_recorded();
    struct service web = service_start(OBEYS);
    struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
    plan.budget = 60000 * MS;
    set_plan(&web, &plan);
    service_begin(&web, 100 * MS);
    struct guard_record expired = await(&web, GUARD_EXPIRED);
    SAME(guard_countdown_claim(stage, web.countdown, expired.arming), 0);
    SAME(guard_countdown_lease(stage, web.countdown, 1500 * MS), 0);
    if (way == 0) SAME(guard_countdown_lease(stage, web.countdown, 0), 0);
    if (way == 1) SAME(guard_countdown_arm(stage, web.countdown, 60000 * MS, 60000 * MS, NULL), 0);
    if (way == 2) service_say(&web, "WATCHDOG=1");
    rest_ms(2500);
    SAME(service_end(&web), -1);
    service_kill(&web);
    stage_close();
  }
}

/* ---- Records ---- */

static void it_only_records_what_is_to_be_logged(void) {
  stage_open_recorded();
  struct service web = service_start(OBEYS);
  struct guard_plan plan = plan_for(&web, GUARD_LOG);
  set_plan(&web, &plan);
  service_begin(&web, 200 * MS);
  struct guard_record expired = await(&web, GUARD_EXPIRED);
  struct guard_record noted = await(&web, GUARD_NOTED);
  OK(contains(record_text(&noted), "reported only"));
  SAME(service_end(&web), -1);
  SAME(guard_record_free(stage, noted.flags - 1), -EBUSY);
  // The owner comes back, and goes on with what was written.
  SAME(guard_countdown_claim(stage, web.countdown, expired.arming), 0);
  OK(contains(record_text(&noted), "reported only"));
  SAME(guard_record_free(stage, noted.flags - 1), 0);
  service_kill(&web);
  stage_close();
}

static void a_record_is_on_the_disk_before_the_signal(void) {
  stage_open_recorded();
  stage_put("kmsg", "");
  struct guard_machine machine = {.kernel_log = stage_path("kmsg")};
  SAME(guard_machine_open(stage, &machine), GUARD_GOT_KERNEL_LOG);
  struct service web = service_start(OBEYS);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  plan.record_limit = 60000 * MS;
  set_plan(&web, &plan);
  atomic_store(&disk_hangs, true);
  service_begin(&web, 200 * MS);
  (void)await(&web, GUARD_EXPIRED);
  rest_ms(1000);
  SAME(service_end(&web), -1);
  atomic_store(&disk_hangs, false);
  SAME(service_wait(&web), SIGKILL);
  (void)await(&web, GUARD_ACTED);
  stage_close();
}

static void a_disk_that_hangs_does_not_hold_it_up(void) {
  stage_open_recorded();
  stage_put("kmsg", "");
  struct guard_machine machine = {.kernel_log = stage_path("kmsg")};
  SAME(guard_machine_open(stage, &machine), GUARD_GOT_KERNEL_LOG);
  struct service web = service_start(OBEYS);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  plan.record_limit = 200 * MS;
  set_plan(&web, &plan);
  atomic_store(&disk_hangs, true);
  service_begin(&web, 200 * MS);
  SAME(service_wait(&web), SIGKILL);
  struct guard_record acted = await(&web, GUARD_ACTED);
  OK(contains(record_text(&acted), "\noutcome=terminated\n"));
  OK(contains(stage_get("kmsg"), "<3>hangdog: guard: the record of service web is not on the disk: not confirmed in time\n"));
  OK(contains(stage_get("kmsg"), "<3>hangdog: guard: service web hung and hangdog did not answer: terminated, incident 20"));
  // Nor does it hold up the end, though its thread is left behind.
  stage_close();
  atomic_store(&disk_hangs, false);
  rest_ms(200);
}

static void a_beat_while_the_record_is_written_calls_it_off(void) {
  stage_open_recorded();
  struct service web = service_start(OBEYS);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  plan.record_limit = 60000 * MS;
  set_plan(&web, &plan);
  atomic_store(&disk_hangs, true);
  service_begin(&web, 5000 * MS);
  (void)await(&web, GUARD_EXPIRED);
  rest_ms(200);
  service_say(&web, "WATCHDOG=1");
  atomic_store(&disk_hangs, false);
  struct guard_record noted = await(&web, GUARD_NOTED);
  OK(contains(record_text(&noted), "\noutcome=called-off\n"));
  SAME(guard_record_free(stage, noted.flags - 1), 0);
  SAME(service_end(&web), -1);
  service_kill(&web);
  stage_close();
}

static void a_full_disk_is_found_out_beforehand(void) {
  stage_open();
  const char *folder = stage_path("small");
  SAME(mkdir(folder, 0700), 0);
  if (mount("none", folder, "tmpfs", 0, "size=32k") != 0) {
    printf("  skipped: no small file system can be mounted here: %s\n", strerror(errno));
  } else {
    SAME(guard_record_open(stage, stage_path("small/records"), ""), -ENOSPC);
    SAME(access(stage_path("small/records"), F_OK), -1);
    // It acts all the same.
    struct service web = service_start(OBEYS);
    struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
    set_plan(&web, &plan);
    service_begin(&web, 100 * MS);
    SAME(service_wait(&web), SIGKILL);
    SAME(await(&web, GUARD_ACTED).flags, 0);
    SAME(umount(folder), 0);
  }
  (void)rmdir(folder);
  stage_close();
}

/* The newest whole text of a slot in the file, as another program would find it. */
static const char *in_file(uint32_t slot) {
  static struct {
    char magic[8];
    uint32_t checksum, length;
    uint64_t sequence;
    char text[GUARD_RECORD_MAX + 1];
  } half[2];
  int file = open(stage_path("records"), O_RDONLY);
  int newest = -1;
  for (int index = 0; index < 2; index++) {
    memset(&half[index], 0, sizeof half[index]);
    off_t at = RECORDER_HEAD_BYTES + ((off_t)slot * 2 + index) * RECORDER_HALF_BYTES;
    (void)!pread(file, &half[index], RECORDER_HALF_BYTES, at);
    bool whole = memcmp(half[index].magic, "hangdog1", 8) == 0 && half[index].length <= GUARD_RECORD_MAX &&
                 half[index].checksum == recorder_checksum(&half[index].length, 12 + half[index].length);
    if (whole && (newest < 0 || half[index].sequence > half[newest].sequence)) newest = index;
  }
  (void)close(file);
  return newest < 0 ? "" : half[newest].text;
}

static void the_file_has_what_was_said_and_loses_what_is_freed(void) {
  stage_open_recorded();
  SAME(recorder_checksum("123456789", 9), 0xCBF43926);
  SAME(strncmp(stage_get("records"), "a test\n", 8), 0);
  struct service web = service_start(OBEYS);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  set_plan(&web, &plan);
  service_begin(&web, 100 * MS);
  struct guard_record acted = await(&web, GUARD_ACTED);
  uint32_t slot = acted.flags - 1;
  for (int wait = 0; wait < PATIENCE && strcmp(in_file(slot), record_text(&acted)) != 0; wait += 10) rest_ms(10);
  SAME(strcmp(in_file(slot), record_text(&acted)), 0);
  SAME(guard_record_free(stage, slot), 0);
  for (int wait = 0; wait < PATIENCE && in_file(slot)[0] != '\0'; wait += 10) rest_ms(10);
  SAME(in_file(slot)[0], 0);
  SAME(guard_record_free(stage, slot), -ENOENT);
  SAME(guard_record_free(stage, GUARD_SLOTS), -EINVAL);
  SAME(service_wait(&web), SIGKILL);
  stage_close();
}

static void without_a_free_slot_it_acts_without_a_record(void) {
  stage_open_recorded();
  for (int round = 0; round <= GUARD_SLOTS; round++) {
    struct service web = service_start(OBEYS);
    struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
    set_plan(&web, &plan);
    service_begin(&web, 20 * MS);
    struct guard_record acted = await(&web, GUARD_ACTED);
    SAME(acted.flags, round < GUARD_SLOTS ? round + 1 : 0);
    SAME(service_wait(&web), SIGKILL);
    (void)close(web.orders);
    SAME(guard_process_remove(stage, web.process), 0);
    SAME(guard_countdown_dispose(stage, web.countdown), 0);
  }
  stage_close();
}

static void bad_plans_are_refused(void) {
  stage_open();
  struct service web = service_start(OBEYS);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  plan.name = "two\nlines";
  SAME(guard_countdown_plan(stage, web.countdown, &plan), -EINVAL);
  plan = plan_for(&web, GUARD_TERMINATE);
  plan.about = "no line";
  SAME(guard_countdown_plan(stage, web.countdown, &plan), -EINVAL);
  plan = plan_for(&web, 4);
  SAME(guard_countdown_plan(stage, web.countdown, &plan), -EINVAL);
  plan = plan_for(&web, GUARD_TERMINATE);
  plan.kill_limit = 0;
  SAME(guard_countdown_plan(stage, web.countdown, &plan), -EINVAL);
  plan = plan_for(&web, GUARD_TERMINATE);
  plan.process = 77;
  SAME(guard_countdown_plan(stage, web.countdown, &plan), -ESRCH);
  plan = plan_for(&web, GUARD_TERMINATE);
  SAME(guard_countdown_plan(stage, 77, &plan), -ENOENT);
  SAME(guard_countdown_plan(stage, web.countdown, NULL), -EINVAL);
  service_kill(&web);
  stage_close();
}

int main(void) {
  check_case("it kills, proves and records", it_kills_proves_and_records);
  check_case("it asks first, and kills what does not obey", it_asks_first_and_kills_what_does_not_obey);
  check_case("two at once are both dealt with", two_at_once_are_both_dealt_with);
  check_case("a whole control group is ended, and that is proven", a_whole_control_group_is_ended_and_that_is_proven);
  check_case("a frozen control group is not a hang", a_frozen_control_group_is_not_a_hang);
  check_case("what cannot be proven is said", what_cannot_be_proven_is_said);
  check_case("silence that only the owner can see is not its business", silence_that_only_the_owner_can_see_is_not_its_business);
  check_case("a claim comes first", a_claim_comes_first);
  check_case("a beat within the budget calls it off", a_beat_within_the_budget_calls_it_off);
  check_case("a stopped service is held, and then has its limit again", a_stopped_service_is_held_and_then_has_its_limit_again);
  check_case("a hold has a limit", a_hold_has_a_limit);
  check_case("a traced service is held", a_traced_service_is_held);
  check_case("what a service says of its end and limit is for the owner", what_a_service_says_of_its_end_and_limit_is_for_the_owner);
  check_case("more time is given without the owner", more_time_is_given_without_the_owner);
  check_case("a page is seen without the owner", a_page_is_seen_without_the_owner);
  check_case("a lease that runs out is acted on", a_lease_that_runs_out_is_acted_on);
  check_case("a lease ends by release, arming and beat", a_lease_ends_by_release_arming_and_beat);
  check_case("it only records what is to be logged", it_only_records_what_is_to_be_logged);
  check_case("a record is on the disk before the signal", a_record_is_on_the_disk_before_the_signal);
  check_case("a disk that hangs does not hold it up", a_disk_that_hangs_does_not_hold_it_up);
  check_case("a beat while the record is written calls it off", a_beat_while_the_record_is_written_calls_it_off);
  check_case("a full disk is found out beforehand", a_full_disk_is_found_out_beforehand);
  check_case("the file has what was said, and loses what is freed", the_file_has_what_was_said_and_loses_what_is_freed);
  check_case("without a free slot it acts without a record", without_a_free_slot_it_acts_without_a_record);
  check_case("bad plans are refused", bad_plans_are_refused);
  return check_end("alone");
}
