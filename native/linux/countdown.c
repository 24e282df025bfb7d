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
#include <linux/jiffies.h>
#include <linux/poll.h>
#include <linux/time64.h>

#include "hangdog.h"

/* Shorter gaps are jitter: not counted, but not told of either. */
#define TOLD_STALL_NS		(100 * NSEC_PER_MSEC)
#define TICKS_PER_TIMEOUT	8
#define TICK_MAX_NS		NSEC_PER_SEC
/* At least this much of a gap counts, whatever the timeout. */
#define ALLOWANCE_MIN_NS	(10 * NSEC_PER_MSEC)

/* The most that can be spent or be left; sums of two cannot overflow. */
#define SPAN_MAX_NS		((s64)HANGDOG_TIMEOUT_MAX_MS * NSEC_PER_MSEC)

static s64 awake(struct hangdog_countdown *c, s64 raw)
{
	return raw - atomic64_read(&c->skipped);
}

/* Of an awake time. Less than nothing when the end was moved away. */
static s64 spent_at(struct hangdog_countdown *c, s64 now)
{
	s64 spent = now - atomic64_read(&c->since);

	if (spent < 0)
		spent = 0;
	if (c->grace && c->grace_beats == atomic64_read(&c->beats))
		spent -= c->grace;
	return spent;
}

/* Sees that the timer comes in time for the next point. The lock is held. */
static void schedule_look(struct hangdog_countdown *c, s64 spent)
{
	s64 delay = c->timeout - spent;

	if (c->state == HANGDOG_ARMED && c->warning)
		delay = min(delay, c->warning - spent);
	delay = clamp(delay, 0LL, c->tick);
	hrtimer_start(&c->timer, ns_to_ktime(c->looked + delay),
		      HRTIMER_MODE_ABS);
}

