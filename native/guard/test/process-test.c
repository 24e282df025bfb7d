/* Watched processes, with a guard that has its thread. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../process-table.h"
#include "check.h"

#define RING (64u << 10)
/* Generous, as the machine may be busy; nothing waits that long when all is well. */
#define PATIENCE 20000

static struct guard *open_guard(void) {
  struct guard_config config = {.countdowns = 64, .processes = 64, .ring_bytes = RING};
  struct guard *guard = NULL;
  SAME(guard_open(&config, &guard), 0);
  return guard;
}

static pid_t start_child(void) {
  pid_t child = fork();
  if (child != 0) return child;
  for (;;) (void)pause();
}

static void reap(pid_t child, int signal) {
  int status = 0;
  SAME(waitpid(child, &status, 0), child);
  OK(WIFSIGNALED(status));
  SAME(WTERMSIG(status), signal);
}

static uint64_t start_time(pid_t pid) {
  char path[64];
  char text[1024] = "";
  (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  (void)!fread(text, 1, sizeof text - 1, file);
  (void)fclose(file);
  const char *at = strrchr(text, ')');
  for (int field = 2; at != NULL && field < 22; field++) at = strchr(at + 1, ' ');
  return at == NULL ? 0 : strtoull(at, NULL, 10);
}

static void an_end_is_told_and_turns_the_countdown_off(void) {
  struct guard *guard = open_guard();
  pid_t child = start_child();
  guard_id process = 0;
  guard_id countdown = 0;
  SAME(guard_process_add(guard, child, start_time(child), &process), 0);
  SAME(guard_countdown_create(guard, &countdown), 0);
  SAME(guard_process_bind(guard, process, countdown), 0);
  SAME(guard_countdown_arm(guard, countdown, 3600000 * MS, 3600000 * MS, NULL), 0);
  SAME(guard_process_ended(guard, process), 0);
  SAME(kill(child, SIGKILL), 0);
  struct guard_record record = check_wait(guard, PATIENCE);
  SAME(record.kind, GUARD_EXITED);
  SAME(record.process, process);
  SAME(record.countdown, countdown);
  SAME(record.pid, child);
  SAME(guard_process_ended(guard, process), 1);
  SAME(guard_process_signal(guard, process, SIGKILL), -ESRCH);
  struct guard_countdown_reading reading;
  SAME(guard_countdown_reading(guard, countdown, &reading), 0);
  SAME(reading.state, GUARD_DISARMED);
  reap(child, SIGKILL);
  SAME(guard_process_remove(guard, process), 0);
  SAME(guard_process_remove(guard, process), -ENOENT);
  SAME(guard_close(guard), 0);
}

static void it_is_ended_through_its_descriptor_with_proof(void) {
  struct guard *guard = open_guard();
  pid_t child = start_child();
  guard_id process = 0;
  SAME(guard_process_add(guard, child, 0, &process), 0);
  SAME(guard_process_signal(guard, process, 0), 0);
  SAME(guard_process_signal(guard, process, 1000), -EINVAL);
  SAME(guard_process_signal(guard, process, SIGKILL), 0);
  SAME(check_wait(guard, PATIENCE).kind, GUARD_EXITED);
  SAME(guard_process_ended(guard, process), 1);
  reap(child, SIGKILL);
  SAME(guard_close(guard), 0);
}

static void only_the_process_that_is_meant_is_watched(void) {
  struct guard *guard = open_guard();
  pid_t child = start_child();
  guard_id process = 0;
  SAME(guard_process_add(guard, child, start_time(child) + 1, &process), -ESRCH);
  SAME(guard_process_add(guard, child, start_time(child), &process), 0);
  guard_id again = 0;
  SAME(guard_process_add(guard, child, 0, &again), -EEXIST);
  SAME(guard_process_remove(guard, process), 0);
  SAME(guard_process_add(guard, child, 0, &again), 0);
  OK(again != process);
  SAME(guard_process_signal(guard, process, SIGKILL), -ENOENT);
  SAME(guard_process_bind(guard, again, 12345), -ENOENT);
  SAME(guard_process_add(guard, 0, 0, &process), -EINVAL);
  SAME(guard_process_add(guard, -1, 0, &process), -EINVAL);
  SAME(guard_process_signal(guard, again, SIGKILL), 0);
  reap(child, SIGKILL);
  SAME(guard_process_add(guard, child, 0, &process) == 0, 0);
  SAME(guard_close(guard), 0);
}

/* As a service that hands over has it: two processes in the group of one that is not watched. */
static void one_that_leads_no_group_is_ended_with_the_group_it_is_in(void) {
  struct guard *guard = open_guard();
  pid_t leader = start_child();
  pid_t follower = start_child();
  SAME(setpgid(leader, leader), 0);
  SAME(setpgid(follower, leader), 0);
  guard_id process = 0;
  SAME(guard_process_add(guard, follower, 0, &process), 0);
  SAME(process_kill_group(guard, process, SIGKILL), 0);
  reap(leader, SIGKILL);
  reap(follower, SIGKILL);
  SAME(guard_close(guard), 0);
}

/* A group that is our own is not the service's, whoever is in it. */
static void one_in_our_own_group_is_ended_alone(void) {
  struct guard *guard = open_guard();
  pid_t child = start_child();
  guard_id process = 0;
  SAME(guard_process_add(guard, child, 0, &process), 0);
  SAME(process_kill_group(guard, process, SIGKILL), 0);
  reap(child, SIGKILL);
  SAME(guard_close(guard), 0);
}

static void many_come_and_go(void) {
  struct guard *guard = open_guard();
  enum { COUNT = 60 };
  for (int round = 0; round < 3; round++) {
    pid_t children[COUNT];
    guard_id processes[COUNT];
    for (int index = 0; index < COUNT; index++) {
      children[index] = start_child();
      SAME(guard_process_add(guard, children[index], 0, &processes[index]), 0);
    }
    for (int index = 0; index < COUNT; index++) SAME(guard_process_signal(guard, processes[index], SIGKILL), 0);
    int ended = 0;
    while (ended < COUNT && check_wait(guard, PATIENCE).kind == GUARD_EXITED) ended++;
    SAME(ended, COUNT);
    for (int index = 0; index < COUNT; index++) {
      reap(children[index], SIGKILL);
      SAME(guard_process_remove(guard, processes[index]), 0);
    }
  }
  SAME(guard_close(guard), 0);
}

static void ends_that_find_no_room_are_told_later(void) {
  struct guard *guard = check_guard_by_hand(2000, RING);
  for (int index = 0; index < 2000; index++) {
    guard_id id = 0;
    SAME(guard_countdown_create(guard, &id), 0);
    SAME(guard_countdown_arm(guard, id, 100 * MS, 100 * MS, NULL), 0);
  }
  pid_t child = start_child();
  guard_id process = 0;
  SAME(guard_process_add(guard, child, 0, &process), 0);
  check_pass(guard, 100 * MS);
  SAME(kill(child, SIGKILL), 0);
  reap(child, SIGKILL);
  SAME(guard_hand_turn(guard), 0);
  SAME(guard_process_ended(guard, process), 1);
  SAME(check_count(guard, GUARD_EXITED), 0);
  SAME(guard_hand_turn(guard), 0);
  SAME(check_count(guard, GUARD_EXITED), 1);
  SAME(guard_hand_turn(guard), 0);
  SAME(check_count(guard, GUARD_EXITED), 0);
  SAME(guard_close(guard), 0);
}

int main(void) {
  check_case("an end is told, and turns the countdown off", an_end_is_told_and_turns_the_countdown_off);
  check_case("it is ended through its descriptor, with proof", it_is_ended_through_its_descriptor_with_proof);
  check_case("only the process that is meant is watched", only_the_process_that_is_meant_is_watched);
  check_case("one that leads no group is ended with the group it is in", one_that_leads_no_group_is_ended_with_the_group_it_is_in);
  check_case("one in our own group is ended alone", one_in_our_own_group_is_ended_alone);
  check_case("many come and go", many_come_and_go);
  check_case("ends that find no room in the ring are told later, once", ends_that_find_no_room_are_told_later);
  return check_end("process");
}
