/* Heartbeats through shared memory: what the guard makes of what a service writes, with time moved by hand and in real time. */
#include "../../include/hangdog.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"

#define RING (64u << 10)
#define LIMIT (1000 * MS)
#define WARNING (500 * MS)
#define PATIENCE 20000
/* Long enough for threads that a busy machine lets wait. */
#define LIVE_LIMIT (4000 * MS)

/* A guard with a page, one bound line, and what a service sees of it. */
struct fixture {
  struct guard *guard;
  guard_id page;
  guard_id id;
  int fd;
  struct hangdog_line *lines;
};

static int64_t hand_now;

static struct hangdog_line *map_lines(int fd) {
  void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) abort();
  return (struct hangdog_line *)map + 1;
}

static struct fixture open_on(struct guard *guard) {
  struct fixture fixture = {.guard = guard};
  hand_now = 1000 * MS;
  SAME(guard_page_open(guard, 63, &fixture.page, &fixture.fd), 0);
  fixture.lines = map_lines(fixture.fd);
  SAME(guard_countdown_create(guard, &fixture.id), 0);
  SAME(guard_page_bind(guard, fixture.page, 0, fixture.id), 0);
  return fixture;
}

static struct fixture open_by_hand(void) {
  return open_on(check_guard_by_hand(8, RING));
}

/* Armed, and quiet as after the first beat. */
static struct fixture open_quiet(void) {
  struct fixture fixture = open_by_hand();
  SAME(guard_countdown_arm(fixture.guard, fixture.id, LIMIT, WARNING, NULL), 0);
  SAME(guard_countdown_quiet_beat(fixture.guard, fixture.id, NULL), 0);
  return fixture;
}

static void close_all(struct fixture *fixture) {
  (void)munmap(fixture->lines - 1, 4096);
  (void)close(fixture->fd);
  SAME(guard_close(fixture->guard), 0);
}

static void pass(struct fixture *fixture, int64_t span) {
  hand_now += span;
  check_pass(fixture->guard, span);
}

static void jump(struct fixture *fixture, int64_t span) {
  hand_now += span;
  check_jump(fixture->guard, span);
}

static void write_stamp(struct fixture *fixture, int64_t stamp) {
  __atomic_store_n(&fixture->lines[0].stamp, (uint64_t)stamp, __ATOMIC_RELEASE);
  __atomic_fetch_add(&fixture->lines[0].beats, 1, __ATOMIC_RELAXED);
}

static void beat_now(struct fixture *fixture) {
  write_stamp(fixture, hand_now);
}

static struct guard_countdown_reading read_of(struct fixture *fixture) {
  struct guard_countdown_reading reading = {.state = 99};
  SAME(guard_countdown_reading(fixture->guard, fixture->id, &reading), 0);
  return reading;
}

static void a_beat_counts_from_when_it_was(void) {
  struct fixture fixture = open_quiet();
  pass(&fixture, 400 * MS);
  beat_now(&fixture);
  pass(&fixture, 50 * MS);
  SAME(read_of(&fixture).spent, 50 * MS);
  SAME(read_of(&fixture).remaining, 950 * MS);
  pass(&fixture, 450 * MS - 1);
  SAME(check_next(fixture.guard).kind, 0);
  pass(&fixture, 1);
  struct guard_record record = check_next(fixture.guard);
  SAME(record.kind, GUARD_WARNING);
  SAME(record.value, 500 * MS);
  pass(&fixture, 500 * MS - 1);
  SAME(check_next(fixture.guard).kind, 0);
  pass(&fixture, 1);
  record = check_next(fixture.guard);
  SAME(record.kind, GUARD_EXPIRED);
  SAME(record.value, LIMIT);
  close_all(&fixture);
}

