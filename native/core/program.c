/*
 * hangdog-core PID START-TIME minimal|full LIMIT FLOOR PATH [sync]: writes a core of a process that goes on afterwards.
 *
 * LIMIT is the largest core and FLOOR what must stay free on the disk, both in bytes. On success, one line on stdout: bytes, threads and
 * threads without registers. On failure, exit code 1, a sentence on stderr and no file. It may be killed at any time: the kernel then
 * lets the threads go on.
 */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "core-file.h"
#include "fail.h"
#include "mappings.h"
#include "threads.h"

static unsigned long long parse_number(const char *text)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0')
		fail("expected a number, not \"%s\"", text);
	return value;
}

/* A number of a process can be given away again; the time of its start cannot. */
static void check_identity(pid_t pid, const char *start_time)
{
	char path[64];
	char text[2048];
	char *at;
	size_t got;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	got = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);
	if (file != NULL)
		fclose(file);
	text[got] = '\0';
	at = strrchr(text, ')');
	/* Field 22; what follows the name is field 3. */
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at == NULL || strncmp(at + 1, start_time, strlen(start_time)) != 0 || at[1 + strlen(start_time)] != ' ')
		fail("process %d has ended", (int)pid);
}

/* Its main thread has; the memory can be seen through the others only. */
static bool has_ended(pid_t pid)
{
	char path[64];
	FILE *file;
	int first;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	file = fopen(path, "re");
	first = file == NULL ? EOF : fgetc(file);
	if (file != NULL)
		fclose(file);
	return first == EOF;
}

static void check_size(const struct selection *selection, unsigned long long limit, unsigned long long floor, const char *path)
{
	char *copy = strdup(path);
	const char *directory = copy == NULL ? "/" : dirname(copy);
	unsigned long long room = core_room(directory, floor);

	if (selection->bytes > limit)
		fail("it needs %llu MiB, and a core may have %llu MiB", (unsigned long long)selection->bytes >> 20, limit >> 20);
	if (selection->bytes > room)
		fail("it needs %llu MiB, and %llu MiB may be used at %s; %llu MiB are to stay free",
		     (unsigned long long)selection->bytes >> 20, room >> 20, directory, floor >> 20);
	free(copy);
}

int main(int count, char **arguments)
{
	struct core_order order = {0};
	struct selection selection;
	struct threads threads;
	unsigned long long limit;
	int full;

	if (count < 7)
		fail("usage: hangdog-core PID START-TIME minimal|full LIMIT FLOOR PATH [sync]");
	prctl(PR_SET_DUMPABLE, 0);
	order.pid = (pid_t)parse_number(arguments[1]);
	full = strcmp(arguments[3], "full") == 0;
	limit = parse_number(arguments[4]);
	order.floor = parse_number(arguments[5]);
	order.path = arguments[6];
	order.sync = count > 7;
	check_identity(order.pid, arguments[2]);
	if (full && !has_ended(order.pid)) {
		/* Before it is stopped: what is refused should not cost it a moment. */
		selection = select_all(order.pid);
		check_size(&selection, limit, order.floor, order.path);
		selection_free(&selection);
	}
	threads = threads_stop(order.pid);
	/* The memory is that of any of its threads, and the main thread may have ended. */
	order.pid = threads.all[0].tid;
	selection = full ? select_all(order.pid) : select_stacks(order.pid, &threads);
	check_size(&selection, limit, order.floor, order.path);
	core_write(&order, &threads, &selection);
	threads_release(&threads);
	printf("%llu %zu %zu\n", (unsigned long long)selection.bytes, threads.count, threads.unstopped);
	return 0;
}
