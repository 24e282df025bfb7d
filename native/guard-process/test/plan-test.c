/* What the guard process does by the plan of its owner when that is gone: real processes and the guard's own thread. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../wire-plan.h"
#include "owner.h"

#define HOUR (3600000 * MS)

static struct fixture fixture;
static struct owner owner;
static char records[128];
static char group[128];
/* Forked before the owner connects, so that it does not hold the connections open. */
static pid_t child;

struct service {
  pid_t pid;
  int64_t countdown;
  int64_t process;
};

static int64_t call(uint16_t which, const int64_t numbers[4]) {
  return ask(&fixture, owner.calls, which, numbers, NULL);
}

static int64_t open_records(const char *path, const char *head) {
  char text[WIRE_TEXT_MAX];
  size_t length = strlen(path) + 1;
  memcpy(text, path, length);
  memcpy(text + length, head, strlen(head));
  return ask_with(&fixture, owner.calls, WIRE_RECORD_OPEN, N(0), text, length + strlen(head));
}

static void open_stage(void) {
  fixture_open(&fixture, false);
  (void)snprintf(records, sizeof records, "%s/records", fixture.folder);
  (void)snprintf(group, sizeof group, "%s/group", fixture.folder);
  child = start_child();
  SAME(own(&fixture, &owner), 0);
}

static void close_stage(void) {
  disown(&fixture, &owner);
  reap(child);
  (void)unlink(records);
  fixture_close(&fixture);
}

static struct service start_service(void) {
  struct service service = {.pid = child};
  service.countdown = call(WIRE_COUNTDOWN_CREATE, N(0));
  service.process = call(WIRE_PROCESS_ADD, N(service.pid, (int64_t)start_time(service.pid)));
  SAME(call(WIRE_PROCESS_BIND, N(service.process, service.countdown)), 0);
  SAME(ask(&fixture, owner.calls, WIRE_PROCESS_LABEL, N(service.process, 1), "web"), 0);
  return service;
}

static struct wire_plan plan_for(const struct service *service) {
  struct wire_plan frame;
  const struct guard_plan plan = {
      .action = GUARD_TERMINATE,
      .process = (guard_id)service->process,
      .budget = 50 * MS,
      .kill_limit = HOUR,
      .record_limit = HOUR,
      .name = "web",
      .about = "command=/usr/bin/web\n",
  };
  SAME(wire_pack_plan(&plan, &frame), 0);
  return frame;
}

static int64_t set_plan(const struct service *service, const struct wire_plan *plan) {
  return ask_with(&fixture, owner.calls, WIRE_COUNTDOWN_PLAN, N(service->countdown), plan, sizeof *plan);
}

static void turn_for(int milliseconds) {
  for (int spent = 0; spent < milliseconds; spent += 10) {
    (void)usleep(10000);
    server_turn(&fixture.server);
  }
}

/* Waits, generously, until the guard knows that the service has ended. */
static void await_end(const struct service *service) {
  const struct held_process *held = holdings_process(&fixture.server.place.holdings, (guard_id)service->process);
  for (int tries = 0; tries < 2000 && held != NULL && !(held->ended && held->acted); tries++) turn_for(10);
  OK(held != NULL && held->ended && held->acted);
}

static uint32_t state_of(const struct service *service) {
  struct guard_countdown_reading reading;
  SAME(guard_countdown_reading(fixture.guard, (guard_id)service->countdown, &reading), 0);
  return reading.state;
}

static bool contains(const char *text, const char *part) {
  if (strstr(text, part) != NULL) return true;
  printf("  \"%s\" is not in:\n%s\n", part, text);
  return false;
}