static void a_quiet_owner_hears_nothing_of_beats(void) {
  struct fixture fixture = open_quiet();
  struct guard_counters counters;
  for (int beat = 0; beat < 100; beat++) {
    pass(&fixture, 400 * MS);
    beat_now(&fixture);
  }
  SAME(check_next(fixture.guard).kind, 0);
  SAME(read_of(&fixture).page_beats, 100);
  SAME(guard_counters(fixture.guard, &counters), 0);
  // A look for each warning point at most, and a turn for each eighth of the limit.
  OK(counters.turns < 2 * 40 * 8 + 10);
  pass(&fixture, 1000 * MS);
  SAME(check_count(fixture.guard, GUARD_EXPIRED), 1);
  close_all(&fixture);
}

static void an_owner_that_is_not_quiet_is_told(void) {
  struct fixture fixture = open_by_hand();
  SAME(guard_countdown_arm(fixture.guard, fixture.id, LIMIT, WARNING, NULL), 0);
  pass(&fixture, 200 * MS);
  beat_now(&fixture);
  pass(&fixture, 125 * MS);
  struct guard_record record = check_next(fixture.guard);
  SAME(record.kind, GUARD_PAGE_BEAT);
  SAME(record.countdown, fixture.id);
  SAME(record.value, 200 * MS);
  pass(&fixture, 300 * MS);
  SAME(check_next(fixture.guard).kind, 0);
  SAME(guard_countdown_quiet_beat(fixture.guard, fixture.id, NULL), 0);
  beat_now(&fixture);
  pass(&fixture, 400 * MS);
  SAME(check_next(fixture.guard).kind, 0);
  close_all(&fixture);
}

static void a_beat_takes_the_warning_back_and_is_told(void) {
  struct fixture fixture = open_quiet();
  pass(&fixture, 600 * MS);
  SAME(check_next(fixture.guard).kind, GUARD_WARNING);
  beat_now(&fixture);
  pass(&fixture, 125 * MS);
  struct guard_record record = check_next(fixture.guard);
  SAME(record.kind, GUARD_PAGE_BEAT);
  SAME(record.value, 600 * MS);
  SAME(read_of(&fixture).state, GUARD_ARMED);
  OK(read_of(&fixture).spent <= 125 * MS);
  pass(&fixture, 500 * MS);
  SAME(check_next(fixture.guard).kind, GUARD_WARNING);
  close_all(&fixture);
}

static void a_beat_before_the_claim_calls_the_expiry_off(void) {
  struct fixture fixture = open_quiet();
  pass(&fixture, LIMIT);
  SAME(check_next(fixture.guard).kind, GUARD_WARNING);
  struct guard_record record = check_next(fixture.guard);
  SAME(record.kind, GUARD_EXPIRED);
  beat_now(&fixture);
  SAME(guard_countdown_claim(fixture.guard, fixture.id, record.arming), -ESTALE);
  pass(&fixture, 1 * MS);
  SAME(check_next(fixture.guard).kind, GUARD_PAGE_BEAT);
  SAME(read_of(&fixture).state, GUARD_ARMED);
  pass(&fixture, LIMIT);
  SAME(check_next(fixture.guard).kind, GUARD_WARNING);
  record = check_next(fixture.guard);
  SAME(record.kind, GUARD_EXPIRED);
  SAME(guard_countdown_claim(fixture.guard, fixture.id, record.arming), 0);
  close_all(&fixture);
}

static pid_t start_child(void) {
  pid_t child = fork();
  if (child != 0) return child;
  for (;;) (void)pause();
}

static void a_beat_at_the_last_moment_keeps_the_guard_from_acting(void) {
  struct fixture fixture = open_quiet();
  pid_t child = start_child();
  guard_id process = 0;
  SAME(guard_process_add(fixture.guard, child, 0, &process), 0);
  SAME(guard_countdown_fallback(fixture.guard, fixture.id, process, SIGKILL, 300 * MS), 0);
  pass(&fixture, LIMIT + 300 * MS - 1);
  SAME(check_count(fixture.guard, GUARD_ACTED), 0);
  beat_now(&fixture);
  pass(&fixture, 1);
  SAME(check_count(fixture.guard, GUARD_ACTED), 0);
  SAME(waitpid(child, NULL, WNOHANG), 0);
  pass(&fixture, LIMIT + 300 * MS);
  SAME(check_count(fixture.guard, GUARD_ACTED), 1);
  SAME(waitpid(child, NULL, 0), child);
  close_all(&fixture);
}

