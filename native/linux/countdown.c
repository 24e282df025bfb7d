// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A countdown: arming, beats, what is left, and what it tells its owner. */
#include <linux/jiffies.h>
#include <linux/poll.h>
#include <linux/time64.h>

#include "hangdog.h"

#define TICKS_PER_TIMEOUT	8
#define TICK_MAX_NS		NSEC_PER_SEC
/* The most that can be spent or be left; sums of two cannot overflow. */
#define SPAN_MAX_NS		((s64)HANGDOG_TIMEOUT_MAX_MS * NSEC_PER_MSEC)

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
	atomic64_set(&c->since, hangdog_awake(c, c->looked));
	if (c->action == HANGDOG_DISABLE) {
		WRITE_ONCE(c->state, HANGDOG_OFF);
	} else {
		WRITE_ONCE(c->state, HANGDOG_ARMED);
		hangdog_schedule_look(c, 0);
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
	atomic64_set(&c->since, hangdog_awake(c, ktime_get_ns()));
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
		spent = hangdog_spent_at(c, hangdog_awake(c, ktime_get_ns()));
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
