// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What sysfs shows: /sys/class/misc/hangdog/, with a folder for each
 * countdown. One value a file.
 */
#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/math64.h>
#include <linux/sysfs.h>

#include "hangdog.h"

static struct hangdog_countdown *countdown_of(struct kobject *kobj)
{
	return container_of(kobj, struct hangdog_countdown, kobj);
}

static struct hangdog_state state_of(struct kobject *kobj)
{
	struct hangdog_state state;

	hangdog_countdown_state(countdown_of(kobj), &state);
	return state;
}

static ssize_t state_show(struct kobject *kobj, struct kobj_attribute *attr,
			  char *buf)
{
	static const char *const names[] = {
		[HANGDOG_OFF] = "off",
		[HANGDOG_ARMED] = "armed",
		[HANGDOG_WARNED] = "warned",
		[HANGDOG_EXPIRED] = "expired",
	};

	return sysfs_emit(buf, "%s\n", names[state_of(kobj).state]);
}

static ssize_t timeout_ms_show(struct kobject *kobj, struct kobj_attribute *attr,
			       char *buf)
{
	return sysfs_emit(buf, "%llu\n", state_of(kobj).timeout_ms);
}

static ssize_t remaining_ms_show(struct kobject *kobj, struct kobj_attribute *attr,
				 char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  div_u64(state_of(kobj).remaining_ns, NSEC_PER_MSEC));
}

static ssize_t beats_show(struct kobject *kobj, struct kobj_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%llu\n", state_of(kobj).beats);
}

static ssize_t action_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%u\n", state_of(kobj).action);
}

static ssize_t pid_show(struct kobject *kobj, struct kobj_attribute *attr,
			char *buf)
{
	struct hangdog_countdown *c = countdown_of(kobj);
	pid_t pid;

	spin_lock_irq(&c->lock);
	pid = pid_nr(c->target.pid);
	spin_unlock_irq(&c->lock);
	return sysfs_emit(buf, "%d\n", pid);
}

static ssize_t owner_show(struct kobject *kobj, struct kobj_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%d\n", pid_nr(countdown_of(kobj)->owner));
}

static ssize_t source_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(countdown_of(kobj)->source));
}

static ssize_t name_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	struct hangdog_countdown *c = countdown_of(kobj);
	char name[HANGDOG_NAME_SIZE];

	spin_lock_irq(&c->lock);
	strscpy(name, c->name, sizeof(name));
	spin_unlock_irq(&c->lock);
	return sysfs_emit(buf, "%s\n", name);
}

static struct kobj_attribute state_attribute = __ATTR_RO(state);
static struct kobj_attribute timeout_ms_attribute = __ATTR_RO(timeout_ms);
static struct kobj_attribute remaining_ms_attribute = __ATTR_RO(remaining_ms);
static struct kobj_attribute beats_attribute = __ATTR_RO(beats);
static struct kobj_attribute action_attribute = __ATTR_RO(action);
static struct kobj_attribute pid_attribute = __ATTR_RO(pid);
static struct kobj_attribute owner_attribute = __ATTR_RO(owner);
static struct kobj_attribute source_attribute = __ATTR_RO(source);
static struct kobj_attribute name_attribute = __ATTR_RO(name);

static struct attribute *countdown_attrs[] = {
	&state_attribute.attr,
	&timeout_ms_attribute.attr,
	&remaining_ms_attribute.attr,
	&beats_attribute.attr,
	&action_attribute.attr,
	&pid_attribute.attr,
	&owner_attribute.attr,
	&source_attribute.attr,
	&name_attribute.attr,
	NULL
};
ATTRIBUTE_GROUPS(countdown);

static void countdown_release(struct kobject *kobj)
{
	hangdog_countdown_release(countdown_of(kobj));
}

struct kobj_type hangdog_countdown_type = {
	.sysfs_ops = &kobj_sysfs_ops,
	.release = countdown_release,
	.default_groups = countdown_groups,
};

static ssize_t api_version_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", HANGDOG_API_VERSION);
}
static DEVICE_ATTR_RO(api_version);

static ssize_t countdowns_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", hangdog_countdowns_open());
}
static DEVICE_ATTR_RO(countdowns);

static ssize_t expiries_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%llu\n", hangdog_expiries());
}
static DEVICE_ATTR_RO(expiries);

static struct attribute *device_attrs[] = {
	&dev_attr_api_version.attr,
	&dev_attr_countdowns.attr,
	&dev_attr_expiries.attr,
	NULL
};

static const struct attribute_group device_group = {
	.attrs = device_attrs,
};

const struct attribute_group *hangdog_device_groups[] = {
	&device_group,
	NULL
};