static void the_first_beat_is_told_while_nothing_runs(void) {
  struct fixture fixture = open_by_hand();
  pass(&fixture, 10000 * MS);
  SAME(check_next(fixture.guard).kind, 0);
  beat_now(&fixture);
  pass(&fixture, 250 * MS);
  SAME(check_next(fixture.guard).kind, GUARD_PAGE_BEAT);
  pass(&fixture, 10000 * MS);
  SAME(check_next(fixture.guard).kind, 0);
  SAME(guard_page_unbind(fixture.guard, fixture.id), 0);
  beat_now(&fixture);
  pass(&fixture, 10000 * MS);
  SAME(check_next(fixture.guard).kind, 0);
  close_all(&fixture);
}

static void a_beat_before_it_was_bound_counts(void) {
  struct fixture fixture = open_by_hand();
  SAME(guard_page_unbind(fixture.guard, fixture.id), 0);
  beat_now(&fixture);
  pass(&fixture, 100 * MS);
  SAME(guard_page_bind(fixture.guard, fixture.page, 0, fixture.id), 0);
  pass(&fixture, 1 * MS);
  SAME(check_next(fixture.guard).kind, GUARD_PAGE_BEAT);
  close_all(&fixture);
}

static void a_beat_of_another_process_is_none(void) {
  struct fixture fixture = open_quiet();
  SAME(guard_page_bind_to(fixture.guard, fixture.page, 0, fixture.id, -1), -EINVAL);
  SAME(guard_page_bind_to(fixture.guard, fixture.page, 0, fixture.id, 17), 0);
  fixture.lines[0].beater = 18;
  pass(&fixture, 400 * MS);
  beat_now(&fixture);
  SAME(read_of(&fixture).spent, 400 * MS);
  SAME(read_of(&fixture).page_beats, 0);
  SAME(read_of(&fixture).page_beater, 18);
  pass(&fixture, 600 * MS);
  SAME(check_count(fixture.guard, GUARD_EXPIRED), 1);
  fixture.lines[0].beater = 17;
  beat_now(&fixture);
  pass(&fixture, 125 * MS);
  SAME(check_count(fixture.guard, GUARD_PAGE_BEAT), 1);
  close_all(&fixture);
}

static void a_stamp_of_the_future_counts_as_now_and_once(void) {
  struct fixture fixture = open_quiet();
  pass(&fixture, 400 * MS);
  write_stamp(&fixture, INT64_MAX);
  // It is found at the warning point, 100 ms later.
  pass(&fixture, 100 * MS + LIMIT - 1);
  SAME(check_count(fixture.guard, GUARD_EXPIRED), 0);
  pass(&fixture, 1);
  SAME(check_count(fixture.guard, GUARD_EXPIRED), 1);
  SAME(guard_countdown_quiet_beat(fixture.guard, fixture.id, NULL), 0);
  write_stamp(&fixture, -1);
  pass(&fixture, 500 * MS);
  beat_now(&fixture);
  SAME(check_count(fixture.guard, GUARD_WARNING), 0);
  pass(&fixture, LIMIT);
  SAME(check_count(fixture.guard, GUARD_EXPIRED), 1);
  close_all(&fixture);
}

static void a_stamp_from_before_the_last_look_counts_as_now(void) {
  struct fixture fixture = open_quiet();
  pass(&fixture, 600 * MS);
  SAME(check_count(fixture.guard, GUARD_WARNING), 1);
  write_stamp(&fixture, 1);
  pass(&fixture, 124 * MS);
  SAME(check_count(fixture.guard, GUARD_PAGE_BEAT), 1);
  OK(read_of(&fixture).remaining > LIMIT - 125 * MS);
  write_stamp(&fixture, 0);
  pass(&fixture, 876 * MS);
  SAME(check_count(fixture.guard, GUARD_PAGE_BEAT), 0);
  close_all(&fixture);
}

