// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What is asked of a countdown by ioctl, and who may ask. */
#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "hangdog.h"

bool hangdog_is_owner(struct hangdog_countdown *c)
{
	return c->owner == task_tgid(current);
}

/* A process that is not meant must not cover up for one that hangs. */
bool hangdog_may_beat(struct hangdog_countdown *c)
{
	struct pid *target = READ_ONCE(c->target.pid);

	return !target || target == task_tgid(current) || hangdog_is_owner(c);
}

static bool is_valid_name(const char *name)
{
	size_t length = strnlen(name, HANGDOG_NAME_SIZE);
	size_t i;

	for (i = 0; i < length; i++) {
		if (!isascii(name[i]) || !isprint(name[i]))
			return false;
	}
	return length < HANGDOG_NAME_SIZE;
}

static bool is_valid(const struct hangdog_setup *setup)
{
	return setup->timeout_ms >= HANGDOG_TIMEOUT_MIN_MS &&
	       setup->timeout_ms <= HANGDOG_TIMEOUT_MAX_MS &&
	       setup->warning_ms <= setup->timeout_ms && setup->pid > 0 &&
	       setup->action <= HANGDOG_BUGCHECK && !setup->flags &&
	       !setup->arming && !setup->reserved && is_valid_name(setup->name);
}

static long arm(struct hangdog_countdown *c, struct hangdog_setup __user *from)
{
	struct hangdog_target target;
	struct hangdog_setup setup;
	int result;

	if (copy_from_user(&setup, from, sizeof(setup)))
		return -EFAULT;
	if (!is_valid(&setup))
		return -EINVAL;
	result = hangdog_action_permitted(setup.action);
	if (result)
		return result;
	/* Where the answer goes, tried while nothing has changed yet. */
	if (put_user(0, &from->arming))
		return -EFAULT;
	result = hangdog_target_find(&target, setup.pid, setup.start_time);
	if (result)
		return result;
	result = hangdog_countdown_arm(c, &setup, &target);
	if (result)
		return result;
	return put_user(setup.arming, &from->arming);
}

static long extend(struct hangdog_countdown *c, u64 __user *from)
{
	u64 ms;

	if (copy_from_user(&ms, from, sizeof(ms)))
		return -EFAULT;
	return hangdog_countdown_extend(c, ms);
}

static long give_version(struct hangdog_version __user *to)
{
	struct hangdog_version version = {
		.api = HANGDOG_API_VERSION,
		.flags = (hangdog_nowayout ? HANGDOG_NOWAYOUT : 0) |
			 (hangdog_action_consent() ? HANGDOG_BUGCHECK_CONSENT :
						     0),
		.tick_ns = TICK_NSEC,
		.countdowns = hangdog_countdowns_max,
	};

	return copy_to_user(to, &version, sizeof(version)) ? -EFAULT : 0;
}

static long give_state(struct hangdog_countdown *c,
		       struct hangdog_state __user *to)
{
	struct hangdog_state state;

	hangdog_countdown_state(c, &state);
	return copy_to_user(to, &state, sizeof(state)) ? -EFAULT : 0;
}

static long beat(struct hangdog_countdown *c, u64 __user *to)
{
	u64 spent;
	int result;

	if (!hangdog_may_beat(c))
		return -EPERM;
	result = hangdog_countdown_beat_spent(c, &spent);
	if (result)
		return result;
	return copy_to_user(to, &spent, sizeof(spent)) ? -EFAULT : 0;
}

long hangdog_request(struct file *file, unsigned int command,
		     unsigned long argument)
{
	struct hangdog_countdown *c = file->private_data;
	void __user *at = (void __user *)argument;

	switch (command) {
	case HANGDOG_VERSION:
		return give_version(at);
	case HANGDOG_STATE:
		return give_state(c, at);
	case HANGDOG_BEAT:
		return beat(c, at);
	case HANGDOG_ARM:
		return hangdog_is_owner(c) ? arm(c, at) : -EPERM;
	case HANGDOG_EXTEND:
		return hangdog_is_owner(c) ? extend(c, at) : -EPERM;
	case HANGDOG_DISARM:
		return hangdog_is_owner(c) ? hangdog_countdown_disarm(c) : -EPERM;
	default:
		return -ENOTTY;
	}
}