static void without_an_owner_the_plan_is_carried_out_and_recorded(void) {
  char kill_path[160], killed[8] = "", head[16] = "";
  open_stage();
  SAME(mkdir(group, 0700), 0);
  (void)snprintf(kill_path, sizeof kill_path, "%s/cgroup.kill", group);
  FILE *file = fopen(kill_path, "w");
  OK(file != NULL && fclose(file) == 0);
  SAME(open_records(records, "head\n"), 0);
  struct service web = start_service();
  struct wire_plan plan = plan_for(&web);
  memcpy(plan.group, group, sizeof group);
  SAME(set_plan(&web, &plan), GUARD_GOT_GROUP);
  OK(call(WIRE_COUNTDOWN_ARM, N(web.countdown, 300 * MS, 200 * MS)) > 0);
  disown(&fixture, &owner);
  await_end(&web);
  SAME(own(&fixture, &owner), 0);
  // The next owner opens the same file, finds the record, and frees it.
  SAME(open_records(records, "other"), 0);
  SAME(open_records("/nowhere/records", ""), -EBUSY);
  SAME(call(WIRE_RECORD_TEXT, N(0)), 0);
  SAME(strlen(reply.text), reply.head.length);
  OK(contains(reply.text, "\nservice=web\npid="));
  OK(contains(reply.text, "\ncommand=/usr/bin/web\nstep="));
  OK(contains(reply.text, " gone after "));
  OK(contains(reply.text, "\noutcome=terminated\n"));
  SAME(call(WIRE_RECORD_FREE, N(0)), 0);
  SAME(call(WIRE_RECORD_TEXT, N(0)), -ENOENT);
  file = fopen(kill_path, "r");
  OK(file != NULL && fread(killed, 1, sizeof killed - 1, file) == 1 && fclose(file) == 0);
  SAME(strcmp(killed, "1"), 0);
  file = fopen(records, "r");
  OK(file != NULL && fread(head, 1, 5, file) == 5 && fclose(file) == 0);
  SAME(strcmp(head, "head\n"), 0);
  (void)unlink(kill_path);
  (void)rmdir(group);
  close_stage();
}

static void a_service_that_is_stopped_is_held_without_an_owner(void) {
  open_stage();
  struct service web = start_service();
  struct wire_plan plan = plan_for(&web);
  plan.holds[GUARD_HELD_STOPPED - 1] = HOUR;
  SAME(set_plan(&web, &plan), 0);
  SAME(kill(web.pid, SIGSTOP), 0);
  OK(call(WIRE_COUNTDOWN_ARM, N(web.countdown, 200 * MS, 100 * MS)) > 0);
  disown(&fixture, &owner);
  turn_for(1500);
  SAME(waitpid(web.pid, NULL, WNOHANG), 0);
  SAME(state_of(&web), GUARD_OVERDUE);
  SAME(kill(web.pid, SIGCONT), 0);
  await_end(&web);
  close_stage();
}

static void an_expiry_that_was_left_to_the_owner_is_acted_on_when_it_is_lost(void) {
  open_stage();
  struct service web = start_service();
  struct wire_plan plan = plan_for(&web);
  SAME(set_plan(&web, &plan), 0);
  // No beat of it was heard by the guard: its silence is the owner's to judge.
  OK(call(WIRE_COUNTDOWN_ARM, N(web.countdown, 100 * MS, 50 * MS)) > 0);
  turn_for(1000);
  SAME(state_of(&web), GUARD_OVERDUE);
  SAME(waitpid(web.pid, NULL, WNOHANG), 0);
  disown(&fixture, &owner);
  await_end(&web);
  close_stage();
}

static void a_lease_ends_with_its_owner(void) {
  open_stage();
  struct service web = start_service();
  struct wire_plan plan = plan_for(&web);
  SAME(set_plan(&web, &plan), 0);
  // As if the guard had heard it; else there would be nothing to lease.
  SAME(guard_countdown_unowned(fixture.guard, (guard_id)web.countdown), 0);
  SAME(call(WIRE_COUNTDOWN_LEASE, N(web.countdown, HOUR)), 0);
  turn_for(500);
  SAME(state_of(&web), GUARD_LEASED);
  disown(&fixture, &owner);
  await_end(&web);
  close_stage();
}

