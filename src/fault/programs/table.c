/*
 * Looks up rows at random in a table that is a mapped file, within a control group that may have little memory. On order the part of the table
 * that is in use becomes much larger than what the group may have: nearly each row must be read from the disk again.
 */
#define _GNU_SOURCE
#include "service.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { MEBIBYTE = 1 << 20, PAGE_BYTES = 4096 };

/* Of memory for the group; of the table that is in use before, and of the whole table. */
static const size_t limit_bytes = 24 * MEBIBYTE, small_bytes = 4 * MEBIBYTE, table_bytes = 192 * MEBIBYTE;
/* In memory these take some milliseconds; from a disk minutes. */
static const int rows_in_unit = 2000000;

static const unsigned char *table;
static size_t used_bytes;
static unsigned long sum;

static void write_file(const char *file, const char *text) {
  int to = open(file, O_WRONLY);
  if (to < 0 || write(to, text, strlen(text)) < 0) fail(file);
  close(to);
}

/* Groups of services that are gone, which could not remove them themselves. */
static void sweep_groups(const char *folder) {
  DIR *groups = opendir(folder);
  char group[512];
  struct dirent *entry;
  int pid;
  while (groups != NULL && (entry = readdir(groups)) != NULL) {
    if (sscanf(entry->d_name, "hangdog-fault-%d", &pid) != 1 || kill(pid, 0) == 0 || errno != ESRCH) continue;
    snprintf(group, sizeof group, "%s/%s", folder, entry->d_name);
    rmdir(group);
  }
  if (groups != NULL) closedir(groups);
}

/* Below the group for memory of version 1 if there is one, else that of version 2. */
static void enter_group(void) {
  int is_first = access("/sys/fs/cgroup/memory/cgroup.procs", W_OK) == 0;
  const char *folder = is_first ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup";
  char group[256], file[512], text[32];
  sweep_groups(folder);
  snprintf(group, sizeof group, "%s/hangdog-fault-%d", folder, getpid());
  if (mkdir(group, 0755) != 0 && errno != EEXIST) fail(group);
  snprintf(file, sizeof file, "%s/%s", group, is_first ? "memory.limit_in_bytes" : "memory.max");
  snprintf(text, sizeof text, "%zu", limit_bytes);
  write_file(file, text);
  snprintf(file, sizeof file, "%s/cgroup.procs", group);
  snprintf(text, sizeof text, "%d", getpid());
  write_file(file, text);
}

static int make_table(const char *folder) {
  static char block[MEBIBYTE];
  char file[4096];
  int table_file;
  snprintf(file, sizeof file, "%s/table", folder);
  table_file = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (table_file < 0) fail(file);
  /* So it is gone with the service. */
  unlink(file);
  memset(block, 1, sizeof block);
  for (size_t done = 0; done < table_bytes; done += sizeof block) {
    if (write(table_file, block, sizeof block) != sizeof block) fail("cannot write the table");
  }
  /* What is in memory now would not count for the group. */
  if (fdatasync(table_file) != 0) fail("cannot write the table");
  posix_fadvise(table_file, 0, 0, POSIX_FADV_DONTNEED);
  return table_file;
}

static void look_up_rows(const struct order *order) {
  static unsigned int seed = 1;
  if (is_due(order)) used_bytes = table_bytes;
  for (int row = 0; row < rows_in_unit; row++) {
    seed = seed * 1664525u + 1013904223u;
    sum += table[(size_t)(seed >> 8) % (used_bytes / PAGE_BYTES) * PAGE_BYTES];
  }
}

int main(int count, char **words) {
  struct order order = read_order(count, words);
  int file = make_table(order.folder);
  enter_group();
  table = mmap(NULL, table_bytes, PROT_READ, MAP_SHARED, file, 0);
  if (table == MAP_FAILED) fail("cannot map the table");
  madvise((void *)table, table_bytes, MADV_RANDOM);
  used_bytes = small_bytes;
  serve(&order, look_up_rows);
}
