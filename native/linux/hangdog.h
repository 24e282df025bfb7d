/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the files of the module share. */
#ifndef HANGDOG_H
#define HANGDOG_H

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/kobject.h>
#include <linux/pid.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "hangdog-module.h"

struct file;

/* The process to act on. A struct pid is never used for another process. */
struct hangdog_target {
	struct pid *pid;
	/* May be signalled by the owner's capability, not by its user. */
	bool by_capability;
};

/* What there is to tell the owner: one of each kind, see struct hangdog_event. */
enum { HANGDOG_EVENT_KINDS = 4 };

/* Of an expiry that the device is to announce. */
struct hangdog_news {
	bool untold;
	pid_t pid;
	u32 action;
	u64 timeout_ms;
	char name[HANGDOG_NAME_SIZE];
};

struct hangdog_countdown {
	/* A beat writes to these two and to nothing else. */
	/* When the last beat came or the arming was, in awake time. */
	atomic64_t since ____cacheline_aligned;
	atomic64_t beats;
	/* Time that was not counted, as the kernel did not run. */
	atomic64_t skipped;
	/* Of enum hangdog_state_kind; written under the lock. */
	u32 state;

	spinlock_t lock ____cacheline_aligned;
	struct hrtimer timer;
	/* When the timer came last. */
	s64 looked;
	s64 timeout;
	s64 warning;
	s64 tick;
	/* Added to the end, while there was no beat after this many. */
	s64 grace;
	u64 grace_beats;
	u32 arming;
	u32 action;
	u32 source;
	char name[HANGDOG_NAME_SIZE];
	struct hangdog_target target;
	struct hangdog_event events[HANGDOG_EVENT_KINDS];
	u32 pending;
	/* Closed, but running on for nowayout. */
	bool orphan;
	/* The last expiry, for user space. */
	struct hangdog_news news;

	/* Fixed from open to release. */
	struct pid *owner;
	const struct cred *cred;
	int index;
	wait_queue_head_t wait;
	struct work_struct work;
	struct kobject kobj;
};

/* What an expiry leads to, copied so that it is done without a lock. */
struct hangdog_expiry {
	struct hangdog_countdown *countdown;
	struct pid *pid;
	u64 spent;
	u64 timeout;
	u32 arming;
	u32 action;
	u32 source;
	bool permitted;
	char name[HANGDOG_NAME_SIZE];
};

static inline bool hangdog_runs(u32 state)
{
	return state == HANGDOG_ARMED || state == HANGDOG_WARNED;
}

/* Of the clock proper: see timer.c. */
static inline s64 hangdog_awake(struct hangdog_countdown *c, s64 raw)
{
	return raw - atomic64_read(&c->skipped);
}

/* device.c: files. */
extern bool hangdog_nowayout;
extern unsigned int hangdog_countdowns_max;
struct kobject *hangdog_device_kobj(void);
int hangdog_countdowns_open(void);
/* What is stopped, and has no file any more. */
void hangdog_countdown_free(struct hangdog_countdown *c);
/* Called when nobody looks at it any more, in sysfs either. */
void hangdog_countdown_release(struct hangdog_countdown *c);

/* request.c: ioctls. */
bool hangdog_is_owner(struct hangdog_countdown *c);
bool hangdog_may_beat(struct hangdog_countdown *c);
long hangdog_request(struct file *file, unsigned int command,
		     unsigned long argument);

/* timer.c: time. */
void hangdog_countdown_init(struct hangdog_countdown *c);
/* Of an awake time. Less than nothing when the end was moved away. */
s64 hangdog_spent_at(struct hangdog_countdown *c, s64 now);
/* Sees that the timer comes in time for the next point. The lock is held. */
void hangdog_schedule_look(struct hangdog_countdown *c, s64 spent);
/* Turns it off for good, and waits until nothing of it runs. */
void hangdog_countdown_stop(struct hangdog_countdown *c);

/* countdown.c: what is done to it. */
/* Takes the target over, whatever it returns. */
int hangdog_countdown_arm(struct hangdog_countdown *c,
			  struct hangdog_setup *setup,
			  struct hangdog_target *target);
int hangdog_countdown_disarm(struct hangdog_countdown *c);
int hangdog_countdown_extend(struct hangdog_countdown *c, u64 ms);
void hangdog_countdown_beat(struct hangdog_countdown *c);
int hangdog_countdown_beat_spent(struct hangdog_countdown *c, u64 *spent);
void hangdog_countdown_state(struct hangdog_countdown *c,
			     struct hangdog_state *state);
/* Says whether there was one. */
bool hangdog_countdown_take_event(struct hangdog_countdown *c,
				  struct hangdog_event *event);
/* Tells the owner. The lock is held. */
void hangdog_countdown_tell(struct hangdog_countdown *c, u32 kind, s64 value,
			    int error);

/* target.c: which process. */
int hangdog_target_find(struct hangdog_target *target, pid_t pid,
			u64 start_time);
void hangdog_target_put(struct hangdog_target *target);
bool hangdog_target_ended(const struct hangdog_target *target);
bool hangdog_target_permitted(const struct hangdog_target *target,
			      const struct cred *cred);

/* action.c: what is done. */
int hangdog_action_permitted(u32 action);
int hangdog_action_take(const struct hangdog_expiry *expiry);
void hangdog_action_announce(const struct hangdog_news *news);
bool hangdog_action_consent(void);

u64 hangdog_expiries(void);

/* attributes.c: what sysfs shows. */
extern struct kobj_type hangdog_countdown_type;
extern const struct attribute_group *hangdog_device_groups[];

#endif
