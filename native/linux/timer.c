// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * How time is spent.
 *
 * Awake time is the monotonic clock without what was skipped: of a gap between
 * two looks of the timer, at most two ticks count. The rest is time in which
 * this kernel did not run, such as that of a paused virtual machine, and is
 * nobody's silence. A tick is an eighth of the timeout, from a jiffy to 1 s.
 *
 * A beat reads the clock proper. The coarse one would be cheaper, but it is
 * behind by as much as the kernel's tick is late, and the end early by that.
 */
#include <linux/time64.h>

#include "hangdog.h"

/* Shorter gaps are jitter: not counted, but not told of either. */
#define TOLD_STALL_NS		(100 * NSEC_PER_MSEC)
/* At least this much of a gap counts, whatever the timeout. */
#define ALLOWANCE_MIN_NS	(10 * NSEC_PER_MSEC)

s64 hangdog_spent_at(struct hangdog_countdown *c, s64 now)
{
	s64 spent = now - atomic64_read(&c->since);

	if (spent < 0)
		spent = 0;
	if (c->grace && c->grace_beats == atomic64_read(&c->beats))
		spent -= c->grace;
	return spent;
}

void hangdog_schedule_look(struct hangdog_countdown *c, s64 spent)
{
	s64 delay = c->timeout - spent;

	if (c->state == HANGDOG_ARMED && c->warning)
		delay = min(delay, c->warning - spent);
	delay = clamp(delay, 0LL, c->tick);
	hrtimer_start(&c->timer, ns_to_ktime(c->looked + delay),
		      HRTIMER_MODE_ABS);
}

static void count_gap(struct hangdog_countdown *c, s64 raw)
{
	s64 allowance = max_t(s64, 2 * c->tick, ALLOWANCE_MIN_NS);
	s64 lost = raw - c->looked - allowance;

	c->looked = raw;
	if (lost <= 0)
		return;
	atomic64_add(lost, &c->skipped);
	if (lost >= TOLD_STALL_NS)
		hangdog_countdown_tell(c, HANGDOG_EVENT_STALL, lost, 0);
}

static void expire(struct hangdog_countdown *c, s64 spent,
		   struct hangdog_expiry *expiry)
{
	c->state = HANGDOG_EXPIRED;
	expiry->countdown = c;
	expiry->pid = get_pid(c->target.pid);
	expiry->spent = spent;
	expiry->timeout = c->timeout;
	expiry->arming = c->arming;
	expiry->action = c->action;
	expiry->source = c->source;
	expiry->permitted = hangdog_target_permitted(&c->target, c->cred);
	strscpy(expiry->name, c->name, sizeof(expiry->name));
}

/* Acts on whatever point has passed. The lock is held, and it runs. */
static void look(struct hangdog_countdown *c, struct hangdog_expiry *expiry)
{
	s64 now, since, spent;

	count_gap(c, ktime_get_ns());
	now = hangdog_awake(c, c->looked);
	since = atomic64_read(&c->since);
	/* A beat before the end of a gap was known is stamped too late. */
	if (since > now)
		atomic64_cmpxchg(&c->since, since, now);
	/* With nowayout, nothing but a beat helps once the owner is gone. */
	if (!c->orphan && hangdog_target_ended(&c->target)) {
		c->state = HANGDOG_OFF;
		hangdog_countdown_tell(c, HANGDOG_EVENT_ENDED, 0, 0);
		return;
	}
	spent = hangdog_spent_at(c, now);
	if (spent >= c->timeout) {
		expire(c, spent, expiry);
		return;
	}
	if (c->state == HANGDOG_ARMED && c->warning && spent >= c->warning) {
		c->state = HANGDOG_WARNED;
		hangdog_countdown_tell(c, HANGDOG_EVENT_WARNING, spent, 0);
	}
	hangdog_schedule_look(c, spent);
}

static void finish_expiry(const struct hangdog_expiry *expiry)
{
	struct hangdog_countdown *c = expiry->countdown;
	int error = hangdog_action_take(expiry);
	unsigned long flags;

	spin_lock_irqsave(&c->lock, flags);
	hangdog_countdown_tell(c, HANGDOG_EVENT_EXPIRED, expiry->spent, -error);
	/* It may have been armed again in the meantime. */
	c->events[HANGDOG_EVENT_EXPIRED - 1].arming = expiry->arming;
	c->news.untold = true;
	c->news.pid = pid_nr(expiry->pid);
	c->news.action = expiry->action;
	c->news.timeout_ms = div_u64(expiry->timeout, NSEC_PER_MSEC);
	strscpy(c->news.name, expiry->name, sizeof(c->news.name));
	spin_unlock_irqrestore(&c->lock, flags);
	put_pid(expiry->pid);
	schedule_work(&c->work);
}

static enum hrtimer_restart timer_came(struct hrtimer *timer)
{
	struct hangdog_countdown *c =
		container_of(timer, struct hangdog_countdown, timer);
	struct hangdog_expiry expiry = {};
	unsigned long flags;
	bool gone;

	spin_lock_irqsave(&c->lock, flags);
	/* Whoever has started it again since has seen to the next look. */
	if (hangdog_runs(c->state) && !hrtimer_is_queued(timer))
		look(c, &expiry);
	gone = c->orphan && c->state == HANGDOG_OFF;
	spin_unlock_irqrestore(&c->lock, flags);
	if (expiry.countdown)
		finish_expiry(&expiry);
	else if (gone)
		schedule_work(&c->work);
	return HRTIMER_NORESTART;
}

static void tell_user_space(struct work_struct *work)
{
	struct hangdog_countdown *c =
		container_of(work, struct hangdog_countdown, work);
	struct hangdog_news news;
	bool orphan;

	spin_lock_irq(&c->lock);
	news = c->news;
	c->news.untold = false;
	orphan = c->orphan && !hangdog_runs(c->state);
	spin_unlock_irq(&c->lock);
	if (news.untold)
		hangdog_action_announce(&news);
	if (!orphan)
		return;
	/* The expiry that this waits for queues this work once more. */
	hrtimer_cancel(&c->timer);
	if (!work_pending(work))
		hangdog_countdown_free(c);
}

void hangdog_countdown_init(struct hangdog_countdown *c)
{
	spin_lock_init(&c->lock);
	init_waitqueue_head(&c->wait);
	INIT_WORK(&c->work, tell_user_space);
	hrtimer_init(&c->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	c->timer.function = timer_came;
}

void hangdog_countdown_stop(struct hangdog_countdown *c)
{
	unsigned long flags;

	spin_lock_irqsave(&c->lock, flags);
	WRITE_ONCE(c->state, HANGDOG_OFF);
	spin_unlock_irqrestore(&c->lock, flags);
	hrtimer_cancel(&c->timer);
	/* What has happened is still told. */
	flush_work(&c->work);
}
