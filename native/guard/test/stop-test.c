/* How the guard stops a machine: the ladder and its texts, with files in place of the kernel's. The real thing is in test/vm. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "service.h"

#define LONG (600000 * MS)

static bool contains(const char *text, const char *part) {
  if (strstr(text, part) != NULL) return true;
  printf("  \"%s\" is not in:\n%s\n", part, text);
  return false;
}

/* Reboot is never asked for here: these tests run on somebody's machine. */
static void open_machine(const char *crash_loaded, bool sysrq) {
  stage_put("kmsg", "");
  stage_put("sysrq", "");
  stage_put("watchdog", "");
  stage_put("loaded", crash_loaded);
  struct guard_machine machine = {
      .sysrq = sysrq ? stage_path("sysrq") : NULL,
      .crash_loaded = stage_path("loaded"),
      .kernel_log = stage_path("kmsg"),
  };
  int got = GUARD_GOT_KERNEL_LOG | (sysrq ? GUARD_GOT_SYSRQ : 0);
  SAME(guard_machine_open(stage, &machine), got);
}

static void stop_for(struct service *web, uint32_t flags, uint32_t action) {
  struct guard_plan plan = plan_for(web, action);
  plan.flags |= flags;
  OK(guard_countdown_plan(stage, web->countdown, &plan) >= 0);
  service_begin(web, 200 * MS);
}

static void it_dumps_when_a_crash_kernel_is_loaded(void) {
  stage_open_recorded();
  open_machine("1\n", true);
  SAME(guard_bugcheck_permit(stage, LONG), 0);
  struct service web = service_start(OBEYS);
  stop_for(&web, 0, GUARD_BUGCHECK);
  struct guard_record acting = await(&web, GUARD_ACTING);
  // The machine still runs, so that the next rung is taken, and in the end the service is terminated.
  struct guard_record acted = await(&web, GUARD_ACTED);
  SAME(acted.value, 0);
  SAME(acting.flags, acted.flags);
  SAME(service_wait(&web), SIGKILL);
  SAME(strcmp(stage_get("sysrq"), "c"), 0);
  char line[256];
  char id[96] = "";
  (void)sscanf(record_text(&acted), "id=%90s", id);
  (void)snprintf(line, sizeof line, "<2>hangdog: bugcheck 0x9E: service web (pid %d) hung for 200 ms, incident %s\n", (int)web.pid, id);
  OK(contains(stage_get("kmsg"), line));
  OK(contains(record_text(&acted), " bugcheck by sysrq c\n"));
  OK(contains(record_text(&acted), " bugcheck failed: the machine still runs\n"));
  OK(contains(record_text(&acted), " bugcheck failed: reboot(2): Operation not permitted\n"));
  OK(contains(record_text(&acted), "\noutcome=terminated\n"));
  stage_close();
}

/* A descriptor that is no watchdog gives no more time; the dump is begun all the same. */
static void a_watchdog_that_gives_no_more_time_holds_up_nothing(void) {
  stage_open_recorded();
  open_machine("1\n", true);
  SAME(guard_machine_fed(stage, -1), -EINVAL);
  SAME(guard_machine_fed(stage, STDOUT_FILENO), 0);
  SAME(guard_bugcheck_permit(stage, LONG), 0);
  struct service web = service_start(OBEYS);
  stop_for(&web, 0, GUARD_BUGCHECK);
  (void)await(&web, GUARD_ACTED);
  SAME(service_wait(&web), SIGKILL);
  SAME(strcmp(stage_get("sysrq"), "c"), 0);
  SAME(guard_machine_fed(stage, 0), 0);
  stage_close();
}

static void without_a_crash_kernel_it_reboots(void) {
  stage_open_recorded();
  open_machine("0\n", true);
  SAME(guard_bugcheck_permit(stage, LONG), 0);
  struct service web = service_start(OBEYS);
  stop_for(&web, 0, GUARD_BUGCHECK);
  SAME(await(&web, GUARD_ACTED).value, 0);
  SAME(strcmp(stage_get("sysrq"), "b"), 0);
  SAME(service_wait(&web), SIGKILL);
  stage_close();
}

static void without_a_recorder_the_kernel_writes_the_disks_back(void) {
  stage_open();
  open_machine("0\n", true);
  SAME(guard_bugcheck_permit(stage, LONG), 0);
  struct service web = service_start(OBEYS);
  stop_for(&web, 0, GUARD_BUGCHECK);
  for (int wait = 0; wait < PATIENCE && strcmp(stage_get("sysrq"), "s") != 0; wait += 5) rest_ms(5);
  SAME(strcmp(stage_get("sysrq"), "s"), 0);
  SAME(await(&web, GUARD_ACTED).value, 0);
  OK(contains(stage_get("kmsg"), "incident unwritten\n"));
  SAME(service_wait(&web), SIGKILL);
  stage_close();
}

