// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Which process is acted on, and who may have that done. */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/math64.h>
#include <linux/param.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "hangdog.h"

/* By user alone, as kill(2) has it. */
static bool is_own(const struct cred *cred, const struct cred *other)
{
	return uid_eq(cred->euid, other->suid) ||
	       uid_eq(cred->euid, other->uid) ||
	       uid_eq(cred->uid, other->suid) || uid_eq(cred->uid, other->uid);
}

static bool has_ended(struct task_struct *task)
{
	return !task || !atomic_read(&task->signal->live);
}

/* As /proc/PID/stat shows it. */
static u64 start_time_of(struct task_struct *task)
{
	return div_u64(task->start_boottime, NSEC_PER_SEC / USER_HZ);
}

static int check(struct hangdog_target *target, struct task_struct *task,
		 u64 start_time)
{
	const struct cred *other;

	if (has_ended(task) || (start_time && start_time != start_time_of(task)))
		return -ESRCH;
	if (is_global_init(task) || (task->flags & PF_KTHREAD))
		return -EPERM;
	other = __task_cred(task);
	if (is_own(current_cred(), other))
		return 0;
	target->by_capability = ns_capable(other->user_ns, CAP_KILL);
	return target->by_capability ? 0 : -EPERM;
}

int hangdog_target_find(struct hangdog_target *target, pid_t pid,
			u64 start_time)
{
	int result;

	target->by_capability = false;
	target->pid = find_get_pid(pid);
	if (!target->pid)
		return -ESRCH;
	rcu_read_lock();
	result = check(target, pid_task(target->pid, PIDTYPE_TGID), start_time);
	rcu_read_unlock();
	if (result)
		hangdog_target_put(target);
	return result;
}

void hangdog_target_put(struct hangdog_target *target)
{
	put_pid(target->pid);
	target->pid = NULL;
}

bool hangdog_target_ended(const struct hangdog_target *target)
{
	bool ended;

	rcu_read_lock();
	ended = has_ended(pid_task(target->pid, PIDTYPE_TGID));
	rcu_read_unlock();
	return ended;
}

/* The process may have become another user's since it was found. */
bool hangdog_target_permitted(const struct hangdog_target *target,
			      const struct cred *cred)
{
	struct task_struct *task;
	bool permitted;

	rcu_read_lock();
	task = pid_task(target->pid, PIDTYPE_TGID);
	permitted = !task || target->by_capability ||
		    is_own(cred, __task_cred(task));
	rcu_read_unlock();
	return permitted;
}
