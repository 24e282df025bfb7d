#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "fail.h"
#include "threads.h"

/* Threads that are looked for; more are left out. */
#define MOST_THREADS 16384

/* New threads can come while the others are stopped, so the list is read again until nothing is new. */
#define ROUNDS 5

/* A thread that runs stops at once; one in state D may never. */
#define STOP_LIMIT_MS 1000

static bool is_known(const struct threads *threads, pid_t tid)
{
	for (size_t at = 0; at < threads->count; at++)
		if (threads->all[at].tid == tid)
			return true;
	return false;
}

static void add(struct threads *threads, pid_t tid)
{
	if (threads->count % 64 == 0)
		threads->all = must_allocate(threads->all, threads->count + 64, sizeof(*threads->all));
	memset(&threads->all[threads->count], 0, sizeof(*threads->all));
	threads->all[threads->count++].tid = tid;
}

/* A process that has ended and was not waited for yet is refused like one that may not be traced. */
static bool has_ended(pid_t pid)
{
	char path[64];
	char text[512];
	const char *name_end;
	size_t got;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return true;
	got = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[got] = '\0';
	name_end = strrchr(text, ')');
	return name_end == NULL || name_end[1] == '\0' || name_end[2] == 'Z' || name_end[2] == 'X';
}

static void refuse(pid_t pid, int error)
{
	if (error == ESRCH || has_ended(pid))
		fail("process %d has ended", (int)pid);
	fail("process %d may not be traced: %s", (int)pid, strerror(error));
}

/* @param error why one could not be seized; a main thread that has ended cannot be, but the others live on @returns how many were new */
static size_t seize_new(struct threads *threads, pid_t pid, int *error)
{
	char path[64];
	struct dirent *entry;
	size_t before = threads->count;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	directory = opendir(path);
	if (directory == NULL)
		refuse(pid, errno == ENOENT ? ESRCH : errno);
	while ((entry = readdir(directory)) != NULL && threads->count < MOST_THREADS) {
		pid_t tid = atoi(entry->d_name);

		if (tid <= 0 || is_known(threads, tid))
			continue;
		if (ptrace(PTRACE_SEIZE, tid, 0, 0) != 0) {
			*error = errno;
			continue;
		}
		add(threads, tid);
		ptrace(PTRACE_INTERRUPT, tid, 0, 0);
	}
	closedir(directory);
	return threads->count - before;
}

static long elapsed_ms(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

static void await_stop(struct thread *thread, const struct timespec *start)
{
	const struct timespec pause = {0, 1000000};
	int status;

	for (;;) {
		pid_t found = waitpid(thread->tid, &status, __WALL | WNOHANG);

		if (found == thread->tid) {
			thread->stopped = WIFSTOPPED(status);
			/* What was asked for is an event. Anything else is a signal that came first, and letting go without it would lose it. */
			if (thread->stopped && status >> 16 == 0)
				thread->signal = WSTOPSIG(status);
			return;
		}
		if (found < 0 || elapsed_ms(start) > STOP_LIMIT_MS)
			return;
		nanosleep(&pause, NULL);
	}
}

static void read_registers(struct thread *thread)
{
	struct iovec general = {&thread->status.pr_reg, sizeof(thread->status.pr_reg)};
	struct iovec floats = {thread->floats, sizeof(thread->floats)};

	thread->status.pr_pid = thread->tid;
	if (ptrace(PTRACE_GETREGSET, thread->tid, NT_PRSTATUS, &general) != 0) {
		thread->stopped = false;
		return;
	}
	if (ptrace(PTRACE_GETREGSET, thread->tid, NT_PRFPREG, &floats) == 0)
		thread->floats_size = floats.iov_len;
#if defined(__x86_64__)
	thread->stack_pointer = thread->status.pr_reg[19];
#elif defined(__aarch64__)
	thread->stack_pointer = thread->status.pr_reg[31];
#endif
}

struct threads threads_stop(pid_t pid)
{
	struct threads threads = {0};
	struct timespec start;
	size_t checked = 0;
	int error = ESRCH;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int round = 0; round < ROUNDS && seize_new(&threads, pid, &error) > 0; round++) {
		for (; checked < threads.count; checked++)
			await_stop(&threads.all[checked], &start);
	}
	if (threads.count == 0)
		refuse(pid, error);
	for (size_t at = 0; at < threads.count; at++) {
		if (threads.all[at].stopped)
			read_registers(&threads.all[at]);
		if (!threads.all[at].stopped)
			threads.unstopped++;
		if (threads.all[at].tid == pid && at > 0) {
			struct thread main = threads.all[at];

			threads.all[at] = threads.all[0];
			threads.all[0] = main;
		}
	}
	if (threads.unstopped == threads.count)
		fail("no thread of process %d could be stopped: they are in state D, or it ended", (int)pid);
	return threads;
}

void threads_release(struct threads *threads)
{
	for (size_t at = 0; at < threads->count; at++)
		ptrace(PTRACE_DETACH, threads->all[at].tid, 0, (long)threads->all[at].signal);
}
