/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * What programs need to use the kernel module hangdog: /dev/hangdog.
 *
 * Each open file is one countdown, off at first. HANGDOG_ARM starts it, a
 * write of any bytes is a heartbeat, the last close turns it off. The process
 * that opened the file is its owner: it alone may arm, disarm, extend and read.
 * The process that it is armed for may beat as well, once it is handed the
 * file; arming with action 0 says which that is and starts nothing. A write by
 * any other process fails with -EPERM.
 *
 * Times are of the kernel's monotonic clock, which stands still in suspend.
 * Time in which the kernel itself did not run, as in a paused virtual machine,
 * is not spent either.
 */
#ifndef HANGDOG_MODULE_H
#define HANGDOG_MODULE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Raised when a program written for a lower number could not go on. */
#define HANGDOG_API_VERSION	1

#define HANGDOG_TIMEOUT_MIN_MS	10ULL
#define HANGDOG_TIMEOUT_MAX_MS	(4294967295ULL * 1000)
/* With the NUL at the end. */
#define HANGDOG_NAME_SIZE	32

enum hangdog_action {
	HANGDOG_DISABLE = 0,
	HANGDOG_LOG = 1,
	HANGDOG_TERMINATE = 2,
	HANGDOG_BUGCHECK = 3,
};

enum hangdog_version_flag {
	/* Nothing turns a running countdown off. */
	HANGDOG_NOWAYOUT = 1 << 0,
	/* Whoever administers this machine lets the module panic. */
	HANGDOG_BUGCHECK_CONSENT = 1 << 1,
};

struct hangdog_version {
	__u32 api;
	/* Of enum hangdog_version_flag. */
	__u32 flags;
	/* A jiffy: how often, at most, the kernel looks for a stall. */
	__u32 tick_ns;
	/* How many files can be open at a time. */
	__u32 countdowns;
};

struct hangdog_setup {
	/* From HANGDOG_TIMEOUT_MIN_MS to HANGDOG_TIMEOUT_MAX_MS. */
	__u64 timeout_ms;
	/* When the owner is warned, at most timeout_ms. 0: never. */
	__u64 warning_ms;
	/*
	 * The 22nd field of /proc/PID/stat, so that a process that has got the
	 * pid of another by now is refused. 0: not compared.
	 */
	__u64 start_time;
	/* The process to act on. The caller must be allowed to signal it. */
	__s32 pid;
	/* Of enum hangdog_action; 0 turns the countdown off. */
	__u32 action;
	/* Third parameter of the bugcheck: what watches. Free to choose. */
	__u32 source;
	/* Must be 0. */
	__u32 flags;
	/* Printable ASCII, ended by a NUL. Only for people who read. */
	char name[HANGDOG_NAME_SIZE];
	/* Filled in: the number of this arming, which its events carry. */
	__u32 arming;
	/* Must be 0. */
	__u32 reserved;
};

enum hangdog_state_kind {
	HANGDOG_OFF = 0,
	HANGDOG_ARMED = 1,
	/* As armed, but beyond the warning. */
	HANGDOG_WARNED = 2,
	/* The action was taken. Beats change nothing any more. */
	HANGDOG_EXPIRED = 3,
};

struct hangdog_state {
	__u64 timeout_ms;
	/* 0 unless it runs, as remaining_ns. */
	__u64 spent_ns;
	__u64 remaining_ns;
	/* Since the file was opened. */
	__u64 beats;
	/* Of enum hangdog_state_kind. */
	__u32 state;
	__u32 arming;
	__u32 action;
	__u32 reserved;
};

enum hangdog_event_kind {
	/* The warning point was passed: value_ns is the time spent. */
	HANGDOG_EVENT_WARNING = 1,
	/*
	 * The limit was passed: value_ns is the time spent, error what the
	 * action came to: 0 or an errno value.
	 */
	HANGDOG_EVENT_EXPIRED = 2,
	/* The kernel did not run: value_ns is what was not counted. */
	HANGDOG_EVENT_STALL = 3,
	/* The process has ended, and the countdown is off. */
	HANGDOG_EVENT_ENDED = 4,
};

/*
 * What read() gives, one at a time, to a buffer with room for it. Each kind
 * waits at most once: a later one of its kind takes its place.
 */
struct hangdog_event {
	__u32 kind;
	__u32 arming;
	__u64 value_ns;
	__s32 error;
	__u32 reserved;
};

/*
 * 0x9E is the bugcheck USER_MODE_HEALTH_MONITOR. Errors beside -EFAULT, and
 * -ENOTTY for what is not in this list:
 *
 * HANGDOG_ARM	-EINVAL: a value is out of its bounds; -ESRCH: no such process;
 *		-EPERM: not the owner, the process is not the caller's to signal,
 *		is process 1 or the kernel's, a bugcheck without CAP_SYS_BOOT,
 *		or nowayout; -EACCES: a bugcheck without consent
 * HANGDOG_DISARM  -EPERM: not the owner, or nowayout
 * HANGDOG_EXTEND  -EPERM: not the owner, or nowayout; -EINVAL; -ENODATA: it
 *		does not run
 * HANGDOG_BEAT  -EPERM: as for a write; -ENODATA: it does not run
 */
#define HANGDOG_IOC		0x9E
#define HANGDOG_VERSION		_IOR(HANGDOG_IOC, 0, struct hangdog_version)
/* Sets everything at once and starts over, also when it runs already. */
#define HANGDOG_ARM		_IOWR(HANGDOG_IOC, 1, struct hangdog_setup)
#define HANGDOG_DISARM		_IO(HANGDOG_IOC, 2)
/* Moves the end this many ms further away, until the next beat. */
#define HANGDOG_EXTEND		_IOW(HANGDOG_IOC, 3, __u64)
#define HANGDOG_STATE		_IOR(HANGDOG_IOC, 4, struct hangdog_state)
/* A beat, as a write is; gives the time since the last in ns. */
#define HANGDOG_BEAT		_IOR(HANGDOG_IOC, 5, __u64)

#endif
