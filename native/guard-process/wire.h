/*
 * The frames between a guard process and its owner: one request, one reply, each one packet of a SOCK_SEQPACKET socket. Both ends are built
 * from the same sources on the same machine, so numbers are as the machine has them; another version is refused at the first frame.
 *
 * An owner has two connections: one for calls, and one on which it is sent a packet for each record of the guard (struct guard_record and
 * its text). The first frame on either is WIRE_HELLO.
 */
#ifndef HANGDOG_WIRE_H
#define HANGDOG_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../guard/guard.h"

#define WIRE_MAGIC 0x68646731u
/* Raised with every change of a frame, of a call, or of struct guard_record guard_counters or guard_tally. */
#define WIRE_VERSION 3
#define WIRE_NUMBERS 6
/* The longest text of a request, such as a label or a plan. */
#define WIRE_TEXT_MAX 8192

enum wire_role { WIRE_CALLS = 1, WIRE_NOTICES = 2 };

/* The numbers of each call, as it takes them; a reply has its result, and numbers where that is said. */
enum wire_call {
  /* Role, and for notices the session. Reply: the session, the pid of the guard, and for -EBUSY the pid of the owner there is. */
  WIRE_HELLO = 1,
  /* Reply: what guard_countdown_create gave. */
  WIRE_COUNTDOWN_CREATE,
  /* Countdown, limit, warning. Reply: the arming. */
  WIRE_COUNTDOWN_ARM,
  /* Countdown. Reply: the time spent. */
  WIRE_COUNTDOWN_QUIET_BEAT,
  WIRE_COUNTDOWN_EXTEND,
  WIRE_COUNTDOWN_DISARM,
  WIRE_COUNTDOWN_DISPOSE,
  WIRE_COUNTDOWN_CLAIM,
  /* Countdown, process, signal, budget. */
  WIRE_COUNTDOWN_FALLBACK,
  /* Reply: state, arming, spent, remaining, beats, page beats. */
  WIRE_COUNTDOWN_READING,
  /* Reply: struct guard_tally as its text. */
  WIRE_COUNTDOWN_TALLY,
  /* Pid, start time. Reply: the process. */
  WIRE_PROCESS_ADD,
  WIRE_PROCESS_REMOVE,
  WIRE_PROCESS_SIGNAL,
  WIRE_PROCESS_ENDED,
  WIRE_PROCESS_BIND,
  /* Process, and 1 or 0. */
  WIRE_PROCESS_ADMIT,
  /* Mode; the text is the path. Opening the one that is open already succeeds. */
  WIRE_NOTIFY_OPEN,
  WIRE_NOTIFY_CLOSE,
  /* Reply: struct guard_counters as its text. */
  WIRE_COUNTERS,
  /* Reply: realtime, locked_own, locked_all. */
  WIRE_STRENGTH,
  WIRE_HAND_SET,
  WIRE_HAND_TURN,
  /* Reply: the time. */
  WIRE_HAND_NEXT,
  /*
   * Process, and whether its beats reach the guard without the owner; the text is whatever the owner wants to find again. Only a process
   * that is labelled stays watched when the owner is lost.
   */
  WIRE_PROCESS_LABEL,
  /* Where to go on, at first 0. Reply: of a labelled process its id, pid, countdown, flags of wire_fate, where to go on; and its label. */
  WIRE_INVENTORY,
  /* Countdown; the text is struct wire_plan. Reply: what was opened. */
  WIRE_COUNTDOWN_PLAN,
  WIRE_COUNTDOWN_LEASE,
  /* The text is an absolute path, a NUL, and the head. Opening the one that is open already succeeds. */
  WIRE_RECORD_OPEN,
  /* Slot. Reply: its text. */
  WIRE_RECORD_TEXT,
  WIRE_RECORD_FREE,
  /* The text is struct wire_machine. Reply: what was opened. */
  WIRE_MACHINE_OPEN,
  WIRE_BUGCHECK_PERMIT,
  /* The owner leaves in order: what it watched is forgotten, and the guard process ends. */
  WIRE_END,
  WIRE_CALL_COUNT
};

/* What has become of a labelled process. */
enum wire_fate {
  WIRE_ENDED = 1 << 0,
  /* The guard acted on it alone, at least once. */
  WIRE_ACTED = 1 << 1,
};

struct wire_request {
  uint32_t magic;
  uint16_t version;
  uint16_t call;
  uint32_t sequence;
  /* Bytes of text that follow. */
  uint32_t length;
  int64_t numbers[WIRE_NUMBERS];
};

struct wire_reply {
  uint32_t magic;
  uint16_t version;
  uint16_t call;
  /* That of the request. */
  uint32_t sequence;
  uint32_t length;
  /* 0 or more, or a negative errno value. */
  int64_t result;
  int64_t numbers[WIRE_NUMBERS];
};

struct wire_request_frame {
  struct wire_request head;
  char text[WIRE_TEXT_MAX];
};

struct wire_reply_frame {
  struct wire_reply head;
  char text[WIRE_TEXT_MAX];
};

struct wire_record_frame {
  struct guard_record head;
  char text[GUARD_TEXT_MAX];
};

/* A packet of this many bytes is a whole request of this version, and nothing more. */
static inline bool wire_is_request(const struct wire_request_frame *frame, size_t bytes) {
  if (bytes < sizeof frame->head || bytes > sizeof *frame) return false;
  return frame->head.magic == WIRE_MAGIC && frame->head.length <= WIRE_TEXT_MAX && bytes == sizeof frame->head + frame->head.length;
}

static inline bool wire_is_reply(const struct wire_reply_frame *frame, size_t bytes) {
  if (bytes < sizeof frame->head || bytes > sizeof *frame) return false;
  return frame->head.magic == WIRE_MAGIC && frame->head.version == WIRE_VERSION && frame->head.length <= WIRE_TEXT_MAX &&
         bytes == sizeof frame->head + frame->head.length;
}

static inline bool wire_is_record(const struct wire_record_frame *frame, size_t bytes) {
  if (bytes < sizeof frame->head || bytes > sizeof *frame) return false;
  return frame->head.length <= GUARD_TEXT_MAX && bytes == sizeof frame->head + frame->head.length;
}

#endif
