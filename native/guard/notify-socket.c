/* The notify socket: takes sd_notify datagrams, and says who sent them as the kernel knows it. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "guard-state.h"
#include "plan.h"

/* Batches taken in one turn: more datagrams than the kernel queues (net.unix.max_dgram_qlen is 512 at most by default). */
#define BATCHES_PER_TURN 16
/* Messages of one process that may wait for the owner, so that none can use up the ring. */
#define SHARE 256
/* Of one that the guard does not know; it may be a service that is about to be made known, and then has said little. */
#define UNKNOWN_SHARE 16
/* Room for bursts, where the kernel allows it. */
#define RECEIVE_BYTES (8 << 20)

/*
 * Room for the credentials, which the kernel writes first, and for nothing else. File descriptors find no room, so the kernel closes them
 * before the call returns: none is ever installed here that could leak, use up our table, or block us when we close it.
 */
#define CONTROL_ROOM CMSG_SPACE(sizeof(struct ucred))

struct notify_batch {
  struct mmsghdr headers[NOTIFY_BATCH];
  struct iovec vectors[NOTIFY_BATCH];
  _Alignas(struct cmsghdr) char control[NOTIFY_BATCH][CONTROL_ROOM];
  char text[NOTIFY_BATCH][NOTIFY_ROOM];
};

size_t notify_batch_bytes(void) {
  return sizeof(struct notify_batch);
}

static int receive(struct notify_batch *batch, int socket_fd, int most) {
  for (int index = 0; index < most; index++) {
    batch->vectors[index] = (struct iovec){.iov_base = batch->text[index], .iov_len = NOTIFY_ROOM};
    batch->headers[index].msg_hdr = (struct msghdr){
        .msg_iov = &batch->vectors[index],
        .msg_iovlen = 1,
        .msg_control = batch->control[index],
        .msg_controllen = CONTROL_ROOM,
    };
  }
  return recvmmsg(socket_fd, batch->headers, (unsigned int)most, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, NULL);
}

static bool read_credentials(struct msghdr *header, struct ucred *out) {
  struct cmsghdr *control = CMSG_FIRSTHDR(header);
  if (control == NULL || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_CREDENTIALS) return false;
  if (control->cmsg_len != CMSG_LEN(sizeof *out)) return false;
  memcpy(out, CMSG_DATA(control), sizeof *out);
  return out->pid > 0;
}

static bool is_key_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

enum reading { MALFORMED, WITHOUT_BEAT, WITH_BEAT };

/* Whether it consists of KEY=VALUE lines, and whether a WATCHDOG=1 is among them. Empty lines do no harm. */
static enum reading read_lines(const char *text, size_t length) {
  static const char beat[] = "WATCHDOG=1";
  enum reading found = MALFORMED;
  for (size_t start = 0; start < length;) {
    const char *line = text + start;
    const char *newline = memchr(line, '\n', length - start);
    size_t size = newline == NULL ? length - start : (size_t)(newline - line);
    start += size + 1;
    if (size == 0) continue;
    size_t key = 0;
    while (key < size && is_key_character(line[key])) key++;
    if (key == 0 || key == size || line[key] != '=') return MALFORMED;
    if (size == sizeof beat - 1 && memcmp(line, beat, size) == 0) found = WITH_BEAT;
    else if (found == MALFORMED) found = WITHOUT_BEAT;
  }
  return found;
}

/* Nothing is in it but beats: if the owner need not hear of those, it need not hear of this. */
static bool is_all_beats(const char *text, size_t length) {
  return length == 10 || (length == 11 && text[10] == '\n');
}

static void forward(struct guard *guard, struct watched *process, struct guard_record *record, const char *text) {
  _Atomic uint32_t *queued = process == NULL ? unknown_queued(guard, record->pid) : &process->queued;
  if (atomic_load(queued) >= (process == NULL ? UNKNOWN_SHARE : SHARE)) {
    guard->counters.dropped_share++;
    return;
  }
  atomic_fetch_add(queued, 1);
  // A quarter of the ring is kept for what countdowns and processes have to say, and another for what known processes say.
  if (ring_write(&guard->ring, record, text, guard->ring.size / (process == NULL ? 2 : 4))) {
    guard->counters.messages++;
    guard->wrote = true;
    return;
  }
  atomic_fetch_sub(queued, 1);
  guard->counters.dropped_full++;
}