static void what_an_owner_was_told_too_late_it_finds_in_the_guard(void) {
  open_stage();
  struct service web = start_service();
  struct wire_plan plan = plan_for(&web);
  plan.action = GUARD_LOG;
  SAME(open_records(records, ""), 0);
  SAME(set_plan(&web, &plan), 0);
  OK(call(WIRE_COUNTDOWN_ARM, N(web.countdown, 100 * MS, 50 * MS)) > 0);
  disown(&fixture, &owner);
  turn_for(1500);
  SAME(waitpid(web.pid, NULL, WNOHANG), 0);
  SAME(own(&fixture, &owner), 0);
  SAME(call(WIRE_RECORD_TEXT, N(0)), 0);
  OK(contains(reply.text, "reported only"));
  SAME(call(WIRE_RECORD_FREE, N(0)), -EBUSY);
  SAME(call(WIRE_COUNTDOWN_DISPOSE, N(web.countdown)), 0);
  SAME(call(WIRE_RECORD_TEXT, N(0)), 0);
  OK(contains(reply.text, "\noutcome=taken-over\n"));
  SAME(call(WIRE_RECORD_FREE, N(0)), 0);
  close_stage();
}

static void a_plan_that_is_wrong_is_refused(void) {
  open_stage();
  struct service web = start_service();
  const struct wire_plan good = plan_for(&web);
  struct wire_plan bad = good;
  SAME(ask_with(&fixture, owner.calls, WIRE_COUNTDOWN_PLAN, N(web.countdown), &good, sizeof good - 1), -EINVAL);
  SAME(ask_with(&fixture, owner.calls, WIRE_COUNTDOWN_PLAN, N(web.countdown), &good, 0), -EINVAL);
  memset(bad.name, 'n', sizeof bad.name);
  SAME(set_plan(&web, &bad), -EINVAL);
  bad = good;
  memset(bad.about, 'a', sizeof bad.about);
  SAME(set_plan(&web, &bad), -EINVAL);
  bad = good;
  memset(bad.group, '/', sizeof bad.group);
  SAME(set_plan(&web, &bad), -EINVAL);
  bad = good;
  (void)snprintf(bad.group, sizeof bad.group, "relative");
  SAME(set_plan(&web, &bad), -EINVAL);
  bad = good;
  (void)snprintf(bad.freezer, sizeof bad.freezer, "./relative");
  SAME(set_plan(&web, &bad), -EINVAL);
  bad = good;
  bad.action = GUARD_BUGCHECK + 1;
  SAME(set_plan(&web, &bad), -EINVAL);
  bad = good;
  bad.signal = INT64_C(1) << 32;
  SAME(set_plan(&web, &bad), -EINVAL);
  bad = good;
  bad.kill_limit = -1;
  SAME(set_plan(&web, &bad), -EINVAL);
  bad = good;
  bad.process = 0;
  SAME(set_plan(&web, &bad), -ESRCH);
  SAME(call(WIRE_COUNTDOWN_LEASE, N(web.countdown, 1)), -ENODATA);
  SAME(call(WIRE_COUNTDOWN_LEASE, N(web.countdown, -1)), -EINVAL);
  SAME(set_plan(&web, &good), 0);
  bad = (struct wire_plan){.action = GUARD_NOTHING};
  SAME(set_plan(&web, &bad), 0);
  close_stage();
}