/* Seen once more after a stall of an hour: it must not look an hour older than it is, nor any older than it is. */
static void a_beat_before_a_stall_is_no_older_for_it(void) {
  struct fixture fixture = open_quiet();
  pass(&fixture, 450 * MS);
  beat_now(&fixture);
  // The guard has looked at the clock 75 ms ago; of the stall, what is left of two ticks counts.
  jump(&fixture, 3600000 * MS);
  pass(&fixture, 0);
  struct guard_record record = check_next(fixture.guard);
  SAME(record.kind, GUARD_STALL);
  int64_t counted = 3600000 * MS - record.value;
  OK(counted >= 0 && counted <= 250 * MS);
  SAME(read_of(&fixture).spent, counted);
  pass(&fixture, LIMIT - counted - 1);
  SAME(check_count(fixture.guard, GUARD_EXPIRED), 0);
  pass(&fixture, 1);
  SAME(check_count(fixture.guard, GUARD_EXPIRED), 1);
  close_all(&fixture);
}

static void a_beat_in_a_stall_is_as_old_as_the_end_of_the_stall(void) {
  struct fixture fixture = open_quiet();
  pass(&fixture, 400 * MS);
  jump(&fixture, 500 * MS);
  beat_now(&fixture);
  jump(&fixture, 100 * MS);
  SAME(guard_hand_turn(fixture.guard), 0);
  SAME(check_count(fixture.guard, GUARD_STALL), 1);
  SAME(read_of(&fixture).spent, 0);
  pass(&fixture, LIMIT - 1);
  SAME(check_count(fixture.guard, GUARD_EXPIRED), 0);
  close_all(&fixture);
}

static void a_beat_before_more_stalls_than_are_remembered_counts_as_now(void) {
  struct fixture fixture = open_quiet();
  pass(&fixture, 10 * MS);
  beat_now(&fixture);
  for (int stall = 0; stall < 100; stall++) {
    // Not by check_pass: the next look at the line shall be the one at the end.
    jump(&fixture, 300 * MS);
    SAME(guard_hand_turn(fixture.guard), 0);
    write_stamp(&fixture, 1010 * MS + stall);
  }
  SAME(check_count(fixture.guard, GUARD_EXPIRED), 0);
  OK(read_of(&fixture).spent <= 500 * MS);
  close_all(&fixture);
}

static void a_beat_that_finds_no_room_in_the_ring_is_told_later(void) {
  struct guard *guard = check_guard_by_hand(2000, RING);
  struct fixture fixture = open_on(guard);
  int expected = (int)(RING / sizeof(struct guard_record)) + 10;
  for (int index = 0; index < expected && index < 1990; index++) {
    guard_id id = 0;
    SAME(guard_countdown_create(guard, &id), 0);
    SAME(guard_countdown_arm(guard, id, 100 * MS, 100 * MS, NULL), 0);
  }
  SAME(guard_countdown_arm(guard, fixture.id, LIMIT, WARNING, NULL), 0);
  pass(&fixture, 100 * MS);
  beat_now(&fixture);
  pass(&fixture, 150 * MS);
  OK(check_count(guard, GUARD_EXPIRED) > 0);
  pass(&fixture, 150 * MS);
  SAME(check_count(guard, GUARD_PAGE_BEAT), 1);
  pass(&fixture, 150 * MS);
  SAME(check_count(guard, GUARD_PAGE_BEAT), 0);
  close_all(&fixture);
}