static void take_text(struct guard *guard, const struct ucred *sender, const char *text, size_t length) {
  enum reading reading = read_lines(text, length);
  if (reading == MALFORMED) {
    guard->counters.dropped_malformed++;
    return;
  }
  struct watched *process = process_of_pid(guard, sender->pid);
  if (process == NULL) process = sender_trace(guard, sender->pid);
  struct guard_record record = {.kind = GUARD_MESSAGE, .length = (uint32_t)length, .pid = sender->pid, .uid = sender->uid};
  record.value = -1;
  if (process != NULL) {
    record.process = process_id(guard, process);
    record.countdown = process->countdown;
    struct countdown *bound = countdown_find(guard, process->countdown);
    bool only_beat = reading == WITH_BEAT && is_all_beats(text, length);
    if (bound != NULL && !only_beat) plan_message(guard, bound, text, length);
    struct countdown *countdown = reading == WITH_BEAT ? countdown_find(guard, process->countdown) : NULL;
    if (countdown != NULL && countdown_beaten(guard, countdown, &record.value)) {
      guard->counters.beats++;
      if (is_all_beats(text, length)) return;
      record.flags = GUARD_BEAT_TAKEN;
    }
  }
  forward(guard, process, &record, text);
}

static void take(struct guard *guard, struct mmsghdr *message) {
  struct msghdr *header = &message->msg_hdr;
  const char *text = header->msg_iov->iov_base;
  struct ucred sender;
  guard->counters.datagrams++;
  if ((header->msg_flags & MSG_CTRUNC) != 0) guard->counters.descriptors++;
  if (!read_credentials(header, &sender)) guard->counters.dropped_unsigned++;
  else if (message->msg_len > GUARD_TEXT_MAX) guard->counters.dropped_long++;
  else if (memchr(text, '\0', message->msg_len) != NULL) guard->counters.dropped_nul++;
  else take_text(guard, &sender, text, message->msg_len);
}

void notify_drain(struct guard *guard) {
  (void)pthread_mutex_lock(&guard->receiving);
  /*
   * A helper such as systemd-notify sends, then sends a descriptor and lives until that is closed, which is when it is received. So where
   * senders have to be traced, each datagram is looked at before the next is taken.
   */
  int most = guard->admitting > 0 ? 1 : NOTIFY_BATCH;
  int rounds = BATCHES_PER_TURN * NOTIFY_BATCH / most;
  guard_lock(guard);
  sender_traces_forget(guard);
  guard_unlock(guard);
  for (int round = 0; guard->notify >= 0 && round < rounds; round++) {
    int count = receive(guard->batch, guard->notify, most);
    if (count <= 0) break;
    guard_lock(guard);
    for (int index = 0; index < count; index++) take(guard, &guard->batch->headers[index]);
    guard_unlock(guard);
    if (count < most) break;
  }
  (void)pthread_mutex_unlock(&guard->receiving);
}

static int bind_to(int socket_fd, const char *path, uint32_t mode) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(path);
  bool abstract = path[0] == '@';
  // A path needs its NUL, a name in the abstract namespace has none.
  if (length < 2 || length + (abstract ? 0 : 1) > sizeof address.sun_path) return -ENAMETOOLONG;
  memcpy(address.sun_path, path, length);
  if (abstract) address.sun_path[0] = '\0';
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (abstract ? 0 : 1));
  // The mode is that of the socket's own inode, so that it never is more open than it will be.
  if (!abstract && fchmod(socket_fd, mode) != 0) return -errno;
  if (bind(socket_fd, (const struct sockaddr *)&address, size) != 0) return -errno;
  if (!abstract && chmod(path, mode) != 0) return -errno;
  return 0;
}

static int listen_at(struct guard *guard, const char *path, uint32_t mode) {
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  int on = 1;
  int bytes = RECEIVE_BYTES;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = EPOLL_NOTIFY};
  int result = setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 ? bind_to(fd, path, mode) : -errno;
  if (result == 0 && epoll_ctl(guard->epoll, EPOLL_CTL_ADD, fd, &event) != 0) result = -errno;
  if (result == 0) guard->notify = fd;
  else (void)close(fd);
  return result;
}

int guard_notify_open(struct guard *guard, const char *path, uint32_t mode) {
  if (guard == NULL || path == NULL || mode > 0777) return -EINVAL;
  (void)pthread_mutex_lock(&guard->receiving);
  int result = guard->notify >= 0 ? -EBUSY : listen_at(guard, path, mode);
  (void)pthread_mutex_unlock(&guard->receiving);
  return result;
}

int guard_notify_close(struct guard *guard) {
  if (guard == NULL) return -EINVAL;
  (void)pthread_mutex_lock(&guard->receiving);
  int result = guard->notify < 0 ? -ENOENT : 0;
  if (result == 0) (void)close(guard->notify);
  guard->notify = -1;
  (void)pthread_mutex_unlock(&guard->receiving);
  return result;
}