static void without_permission_it_only_terminates(void) {
  for (int way = 0; way < 3; way++) {
    stage_open_recorded();
    open_machine("1\n", true);
    // Never given; taken back; run out.
    if (way > 0) SAME(guard_bugcheck_permit(stage, way == 1 ? LONG : 50 * MS), 0);
    if (way == 1) SAME(guard_bugcheck_permit(stage, 0), 0);
    struct service web = service_start(OBEYS);
    stop_for(&web, 0, GUARD_BUGCHECK);
    struct guard_record acted = await(&web, GUARD_ACTED);
    SAME(service_wait(&web), SIGKILL);
    SAME(strcmp(stage_get("sysrq"), ""), 0);
    OK(contains(record_text(&acted), "bugcheck refused: not permitted by hangdog at this time\n"));
    OK(contains(stage_get("kmsg"), "guard: bugcheck for service web refused: "));
    OK(strstr(stage_get("kmsg"), "0x9E") == NULL);
    stage_close();
  }
}

static void a_watchdog_is_the_last_way(void) {
  stage_open_recorded();
  open_machine("1\n", false);
  struct guard_machine machine = {.kernel_log = stage_path("kmsg"), .watchdog = stage_path("no-watchdog")};
  SAME(guard_machine_open(stage, &machine), GUARD_GOT_KERNEL_LOG);
  SAME(guard_bugcheck_permit(stage, LONG), 0);
  struct service web = service_start(OBEYS);
  stop_for(&web, 0, GUARD_BUGCHECK);
  struct guard_record acted = await(&web, GUARD_ACTED);
  SAME(service_wait(&web), SIGKILL);
  OK(contains(record_text(&acted), "bugcheck failed: sysrq: No such file or directory\n"));
  OK(contains(record_text(&acted), "bugcheck by the watchdog\n"));
  OK(contains(record_text(&acted), "bugcheck failed: the watchdog: No such file or directory\n"));
  stage_close();
}

/* A process that cannot be proven to be gone: its control group says that somebody is left. */
static void escalate(uint32_t flags, bool expected) {
  stage_open_recorded();
  open_machine("1\n", true);
  SAME(guard_bugcheck_permit(stage, LONG), 0);
  stage_put("cgroup.kill", "");
  stage_put("cgroup.events", "populated 1\nfrozen 0\n");
  struct service web = service_start(OBEYS);
  struct guard_plan plan = plan_for(&web, GUARD_TERMINATE);
  plan.flags |= flags;
  plan.group = stage_folder;
  plan.kill_limit = 200 * MS;
  SAME(guard_countdown_plan(stage, web.countdown, &plan), GUARD_GOT_GROUP);
  service_begin(&web, 100 * MS);
  struct guard_record acted = await(&web, GUARD_ACTED);
  SAME(acted.value, ETIMEDOUT);
  SAME(strcmp(stage_get("sysrq"), expected ? "c" : ""), 0);
  OK(strstr(record_text(&acted), "bugcheck by sysrq c") != NULL ? expected : !expected);
  OK(contains(record_text(&acted), "\noutcome=not-terminated\n"));
  (void)service_wait(&web);
  stage_close();
}

static void it_goes_on_to_the_machine_only_when_the_policy_says_so(void) {
  escalate(GUARD_PLAN_ESCALATE, true);
  escalate(0, false);
}

static void bad_machines_are_refused(void) {
  stage_open();
  struct guard_machine machine = {.reboot = 2};
  SAME(guard_machine_open(stage, &machine), -EINVAL);
  SAME(guard_machine_open(stage, NULL), -EINVAL);
  char path[200];
  memset(path, 'x', sizeof path - 1);
  path[sizeof path - 1] = '\0';
  machine = (struct guard_machine){.watchdog = path};
  SAME(guard_machine_open(stage, &machine), -ENAMETOOLONG);
  machine = (struct guard_machine){.sysrq = "/no/such/file", .kernel_log = path};
  SAME(guard_machine_open(stage, &machine), 0);
  SAME(guard_bugcheck_permit(stage, -1), -EINVAL);
  stage_close();
}

int main(void) {
  check_case("it dumps when a crash kernel is loaded", it_dumps_when_a_crash_kernel_is_loaded);
  check_case("a watchdog that gives no more time holds up nothing", a_watchdog_that_gives_no_more_time_holds_up_nothing);
  check_case("without a crash kernel it reboots", without_a_crash_kernel_it_reboots);
  check_case("without a recorder the kernel writes the disks back", without_a_recorder_the_kernel_writes_the_disks_back);
  check_case("without permission it only terminates", without_permission_it_only_terminates);
  check_case("a watchdog is the last way", a_watchdog_is_the_last_way);
  check_case("it goes on to the machine only when the policy says so", it_goes_on_to_the_machine_only_when_the_policy_says_so);
  check_case("bad machines are refused", bad_machines_are_refused);
  return check_end("stop");
}
