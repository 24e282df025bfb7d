// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What is done when a countdown ends. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/moduleparam.h>
#include <linux/panic.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include "hangdog.h"

static bool bugcheck;
module_param(bugcheck, bool, 0644);
MODULE_PARM_DESC(bugcheck, "Consent that action 3 panics this machine (default: N)");

static unsigned int bugcheck_min_uptime = 600;
module_param(bugcheck_min_uptime, uint, 0644);
MODULE_PARM_DESC(bugcheck_min_uptime,
		 "Seconds of uptime before which action 3 does what action 2 does, so that no machine panics from boot to boot (default: 600)");

static atomic64_t expiries;

u64 hangdog_expiries(void)
{
	return atomic64_read(&expiries);
}

bool hangdog_action_consent(void)
{
	return READ_ONCE(bugcheck);
}

int hangdog_action_permitted(u32 action)
{
	if (action != HANGDOG_BUGCHECK)
		return 0;
	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	return hangdog_action_consent() ? 0 : -EACCES;
}

static const char *bugcheck_refusal(void)
{
	if (!hangdog_action_consent())
		return "consent was withdrawn";
	if (ktime_get_boottime_seconds() < READ_ONCE(bugcheck_min_uptime))
		return "the machine has not been up for long enough";
	return NULL;
}

static int terminate(const struct hangdog_expiry *expiry)
{
	int result;

	if (!expiry->permitted) {
		pr_crit("\"%s\" (pid %d) has become another user's: not terminated\n",
			expiry->name, pid_nr(expiry->pid));
		return -EPERM;
	}
	result = kill_pid(expiry->pid, SIGKILL, 1);
	pr_crit("\"%s\" (pid %d) did not beat for %llu ms: SIGKILL, result %d\n",
		expiry->name, pid_nr(expiry->pid),
		div_u64(expiry->timeout, NSEC_PER_MSEC), result);
	return result;
}

int hangdog_action_take(const struct hangdog_expiry *expiry)
{
	int pid = pid_nr(expiry->pid);
	u64 timeout = div_u64(expiry->timeout, NSEC_PER_MSEC);
	const char *refusal;

	atomic64_inc(&expiries);
	switch (expiry->action) {
	case HANGDOG_BUGCHECK:
		refusal = bugcheck_refusal();
		if (!refusal) {
			pr_emerg("\"%s\" (pid %d) did not beat for %llu ms\n",
				 expiry->name, pid, timeout);
			panic("BugCheck 9E, {%d, %llu, %u, 0}", pid, timeout,
			      expiry->source);
		}
		pr_crit("no bugcheck: %s\n", refusal);
		fallthrough;
	case HANGDOG_TERMINATE:
		return terminate(expiry);
	default:
		pr_crit("\"%s\" (pid %d) did not beat for %llu ms: reported only\n",
			expiry->name, pid, timeout);
		return 0;
	}
}

/* Waits for memory, so it is not done in the timer. */
void hangdog_action_announce(const struct hangdog_news *news)
{
	char pid[32], timeout[48], action[32], name[HANGDOG_NAME_SIZE + 16];
	char *variables[5] = { pid, timeout, action, name, NULL };

	snprintf(pid, sizeof(pid), "HANGDOG_EXPIRED=%d", news->pid);
	snprintf(timeout, sizeof(timeout), "HANGDOG_TIMEOUT_MS=%llu",
		 news->timeout_ms);
	snprintf(action, sizeof(action), "HANGDOG_ACTION=%u", news->action);
	snprintf(name, sizeof(name), "HANGDOG_NAME=%s", news->name);
	kobject_uevent_env(hangdog_device_kobj(), KOBJ_CHANGE, variables);
}
