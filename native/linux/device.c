// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* /dev/hangdog: what is done to its files, and the module itself. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "hangdog.h"

bool hangdog_nowayout;
module_param_named(nowayout, hangdog_nowayout, bool, 0444);
MODULE_PARM_DESC(nowayout, "A countdown that runs cannot be turned off, not even by closing the file (default: N)");

unsigned int hangdog_countdowns_max = 1024;
module_param_named(countdowns, hangdog_countdowns_max, uint, 0444);
MODULE_PARM_DESC(countdowns, "How many files can be open at a time (default: 1024)");

static DEFINE_IDA(indexes);
static atomic_t open_count;
static struct miscdevice hangdog_device;

struct kobject *hangdog_device_kobj(void)
{
	return &hangdog_device.this_device->kobj;
}

int hangdog_countdowns_open(void)
{
	return atomic_read(&open_count);
}

void hangdog_countdown_release(struct hangdog_countdown *c)
{
	hangdog_target_put(&c->target);
	put_pid(c->owner);
	put_cred(c->cred);
	ida_free(&indexes, c->index);
	atomic_dec(&open_count);
	kfree(c);
}

void hangdog_countdown_free(struct hangdog_countdown *c)
{
	kobject_del(&c->kobj);
	kobject_put(&c->kobj);
}

static int hangdog_open(struct inode *inode, struct file *file)
{
	struct hangdog_countdown *c;
	int index, result;

	index = ida_alloc_max(&indexes, hangdog_countdowns_max - 1,
			      GFP_KERNEL);
	if (index < 0)
		return index;
	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!c) {
		ida_free(&indexes, index);
		return -ENOMEM;
	}
	c->index = index;
	c->owner = get_pid(task_tgid(current));
	c->cred = get_cred(file->f_cred);
	hangdog_countdown_init(c);
	atomic_inc(&open_count);
	result = kobject_init_and_add(&c->kobj, &hangdog_countdown_type,
				      hangdog_device_kobj(), "countdown%d",
				      index);
	if (result) {
		kobject_put(&c->kobj);
		return result;
	}
	file->private_data = c;
	return stream_open(inode, file);
}

/* The only way to say that a countdown goes on without its file. */
static bool leave_running(struct hangdog_countdown *c)
{
	bool orphan;

	spin_lock_irq(&c->lock);
	orphan = hangdog_nowayout && hangdog_runs(c->state);
	c->orphan = orphan;
	spin_unlock_irq(&c->lock);
	/* An orphan may end, and be freed, from here on. */
	return orphan;
}

static int hangdog_release(struct inode *inode, struct file *file)
{
	struct hangdog_countdown *c = file->private_data;

	/* For ever: its timer needs the code. */
	__module_get(THIS_MODULE);
	if (leave_running(c)) {
		pr_crit("closed while a countdown runs: it runs on, for nowayout\n");
		return 0;
	}
	module_put(THIS_MODULE);
	hangdog_countdown_stop(c);
	hangdog_countdown_free(c);
	return 0;
}

static ssize_t hangdog_write(struct file *file, const char __user *from,
			     size_t size, loff_t *at)
{
	struct hangdog_countdown *c = file->private_data;

	if (!hangdog_may_beat(c))
		return -EPERM;
	if (size)
		hangdog_countdown_beat(c);
	return size;
}

static ssize_t hangdog_read(struct file *file, char __user *to, size_t size,
			    loff_t *at)
{
	struct hangdog_countdown *c = file->private_data;
	struct hangdog_event event;
	int result;

	if (!hangdog_is_owner(c))
		return -EPERM;
	if (size < sizeof(event))
		return -EINVAL;
	while (!hangdog_countdown_take_event(c, &event)) {
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		result = wait_event_interruptible(c->wait,
						  READ_ONCE(c->pending));
		if (result)
			return result;
	}
	return copy_to_user(to, &event, sizeof(event)) ? -EFAULT :
							 sizeof(event);
}

static __poll_t hangdog_poll(struct file *file, poll_table *table)
{
	struct hangdog_countdown *c = file->private_data;
	__poll_t ready = EPOLLOUT | EPOLLWRNORM;

	poll_wait(file, &c->wait, table);
	if (READ_ONCE(c->pending))
		ready |= EPOLLIN | EPOLLRDNORM;
	return ready;
}

static const struct file_operations hangdog_operations = {
	.owner = THIS_MODULE,
	.open = hangdog_open,
	.release = hangdog_release,
	.read = hangdog_read,
	.write = hangdog_write,
	.poll = hangdog_poll,
	.unlocked_ioctl = hangdog_request,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = no_llseek,
};

static struct miscdevice hangdog_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hangdog",
	.mode = 0600,
	.groups = hangdog_device_groups,
	.fops = &hangdog_operations,
};

static int __init hangdog_init(void)
{
	/* The most that an int can number. */
	if (!hangdog_countdowns_max || hangdog_countdowns_max > INT_MAX)
		return -EINVAL;
	return misc_register(&hangdog_device);
}
module_init(hangdog_init);

static void __exit hangdog_exit(void)
{
	misc_deregister(&hangdog_device);
	ida_destroy(&indexes);
}
module_exit(hangdog_exit);

MODULE_AUTHOR("The hangdog authors");
MODULE_DESCRIPTION("Countdowns that no hang of user mode can stop");
MODULE_VERSION("0.1.0");
MODULE_LICENSE("Dual MIT/GPL");