void hangdog_countdown_tell(struct hangdog_countdown *c, u32 kind, s64 value,
			    int error)
{
	struct hangdog_event *event = &c->events[kind - 1];

	lockdep_assert_held(&c->lock);
	if (kind == HANGDOG_EVENT_STALL && (c->pending & BIT(kind)))
		value += event->value_ns;
	event->kind = kind;
	event->arming = c->arming;
	event->value_ns = value;
	event->error = error;
	c->pending |= BIT(kind);
	wake_up_interruptible_poll(&c->wait, EPOLLIN | EPOLLRDNORM);
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
	now = awake(c, c->looked);
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
	spent = spent_at(c, now);
	if (spent >= c->timeout) {
		expire(c, spent, expiry);
		return;
	}
	if (c->state == HANGDOG_ARMED && c->warning && spent >= c->warning) {
		c->state = HANGDOG_WARNED;
		hangdog_countdown_tell(c, HANGDOG_EVENT_WARNING, spent, 0);
	}
	schedule_look(c, spent);
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

/* What it was about to tell is void once it starts over; what was done not. */
static void forget_events(struct hangdog_countdown *c)
{
	c->pending &= BIT(HANGDOG_EVENT_EXPIRED);
}

/* With nowayout, what runs is not turned off, put off or made to do less. */
static bool is_way_out(struct hangdog_countdown *c,
		       const struct hangdog_setup *setup,
		       const struct hangdog_target *target)
{
	return hangdog_nowayout && hangdog_runs(c->state) &&
	       (setup->action < c->action || target->pid != c->target.pid ||
		setup->timeout_ms * NSEC_PER_MSEC > c->timeout);
}

int hangdog_countdown_arm(struct hangdog_countdown *c,
			  struct hangdog_setup *setup,
			  struct hangdog_target *target)
{
	unsigned long flags;
	int result = 0;

	spin_lock_irqsave(&c->lock, flags);
	if (is_way_out(c, setup, target)) {
		result = -EPERM;
		goto unlock;
	}
	swap(c->target, *target);
	c->timeout = setup->timeout_ms * NSEC_PER_MSEC;
	c->warning = setup->warning_ms * NSEC_PER_MSEC;
	c->tick = clamp_t(s64, div_s64(c->timeout, TICKS_PER_TIMEOUT),
			  TICK_NSEC, TICK_MAX_NS);
	c->action = setup->action;
	c->source = setup->source;
	strscpy(c->name, setup->name, sizeof(c->name));
	c->grace = 0;
	forget_events(c);
	setup->arming = ++c->arming;
	c->looked = ktime_get_ns();
	atomic64_set(&c->since, awake(c, c->looked));
	if (c->action == HANGDOG_DISABLE) {
		WRITE_ONCE(c->state, HANGDOG_OFF);
	} else {
		WRITE_ONCE(c->state, HANGDOG_ARMED);
		schedule_look(c, 0);
	}
unlock:
	spin_unlock_irqrestore(&c->lock, flags);
	hangdog_target_put(target);
	return result;
}

int hangdog_countdown_disarm(struct hangdog_countdown *c)
{
	unsigned long flags;
	int result = 0;

	spin_lock_irqsave(&c->lock, flags);
	if (hangdog_nowayout && hangdog_runs(c->state))
		result = -EPERM;
	else
		WRITE_ONCE(c->state, HANGDOG_OFF);
	/* The timer may be about to look, and will find it off. */
	if (!result) {
		forget_events(c);
		hrtimer_try_to_cancel(&c->timer);
	}
	spin_unlock_irqrestore(&c->lock, flags);
	return result;
}

int hangdog_countdown_extend(struct hangdog_countdown *c, u64 ms)
{
	unsigned long flags;
	int result = 0;
	u64 beats;

	if (!ms || ms > HANGDOG_TIMEOUT_MAX_MS)
		return -EINVAL;
	spin_lock_irqsave(&c->lock, flags);
	if (!hangdog_runs(c->state)) {
		result = -ENODATA;
	} else if (hangdog_nowayout) {
		result = -EPERM;
	} else {
		beats = atomic64_read(&c->beats);
		if (c->grace_beats != beats)
			c->grace = 0;
		c->grace_beats = beats;
		c->grace = min_t(s64, c->grace + ms * NSEC_PER_MSEC,
				 SPAN_MAX_NS);
	}
	spin_unlock_irqrestore(&c->lock, flags);
	return result;
}

static void forget_warning(struct hangdog_countdown *c)
{
	unsigned long flags;

	spin_lock_irqsave(&c->lock, flags);
	if (c->state == HANGDOG_WARNED) {
		WRITE_ONCE(c->state, HANGDOG_ARMED);
		c->pending &= ~BIT(HANGDOG_EVENT_WARNING);
	}
	spin_unlock_irqrestore(&c->lock, flags);
}

void hangdog_countdown_beat(struct hangdog_countdown *c)
{
	atomic64_set(&c->since, awake(c, ktime_get_ns()));
	atomic64_inc(&c->beats);
	if (unlikely(READ_ONCE(c->state) == HANGDOG_WARNED))
		forget_warning(c);
}

int hangdog_countdown_beat_spent(struct hangdog_countdown *c, u64 *spent)
{
	struct hangdog_state state;

	hangdog_countdown_state(c, &state);
	hangdog_countdown_beat(c);
	*spent = state.spent_ns;
	return hangdog_runs(state.state) ? 0 : -ENODATA;
}

void hangdog_countdown_state(struct hangdog_countdown *c,
			     struct hangdog_state *state)
{
	unsigned long flags;
	s64 spent = 0;

	memset(state, 0, sizeof(*state));
	spin_lock_irqsave(&c->lock, flags);
	state->timeout_ms = div_s64(c->timeout, NSEC_PER_MSEC);
	state->beats = atomic64_read(&c->beats);
	state->state = c->state;
	state->arming = c->arming;
	state->action = c->action;
	if (hangdog_runs(c->state)) {
		spent = spent_at(c, awake(c, ktime_get_ns()));
		state->remaining_ns = max(c->timeout - spent, 0LL);
		state->spent_ns = max(spent, 0LL);
	}
	spin_unlock_irqrestore(&c->lock, flags);
}

bool hangdog_countdown_take_event(struct hangdog_countdown *c,
				  struct hangdog_event *event)
{
	/* What was lost is known before what follows from what was not. */
	static const u8 order[] = { HANGDOG_EVENT_STALL, HANGDOG_EVENT_WARNING,
				    HANGDOG_EVENT_EXPIRED, HANGDOG_EVENT_ENDED };
	unsigned long flags;
	bool found = false;
	size_t i;

	spin_lock_irqsave(&c->lock, flags);
	for (i = 0; i < ARRAY_SIZE(order) && !found; i++) {
		found = c->pending & BIT(order[i]);
		if (found) {
			c->pending &= ~BIT(order[i]);
			*event = c->events[order[i] - 1];
		}
	}
	spin_unlock_irqrestore(&c->lock, flags);
	return found;
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
