/*
 * Reads a file on a FUSE mount for each unit of work. On order the file server, a child of the service, is stopped, and the reader waits for
 * a page of the file, not to be interrupted (state D) but by SIGKILL. The mount is in a mount namespace of the service's own, so that nobody
 * else can run into it, and nothing of it is left behind when the service has ended.
 */
#define _GNU_SOURCE
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum { FILE_NODE = 2, FILE_BYTES = 4096, REQUEST_BYTES = 1 << 17 };

static char path[4096];
static pid_t server;

static struct fuse_attr attributes(uint64_t node) {
  struct fuse_attr attributes = {.ino = node, .nlink = 1, .blksize = 4096};
  attributes.mode = node == FILE_NODE ? S_IFREG | 0444 : S_IFDIR | 0555;
  attributes.size = node == FILE_NODE ? FILE_BYTES : 0;
  return attributes;
}

static void answer(int device, const struct fuse_in_header *request, int error, const void *data, size_t bytes) {
  char message[FILE_BYTES + sizeof(struct fuse_out_header)];
  struct fuse_out_header head = {.len = sizeof head + bytes, .error = error, .unique = request->unique};
  memcpy(message, &head, sizeof head);
  if (bytes > 0) memcpy(message + sizeof head, data, bytes);
  (void)!write(device, message, head.len);
}

static void answer_init(int device, const struct fuse_in_header *request, const struct fuse_init_in *asked) {
  struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION};
  /* Reads that are asynchronous have the reader wait for the page, and not in the request. */
  init.flags = asked->flags & FUSE_ASYNC_READ;
  init.max_readahead = asked->max_readahead;
  init.max_write = 4096;
  answer(device, request, 0, &init, sizeof init);
}

static void answer_request(int device, const struct fuse_in_header *request, const void *asked) {
  static const char content[FILE_BYTES] = "the ledger\n";
  struct fuse_entry_out entry = {.nodeid = FILE_NODE, .attr = attributes(FILE_NODE)};
  struct fuse_attr_out attribute = {.attr = attributes(request->nodeid)};
  struct fuse_open_out open = {0};
  switch (request->opcode) {
    case FUSE_INIT:
      return answer_init(device, request, asked);
    case FUSE_LOOKUP:
      if (strcmp(asked, "ledger") != 0) return answer(device, request, -ENOENT, NULL, 0);
      return answer(device, request, 0, &entry, sizeof entry);
    case FUSE_GETATTR:
      return answer(device, request, 0, &attribute, sizeof attribute);
    case FUSE_OPEN:
      return answer(device, request, 0, &open, sizeof open);
    case FUSE_READ:
      return answer(device, request, 0, content, sizeof content);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
      return;
    case FUSE_RELEASE:
      return answer(device, request, 0, NULL, 0);
    default:
      /* Of FLUSH as well: the kernel then never asks again, so that a reader that is killed need not ask on its way out. */
      return answer(device, request, -ENOSYS, NULL, 0);
  }
}

static void serve_files(int device) {
  static char request[REQUEST_BYTES] __attribute__((aligned(8)));
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (read(device, request, sizeof request) > 0 || errno == EINTR) {
    answer_request(device, (const struct fuse_in_header *)request, request + sizeof(struct fuse_in_header));
  }
  _exit(0);
}

static void mount_files(const char *folder) {
  char options[128];
  int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device < 0) fail("cannot open /dev/fuse");
  if (unshare(CLONE_NEWNS) != 0) fail("cannot have mounts of our own");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) fail("cannot keep mounts to ourselves");
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
  if (mount("ledger", folder, "fuse", MS_NOSUID | MS_NODEV, options) != 0) fail("cannot mount");
  server = fork();
  if (server < 0) fail("cannot fork");
  if (server == 0) serve_files(device);
  /* The server alone keeps the connection: with it the mount ends. */
  close(device);
}

static void read_ledger(const struct order *order) {
  char content[64];
  int due = is_due(order);
  int file = open(path, O_RDONLY);
  if (file < 0) fail("cannot open the ledger");
  if (due && kill(server, SIGSTOP) != 0) fail("cannot stop the file server");
  /* Each unit reads what is there now, and not what is remembered. */
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  if (read(file, content, sizeof content) < 0) fail("cannot read the ledger");
  close(file);
}

int main(int count, char **words) {
  struct order order = read_order(count, words);
  snprintf(path, sizeof path, "%s/files", order.folder);
  if (mkdir(path, 0700) != 0 && errno != EEXIST) fail("cannot make a folder");
  mount_files(path);
  snprintf(path, sizeof path, "%s/files/ledger", order.folder);
  serve(&order, read_ledger);
}
