/* The guard's own thread in real time: what only that can show. Limits of time are generous, as the machine may be busy. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define RING (1u << 20)
#define PATIENCE 20000

static struct guard *open_guard(uint32_t flags) {
  struct guard_config config = {.countdowns = 256, .processes = 16, .ring_bytes = RING, .flags = flags};
  struct guard *guard = NULL;
  SAME(guard_open(&config, &guard), 0);
  return guard;
}

static int64_t now(void) {
  struct timespec at;
  (void)clock_gettime(CLOCK_MONOTONIC, &at);
  return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static void rest(int64_t span) {
  struct timespec at = {.tv_sec = span / 1000000000, .tv_nsec = span % 1000000000};
  while (nanosleep(&at, &at) != 0 && errno == EINTR) {
  }
}

static void it_says_what_it_got(void) {
  struct guard *guard = open_guard(GUARD_REALTIME | GUARD_LOCK_OWN);
  struct guard_strength strength;
  SAME(guard_strength(guard, &strength), 0);
  printf("  realtime: %s; memory locked: %s\n", strength.realtime == 0 ? "yes" : strerror(strength.realtime),
         strength.locked_own == 0 ? "yes" : strerror(strength.locked_own));
  SAME(strength.locked_all, -1);
  OK(strength.realtime == 0 || strength.realtime == EPERM);
  OK(strength.locked_own == 0 || strength.locked_own == ENOMEM || strength.locked_own == EPERM);
  SAME(guard_hand_set(guard, 1), -EPERM);
  SAME(guard_close(guard), 0);
}

static void it_expires_not_before_its_time(void) {
  struct guard *guard = open_guard(0);
  guard_id id = 0;
  SAME(guard_countdown_create(guard, &id), 0);
  for (int round = 0; round < 20; round++) {
    int64_t start = now();
    SAME(guard_countdown_arm(guard, id, 20 * MS, 20 * MS, NULL), 0);
    struct guard_record record = check_wait(guard, PATIENCE);
    while (record.kind == GUARD_STALL) record = check_wait(guard, PATIENCE);
    SAME(record.kind, GUARD_EXPIRED);
    OK(now() - start >= 20 * MS);
    SAME(guard_countdown_claim(guard, id, record.arming), 0);
  }
  SAME(guard_close(guard), 0);
}

static pid_t start_child(void) {
  pid_t child = fork();
  if (child != 0) return child;
  for (;;) (void)pause();
}

/* Which policy a child has by its end, that was sent this signal by a guard with these flags. */
static int policy_at_end(uint32_t flags, int signal, bool *realtime) {
  struct guard *guard = open_guard(flags);
  struct guard_strength strength;
  siginfo_t info;
  pid_t child = start_child();
  guard_id process = 0;
  SAME(guard_strength(guard, &strength), 0);
  *realtime = strength.realtime == 0;
  SAME(guard_process_add(guard, child, 0, &process), 0);
  SAME(guard_process_signal(guard, process, signal), 0);
  // It stays to be looked at until it is waited for.
  SAME(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
  int policy = sched_getscheduler(child);
  SAME(waitpid(child, NULL, 0), child);
  SAME(guard_close(guard), 0);
  return policy;
}

static void a_killed_process_does_not_wait_for_its_turn(void) {
  bool realtime = false;
  SAME(policy_at_end(0, SIGKILL, &realtime), SCHED_OTHER);
  SAME(policy_at_end(GUARD_REALTIME, SIGTERM, &realtime), SCHED_OTHER);
  SAME(policy_at_end(GUARD_REALTIME, SIGKILL, &realtime), realtime ? SCHED_FIFO | SCHED_RESET_ON_FORK : SCHED_OTHER);
}

static void it_acts_alone_when_the_owner_does_not_answer(void) {
  struct guard *guard = open_guard(0);
  pid_t child = start_child();
  guard_id process = 0;
  guard_id id = 0;
  SAME(guard_process_add(guard, child, 0, &process), 0);
  SAME(guard_countdown_create(guard, &id), 0);
  SAME(guard_process_bind(guard, process, id), 0);
  SAME(guard_countdown_fallback(guard, id, process, SIGKILL, 50 * MS), 0);
  SAME(guard_countdown_arm(guard, id, 50 * MS, 50 * MS, NULL), 0);
  // The owner is blocked here, and not in guard_read.
  int status = 0;
  SAME(waitpid(child, &status, 0), child);
  SAME(WTERMSIG(status), SIGKILL);
  struct guard_record record = check_wait(guard, PATIENCE);
  while (record.kind == GUARD_STALL) record = check_wait(guard, PATIENCE);
  SAME(record.kind, GUARD_EXPIRED);
  SAME(record.process, process);
  record = check_wait(guard, PATIENCE);
  SAME(record.kind, GUARD_ACTED);
  SAME(record.value, 0);
  SAME(check_wait(guard, PATIENCE).kind, GUARD_EXITED);
  SAME(guard_close(guard), 0);
}

static void it_leaves_alone_what_the_owner_claims(void) {
  struct guard *guard = open_guard(0);
  pid_t child = start_child();
  guard_id process = 0;
  guard_id id = 0;
  SAME(guard_process_add(guard, child, 0, &process), 0);
  SAME(guard_countdown_create(guard, &id), 0);
  SAME(guard_countdown_fallback(guard, id, process, SIGKILL, 3000 * MS), 0);
  SAME(guard_countdown_arm(guard, id, 20 * MS, 20 * MS, NULL), 0);
  struct guard_record record = check_wait(guard, PATIENCE);
  while (record.kind == GUARD_STALL) record = check_wait(guard, PATIENCE);
  SAME(guard_countdown_claim(guard, id, record.arming), 0);
  rest(3500 * MS);
  SAME(waitpid(child, NULL, WNOHANG), 0);
  SAME(kill(child, SIGKILL), 0);
  (void)waitpid(child, NULL, 0);
  SAME(guard_close(guard), 0);
}

/* Watches itself, and beats. Exit code: 1 when it was found silent, 2 when no stall was noticed, 3 when it is not found silent at the end. */
static int beat_through_a_stop(void) {
  struct guard_config config = {.countdowns = 1, .processes = 1, .ring_bytes = RING};
  struct guard *guard = NULL;
  guard_id id = 0;
  if (guard_open(&config, &guard) != 0 || guard_countdown_create(guard, &id) != 0) return 4;
  (void)guard_countdown_arm(guard, id, 2000 * MS, 2000 * MS, NULL);
  int stalls = 0;
  for (int beat = 0; beat < 80; beat++) {
    rest(50 * MS);
    (void)guard_countdown_beat(guard, id, NULL);
    for (struct guard_record record = check_next(guard); record.kind != 0; record = check_next(guard)) {
      if (record.kind == GUARD_EXPIRED) return 1;
      if (record.kind == GUARD_STALL) stalls++;
    }
  }
  if (stalls == 0) return 2;
  struct guard_record record = check_wait(guard, PATIENCE);
  while (record.kind == GUARD_STALL) record = check_wait(guard, PATIENCE);
  return record.kind == GUARD_EXPIRED ? 0 : 3;
}

static void a_stop_of_the_whole_process_is_nobodys_silence(void) {
  (void)fflush(stdout);
  pid_t child = fork();
  if (child == 0) _exit(beat_through_a_stop());
  rest(1000 * MS);
  SAME(kill(child, SIGSTOP), 0);
  rest(4000 * MS);
  SAME(kill(child, SIGCONT), 0);
  int status = 0;
  SAME(waitpid(child, &status, 0), child);
  OK(WIFEXITED(status));
  SAME(WEXITSTATUS(status), 0);
}

enum { BEATEN = 64 };
static atomic_bool stop_beating;
static guard_id beaten[BEATEN];

static void *beat_all(void *argument) {
  struct guard *guard = argument;
  while (!atomic_load(&stop_beating)) {
    for (int index = 0; index < BEATEN; index++) (void)guard_countdown_quiet_beat(guard, beaten[index], NULL);
  }
  return NULL;
}

static void beats_and_orders_from_many_threads_do_no_harm(void) {
  struct guard *guard = open_guard(0);
  pthread_t beaters[2];
  atomic_store(&stop_beating, false);
  for (int index = 0; index < BEATEN; index++) SAME(guard_countdown_create(guard, &beaten[index]), 0);
  for (int index = 0; index < 2; index++) SAME(pthread_create(&beaters[index], NULL, beat_all, guard), 0);
  int64_t end = now() + 2000 * MS;
  for (int round = 0; now() < end; round++) {
    guard_id id = beaten[round % BEATEN];
    struct guard_countdown_reading reading;
    switch (round % 5) {
      case 0: SAME(guard_countdown_arm(guard, id, MS, MS / 2, NULL), 0); break;
      case 1: (void)guard_countdown_extend(guard, id, MS); break;
      case 2: SAME(guard_countdown_reading(guard, id, &reading), 0); break;
      case 3: if (round % 35 == 3) SAME(guard_countdown_disarm(guard, id), 0); break;
      default: {
        struct guard_record record = check_next(guard);
        if (record.kind == GUARD_EXPIRED) (void)guard_countdown_claim(guard, record.countdown, record.arming);
      }
    }
  }
  atomic_store(&stop_beating, true);
  for (int index = 0; index < 2; index++) SAME(pthread_join(beaters[index], NULL), 0);
  // And it still counts.
  for (int index = 1; index < BEATEN; index++) SAME(guard_countdown_disarm(guard, beaten[index]), 0);
  while (check_next(guard).kind != 0) {
  }
  SAME(guard_countdown_arm(guard, beaten[0], 50 * MS, 50 * MS, NULL), 0);
  struct guard_record record = check_wait(guard, PATIENCE);
  while (record.kind != 0 && (record.kind != GUARD_EXPIRED || record.countdown != beaten[0])) record = check_wait(guard, PATIENCE);
  SAME(record.kind, GUARD_EXPIRED);
  SAME(guard_close(guard), 0);
}

int main(void) {
  check_case("it says what it got", it_says_what_it_got);
  check_case("it expires, and not before its time", it_expires_not_before_its_time);
  check_case("a killed process does not wait for its turn", a_killed_process_does_not_wait_for_its_turn);
  check_case("it acts alone when the owner does not answer", it_acts_alone_when_the_owner_does_not_answer);
  check_case("it leaves alone what the owner claims", it_leaves_alone_what_the_owner_claims);
  check_case("a stop of the whole process is nobody's silence", a_stop_of_the_whole_process_is_nobodys_silence);
  check_case("beats and orders from many threads do no harm", beats_and_orders_from_many_threads_do_no_harm);
  return check_end("live");
}