static void a_file_that_is_wrong_is_refused(void) {
  open_stage();
  char text[WIRE_TEXT_MAX];
  memset(text, 'a', sizeof text);
  text[0] = '/';
  SAME(call(WIRE_RECORD_TEXT, N(0)), -ENOENT);
  SAME(call(WIRE_RECORD_FREE, N(0)), -ENOENT);
  SAME(call(WIRE_RECORD_TEXT, N(-1)), -EINVAL);
  SAME(call(WIRE_RECORD_TEXT, N(GUARD_SLOTS)), -EINVAL);
  SAME(call(WIRE_RECORD_FREE, N(INT64_MAX)), -EINVAL);
  SAME(call(WIRE_RECORD_OPEN, N(0)), -EINVAL);
  SAME(ask_with(&fixture, owner.calls, WIRE_RECORD_OPEN, N(0), text, sizeof text), -EINVAL);
  SAME(open_records("", ""), -EINVAL);
  SAME(open_records("relative", ""), -EINVAL);
  text[700] = '\0';
  SAME(open_records(text, ""), -EINVAL);
  // A head that is too long, and one with a NUL in it.
  size_t length = strlen(records) + 1;
  memset(text, 'a', sizeof text);
  memcpy(text, records, length);
  SAME(ask_with(&fixture, owner.calls, WIRE_RECORD_OPEN, N(0), text, length + GUARD_HEAD_MAX + 1), -EINVAL);
  text[length + 1] = '\0';
  SAME(ask_with(&fixture, owner.calls, WIRE_RECORD_OPEN, N(0), text, length + 3), -EINVAL);
  SAME(access(records, F_OK), -1);
  SAME(open_records("/nowhere/records", ""), -ENOENT);
  SAME(open_records(fixture.path, ""), -EEXIST);
  SAME(open_records(records, ""), 0);
  SAME(open_records(records, ""), 0);
  close_stage();
}

static void the_machine_is_named_by_absolute_paths_only(void) {
  struct wire_machine machine;
  const struct guard_machine asked = {.kernel_log = records};
  open_stage();
  SAME(open_records(records, ""), 0);
  SAME(wire_pack_machine(&asked, &machine), 0);
  SAME(ask_with(&fixture, owner.calls, WIRE_MACHINE_OPEN, N(0), &machine, sizeof machine), GUARD_GOT_KERNEL_LOG);
  SAME(ask_with(&fixture, owner.calls, WIRE_MACHINE_OPEN, N(0), &machine, sizeof machine - 1), -EINVAL);
  machine.reboot = 2;
  SAME(ask_with(&fixture, owner.calls, WIRE_MACHINE_OPEN, N(0), &machine, sizeof machine), -EINVAL);
  machine.reboot = 0;
  (void)snprintf(machine.sysrq, sizeof machine.sysrq, "sysrq");
  SAME(ask_with(&fixture, owner.calls, WIRE_MACHINE_OPEN, N(0), &machine, sizeof machine), -EINVAL);
  memset(machine.sysrq, '/', sizeof machine.sysrq);
  SAME(ask_with(&fixture, owner.calls, WIRE_MACHINE_OPEN, N(0), &machine, sizeof machine), -EINVAL);
  SAME(call(WIRE_BUGCHECK_PERMIT, N(-1)), -EINVAL);
  SAME(call(WIRE_BUGCHECK_PERMIT, N(INT64_MAX)), -EINVAL);
  SAME(call(WIRE_BUGCHECK_PERMIT, N(1000 * MS)), 0);
  SAME(call(WIRE_BUGCHECK_PERMIT, N(0)), 0);
  close_stage();
}

int main(void) {
  (void)signal(SIGPIPE, SIG_IGN);
  check_case("without an owner the plan is carried out and recorded", without_an_owner_the_plan_is_carried_out_and_recorded);
  check_case("a service that is stopped is held without an owner", a_service_that_is_stopped_is_held_without_an_owner);
  check_case("an expiry that was left to the owner is acted on when it is lost",
             an_expiry_that_was_left_to_the_owner_is_acted_on_when_it_is_lost);
  check_case("a lease ends with its owner", a_lease_ends_with_its_owner);
  check_case("what an owner was told too late it finds in the guard", what_an_owner_was_told_too_late_it_finds_in_the_guard);
  check_case("a plan that is wrong is refused", a_plan_that_is_wrong_is_refused);
  check_case("a file that is wrong is refused", a_file_that_is_wrong_is_refused);
  check_case("the machine is named by absolute paths only", the_machine_is_named_by_absolute_paths_only);
  return check_end("plan");
}