static void what_a_service_does_to_the_file_harms_nobody(void) {
  struct fixture fixture = open_quiet();
  SAME(ftruncate(fixture.fd, 0), -1);
  SAME(errno, EPERM);
  SAME(ftruncate(fixture.fd, 1 << 20), -1);
  SAME(fcntl(fixture.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
  SAME(errno, EPERM);
  beat_now(&fixture);
  // A hole can be made, and is read as a line that was never beaten on.
  SAME(fallocate(fixture.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
  pass(&fixture, 400 * MS);
  beat_now(&fixture);
  pass(&fixture, 600 * MS);
  SAME(check_count(fixture.guard, GUARD_EXPIRED), 0);
  memset(fixture.lines - 1, 0xff, 4096);
  pass(&fixture, 600 * MS);
  SAME(read_of(&fixture).page_beats, INT64_C(1) << 53);
  SAME(check_count(fixture.guard, GUARD_EXPIRED), 0);
  pass(&fixture, 2 * LIMIT);
  SAME(check_count(fixture.guard, GUARD_EXPIRED), 1);
  close_all(&fixture);
}

static void arguments_out_of_bounds_are_refused(void) {
  struct fixture fixture = open_by_hand();
  struct guard *guard = fixture.guard;
  guard_id page = 0;
  int fd = -1;
  SAME(guard_page_open(guard, 0, &page, &fd), -EINVAL);
  SAME(guard_page_open(guard, GUARD_CAPACITY_MAX + 1, &page, &fd), -EINVAL);
  SAME(guard_page_open(NULL, 1, &page, &fd), -EINVAL);
  SAME(guard_page_open(guard, 1, NULL, &fd), -EINVAL);
  SAME(guard_page_open(guard, 1, &page, NULL), -EINVAL);
  SAME(guard_page_bind(guard, fixture.page, 63, fixture.id), -EINVAL);
  SAME(guard_page_bind(guard, 0, 0, fixture.id), -ENOENT);
  SAME(guard_page_bind(guard, UINT64_MAX, 0, fixture.id), -ENOENT);
  SAME(guard_page_bind(guard, fixture.page, 0, 0), -ENOENT);
  SAME(guard_page_unbind(guard, 0), -ENOENT);
  SAME(guard_page_close(guard, fixture.page), -EBUSY);
  SAME(guard_countdown_dispose(guard, fixture.id), 0);
  SAME(guard_page_close(guard, fixture.page), 0);
  SAME(guard_page_close(guard, fixture.page), -ENOENT);
  for (int round = 0; round < 100; round++) {
    SAME(guard_page_open(guard, 1, &page, &fd), 0);
    SAME(close(fd), 0);
    SAME(guard_page_close(guard, page), 0);
  }
  close_all(&fixture);
}

/* ---- The side of the service ---- */

static void set_page(int fd, int first, int count) {
  char text[64];
  // The client closes what it opens.
  (void)snprintf(text, sizeof text, "%d:%d:%d", dup(fd), first, count);
  (void)setenv("HANGDOG_PAGE", text, 1);
}

static int open_with(const char *text) {
  struct hangdog hangdog;
  (void)setenv("HANGDOG_PAGE", text, 1);
  int result = hangdog_open(&hangdog);
  // Harmless all the same.
  hangdog_beat(&hangdog);
  hangdog_beat_line(&hangdog, 1);
  hangdog_close(&hangdog);
  return result;
}

static void a_client_refuses_what_is_no_page(void) {
  struct fixture fixture = open_by_hand();
  struct hangdog hangdog;
  struct hangdog_head *head = (struct hangdog_head *)(fixture.lines - 1);
  (void)unsetenv("HANGDOG_PAGE");
  (void)unsetenv("NOTIFY_SOCKET");
  SAME(hangdog_open(&hangdog), -ENOENT);
  SAME(hangdog_ready(&hangdog), -ENOENT);
  SAME(hangdog_channel(&hangdog, "worker", 0), -ENOENT);
  SAME(open_with(""), -ENOENT);
  SAME(open_with("x"), -EPROTO);
  SAME(open_with("3"), -EPROTO);
  SAME(open_with("3:0:"), -EPROTO);
  SAME(open_with("3:0:1:"), -EPROTO);
  SAME(open_with("-1:0:1"), -EPROTO);
  SAME(open_with("99999999999:0:1"), -EPROTO);
  SAME(open_with("0:0:1"), -EBADF);
  SAME(open_with("1023:0:1"), -EBADF);
  set_page(fixture.fd, 0, 64);
  SAME(hangdog_open(&hangdog), -EPROTO);
  set_page(fixture.fd, 62, 1);
  SAME(hangdog_open(&hangdog), 0);
  SAME(hangdog_open(&hangdog), -EBADF);
  set_page(fixture.fd, 62, 1);
  head->version++;
  SAME(hangdog_open(&hangdog), -EPROTONOSUPPORT);
  head->magic++;
  SAME(hangdog_open(&hangdog), -EPROTO);
  close_all(&fixture);
}

static void a_client_beats_on_its_own_lines_only(void) {
  struct fixture fixture = open_by_hand();
  struct hangdog hangdog;
  set_page(fixture.fd, 2, 3);
  SAME(hangdog_open(&hangdog), 0);
  hangdog_beat(&hangdog);
  hangdog_beat_line(&hangdog, 2);
  hangdog_beat_line(&hangdog, 3);
  hangdog_beat_line(&hangdog, -1);
  for (int line = 0; line < 8; line++) {
    SAME(fixture.lines[line].stamp != 0, line == 2 || line == 4);
    SAME(fixture.lines[line].beats, line == 2 || line == 4);
  }
  OK(fcntl(atoi(getenv("HANGDOG_PAGE")), F_GETFD) == -1);
  hangdog_close(&hangdog);
  close_all(&fixture);
}

/* In the child: 0 when nothing that it tries is a beat. */
static int try_as_child(struct hangdog *hangdog, int fd) {
  struct hangdog other;
  hangdog_beat(hangdog);
  hangdog_beat_line(hangdog, 1);
  if (hangdog_open(&other) != -EBADF) return 1;
  // By a copy that its parent has kept.
  set_page(fd, 0, 63);
  if (hangdog_open(&other) != -EBUSY) return 1;
  hangdog_beat(&other);
  return 0;
}

static void a_child_does_not_beat_for_the_service(void) {
  struct fixture fixture = open_by_hand();
  struct hangdog hangdog;
  int status = -1;
  set_page(fixture.fd, 0, 63);
  SAME(hangdog_open(&hangdog), 0);
  for (int way = 0; way < 2; way++) {
    // Without the C library as well, which would run what is registered for a fork.
    pid_t child = way == 0 ? fork() : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) _exit(try_as_child(&hangdog, fixture.fd));
    SAME(waitpid(child, &status, 0), child);
    SAME(status, 0);
  }
  SAME(fixture.lines[0].beats, 0);
  SAME(fixture.lines[1].beats, 0);
  hangdog_beat(&hangdog);
  SAME(fixture.lines[0].beats, 1);
  hangdog_close(&hangdog);
  // Who has ended beats no more: another may.
  fixture.lines[0].beater = 1 << 30;
  set_page(fixture.fd, 0, 63);
  SAME(hangdog_open(&hangdog), 0);
  hangdog_close(&hangdog);
  close_all(&fixture);
}

/* ---- In real time ---- */

static atomic_bool beating;

static void *beat_often(void *argument) {
  const struct hangdog *hangdog = argument;
  struct timespec rest = {.tv_nsec = 1000000};
  while (atomic_load(&beating)) {
    hangdog_beat(hangdog);
    (void)nanosleep(&rest, NULL);
  }
  return NULL;
}

static void *scribble(void *argument) {
  struct hangdog_line *lines = argument;
  unsigned seed = 1;
  while (atomic_load(&beating)) {
    for (int word = 0; word < 16; word++) {
      // Kept from the line that shall fall silent.
      uint64_t value = ((uint64_t)rand_r(&seed) << 33) ^ (uint64_t)rand_r(&seed);
      __atomic_store_n((uint64_t *)&lines[1] + word, value, __ATOMIC_RELAXED);
    }
  }
  return NULL;
}

static struct guard_record wait_for(struct guard *guard, uint32_t kind, guard_id id) {
  struct guard_record record;
  do record = check_wait(guard, PATIENCE);
  while (record.kind != 0 && (record.kind != kind || record.countdown != id));
  return record;
}

static void a_service_that_stops_beating_expires_beside_one_that_scribbles(void) {
  struct guard_config config = {.countdowns = 16, .processes = 16, .ring_bytes = RING};
  struct guard *guard = NULL;
  struct hangdog hangdog;
  pthread_t threads[2];
  guard_id hostile = 0;
  SAME(guard_open(&config, &guard), 0);
  struct fixture fixture = open_on(guard);
  SAME(guard_countdown_create(guard, &hostile), 0);
  SAME(guard_page_bind(guard, fixture.page, 1, hostile), 0);
  set_page(fixture.fd, 0, 63);
  SAME(hangdog_open(&hangdog), 0);
  atomic_store(&beating, true);
  SAME(pthread_create(&threads[0], NULL, beat_often, &hangdog), 0);
  SAME(pthread_create(&threads[1], NULL, scribble, fixture.lines), 0);
  SAME(wait_for(guard, GUARD_PAGE_BEAT, fixture.id).kind, GUARD_PAGE_BEAT);
  SAME(guard_countdown_arm(guard, fixture.id, LIVE_LIMIT, LIVE_LIMIT / 2, NULL), 0);
  SAME(guard_countdown_arm(guard, hostile, LIVE_LIMIT, LIVE_LIMIT / 2, NULL), 0);
  SAME(guard_countdown_quiet_beat(guard, fixture.id, NULL), 0);
  struct timespec rest = {.tv_sec = 6};
  (void)nanosleep(&rest, NULL);
  SAME(check_count(guard, GUARD_EXPIRED), 0);
  atomic_store(&beating, false);
  (void)pthread_join(threads[0], NULL);
  (void)pthread_join(threads[1], NULL);
  SAME(wait_for(guard, GUARD_EXPIRED, fixture.id).kind, GUARD_EXPIRED);
  struct timespec after;
  (void)clock_gettime(CLOCK_MONOTONIC, &after);
  OK(after.tv_sec * 1000 * MS + after.tv_nsec - (int64_t)fixture.lines[0].stamp >= LIVE_LIMIT);
  hangdog_close(&hangdog);
  close_all(&fixture);
}

int main(void) {
  check_case("a beat counts from when it was, not from when it is found", a_beat_counts_from_when_it_was);
  check_case("a quiet owner hears nothing of beats", a_quiet_owner_hears_nothing_of_beats);
  check_case("an owner that is not quiet is told of a beat, and how long the silence was", an_owner_that_is_not_quiet_is_told);
  check_case("a beat takes the warning back, and is told", a_beat_takes_the_warning_back_and_is_told);
  check_case("a beat before the claim calls the expiry off", a_beat_before_the_claim_calls_the_expiry_off);
  check_case("a beat at the last moment keeps the guard from acting", a_beat_at_the_last_moment_keeps_the_guard_from_acting);
  check_case("the first beat is told while nothing runs", the_first_beat_is_told_while_nothing_runs);
  check_case("a beat of before it was bound counts", a_beat_before_it_was_bound_counts);
  check_case("a beat of another process is none", a_beat_of_another_process_is_none);
  check_case("a stamp of the future counts as now, and once", a_stamp_of_the_future_counts_as_now_and_once);
  check_case("a stamp from before the last look counts as now", a_stamp_from_before_the_last_look_counts_as_now);
  check_case("a beat before a stall is no older for it", a_beat_before_a_stall_is_no_older_for_it);
  check_case("a beat in a stall is as old as the end of the stall", a_beat_in_a_stall_is_as_old_as_the_end_of_the_stall);
  check_case("a beat before more stalls than are remembered counts as now", a_beat_before_more_stalls_than_are_remembered_counts_as_now);
  check_case("a beat that finds no room in the ring is told later", a_beat_that_finds_no_room_in_the_ring_is_told_later);
  check_case("what a service does to the file harms nobody", what_a_service_does_to_the_file_harms_nobody);
  check_case("arguments out of bounds are refused", arguments_out_of_bounds_are_refused);
  check_case("a client refuses what is no page", a_client_refuses_what_is_no_page);
  check_case("a client beats on its own lines only", a_client_beats_on_its_own_lines_only);
  check_case("a child does not beat for the service", a_child_does_not_beat_for_the_service);
  check_case("a service that stops beating expires, beside one that scribbles",
             a_service_that_stops_beating_expires_beside_one_that_scribbles);
  return check_end("page");
}
