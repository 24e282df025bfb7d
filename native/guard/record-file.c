#include "record-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = {'h', 'a', 'n', 'g', 'd', 'o', 'g', '1'};

/* CRC-32 as of zlib. A table would only make the little there is to sum up faster. */
uint32_t recorder_checksum(const void *bytes, uint32_t length) {
  const unsigned char *at = bytes;
  uint32_t sum = 0xFFFFFFFFu;
  for (uint32_t index = 0; index < length; index++) {
    sum ^= at[index];
    for (int bit = 0; bit < 8; bit++) sum = (sum >> 1) ^ (0xEDB88320u & (0u - (sum & 1u)));
  }
  return ~sum;
}

static uint32_t little32(uint32_t value) {
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap32(value);
}

static uint64_t little64(uint64_t value) {
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap64(value);
}

static int write_whole(int file, const void *bytes, size_t length, off_t at) {
  const char *from = bytes;
  while (length > 0) {
    ssize_t count = pwrite(file, from, length, at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -errno;
    if (count == 0) return -EIO;
    from += count;
    at += count;
    length -= (size_t)count;
  }
  return 0;
}

static off_t place_of(uint32_t slot, uint64_t half) {
  return RECORDER_HEAD_BYTES + ((off_t)slot * 2 + (off_t)(half & 1)) * RECORDER_HALF_BYTES;
}

void record_half_fill(struct record_half *half, uint64_t sequence, const char *text, uint32_t length) {
  memset(half, 0, sizeof *half);
  memcpy(half->magic, magic, sizeof magic);
  half->length = little32(length);
  half->sequence = little64(sequence);
  memcpy(half->text, text, length);
  half->checksum = little32(recorder_checksum(&half->length, (uint32_t)(sizeof half->length + sizeof half->sequence) + length));
}

int record_half_write(int file, const struct record_half *half, uint32_t slot, uint64_t turn) {
  return write_whole(file, half, sizeof *half, place_of(slot, turn));
}

int record_file_open(const char *path, const char *head) {
  char start[RECORDER_HEAD_BYTES] = {0};
  size_t length = strlen(head);
  if (length > GUARD_HEAD_MAX) return -EINVAL;
  memcpy(start, head, length);
  int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_DSYNC, 0600);
  if (file < 0) return -errno;
  // The room is taken now: a full disk must not be found out when a record is due.
  int result = -posix_fallocate(file, 0, RECORDER_HEAD_BYTES + (off_t)GUARD_SLOTS * 2 * RECORDER_HALF_BYTES);
  if (result == 0) result = write_whole(file, start, sizeof start, 0);
  if (result == 0 && fsync(file) != 0) result = -errno;
  if (result == 0) return file;
  (void)unlink(path);
  (void)close(file);
  return result;
}
