#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "mappings.h"


/* Of a stack, from the innermost frame on. */
#define STACK_LIMIT ((uint64_t)1 << 20)
/* Below the stack pointer, a function of x86-64 may use that much. */
#define RED_ZONE ((uint64_t)128)
/* Of the changed pages of one library, which hold the list of libraries among other things. */
#define DATA_LIMIT ((uint64_t)1 << 20)
/* Of a library's zeroed data, which lies behind it. */
#define ZEROED_LIMIT ((uint64_t)256 << 10)
/* Anonymous memory of this size is not the program's heap: the dynamic linker keeps its list of libraries in such pieces. */
#define SMALL ((uint64_t)128 << 10)

/* The number of segments in a core is a 16-bit number. */
#define MOST_SEGMENTS 65000

bool is_file(const struct mapping *mapping)
{
	return mapping->path[0] == '/';
}

static char *duplicate(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		fail("out of memory");
	return copy;
}

static void add_mapping(struct selection *selection, const char *line)
{
	struct mapping *mapping;
	char permissions[5] = "";
	int path_at = 0;

	if (selection->mapping_count % 256 == 0)
		selection->mappings = must_allocate(selection->mappings, selection->mapping_count + 256, sizeof(*mapping));
	mapping = &selection->mappings[selection->mapping_count];
	memset(mapping, 0, sizeof(*mapping));
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n", &mapping->start, &mapping->end, permissions,
		   &mapping->offset, &path_at) < 4)
		return;
	mapping->readable = permissions[0] == 'r';
	mapping->writable = permissions[1] == 'w';
	mapping->executable = permissions[2] == 'x';
	mapping->is_private = permissions[3] == 'p';
	mapping->path = duplicate(path_at > 0 ? line + path_at : "");
	mapping->path[strcspn(mapping->path, "\n")] = '\0';
	if (strcmp(mapping->path, "[vvar]") == 0 || strcmp(mapping->path, "[vsyscall]") == 0 ||
	    strcmp(mapping->path, "[vvar_vclock]") == 0)
		mapping->excluded = true;
	selection->mapping_count++;
}

/* smaps says more than maps and takes the kernel longer. */
static void read_mappings(struct selection *selection, pid_t pid, const char *name)
{
	char path[64];
	char *line = NULL;
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	file = fopen(path, "re");
	if (file == NULL)
		fail("the memory map of process %d cannot be read: %m", (int)pid);
	while (getline(&line, &room, file) > 0) {
		if ((line[0] >= '0' && line[0] <= '9') || (line[0] >= 'a' && line[0] <= 'f')) {
			add_mapping(selection, line);
		} else if (strncmp(line, "VmFlags:", 8) == 0 && selection->mapping_count > 0) {
			if (strstr(line, " dd") != NULL || strstr(line, " io") != NULL || strstr(line, " pf") != NULL)
				selection->mappings[selection->mapping_count - 1].excluded = true;
		}
	}
	free(line);
	fclose(file);
	if (selection->mapping_count == 0)
		fail("process %d has no memory any more: it has ended", (int)pid);
}

static void add_segment(struct selection *selection, const struct mapping *mapping, uint64_t start, uint64_t end, bool written)
{
	struct segment *segment;

	if (start >= end || selection->segment_count >= MOST_SEGMENTS)
		return;
	if (selection->segment_count % 256 == 0)
		selection->segments = must_allocate(selection->segments, selection->segment_count + 256, sizeof(*segment));
	segment = &selection->segments[selection->segment_count++];
	*segment = (struct segment){start, end, written ? end - start : 0, mapping};
	selection->bytes += segment->bytes;
}

/* A page of the process's own: changed, or swapped out. Others are zero, or are in the file that is mapped. */
static bool is_own(uint64_t entry)
{
	return (entry >> 62 & 1) == 1 || ((entry >> 63 & 1) == 1 && (entry >> 61 & 1) == 0);
}

/* Adds the runs of own pages between two addresses, up to a limit. */
static void add_own_pages(struct selection *selection, int pagemap, const struct mapping *mapping, uint64_t start,
			  uint64_t end, uint64_t limit)
{
	static uint64_t entries[8192];
	uint64_t run = 0;
	uint64_t taken = 0;

	for (uint64_t at = start; at < end && taken < limit;) {
		uint64_t pages = (end - at) / PAGE;
		ssize_t got;

		if (pages > sizeof(entries) / sizeof(entries[0]))
			pages = sizeof(entries) / sizeof(entries[0]);
		got = pread(pagemap, entries, pages * 8, (off_t)(at / PAGE * 8));
		if (got < 8)
			break;
		for (uint64_t page = 0; page < (uint64_t)got / 8 && taken < limit; page++, at += PAGE) {
			if (is_own(entries[page])) {
				if (run == 0)
					run = at;
				taken += PAGE;
			} else if (run != 0) {
				add_segment(selection, mapping, run, at, true);
				run = 0;
			}
		}
		if (run != 0 && (at >= end || taken >= limit))
			add_segment(selection, mapping, run, at, true);
		if (at >= end || taken >= limit)
			return;
	}
}

/* The first page of a mapped program or library says which one it is. */
static void add_header(struct selection *selection, const struct mapping *mapping)
{
	if (is_file(mapping) && mapping->offset == 0)
		add_segment(selection, mapping, mapping->start, mapping->start + PAGE, true);
}

static bool is_worthless(const struct mapping *mapping)
{
	return mapping->excluded || !mapping->is_private || !mapping->readable;
}

static int open_pagemap(pid_t pid)
{
	char path[64];
	int pagemap;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (pagemap < 0)
		fail("the pages of process %d cannot be read: %m", (int)pid);
	return pagemap;
}

static uint64_t after_header(const struct mapping *mapping)
{
	return is_file(mapping) && mapping->offset == 0 ? mapping->start + PAGE : mapping->start;
}

struct selection select_all(pid_t pid)
{
	struct selection selection = {0};
	int pagemap = open_pagemap(pid);

	read_mappings(&selection, pid, "smaps");
	for (size_t at = 0; at < selection.mapping_count; at++) {
		const struct mapping *mapping = &selection.mappings[at];

		if (is_worthless(mapping))
			continue;
		add_header(&selection, mapping);
		if (strcmp(mapping->path, "[vdso]") == 0)
			add_segment(&selection, mapping, mapping->start, mapping->end, true);
		else
			add_own_pages(&selection, pagemap, mapping, after_header(mapping), mapping->end, UINT64_MAX);
	}
	close(pagemap);
	return selection;
}

/* The innermost part of each stack that lies in this mapping. Stacks never overlap; windows into the same one might. */
static bool add_stacks(struct selection *selection, int pagemap, const struct mapping *mapping, const struct threads *threads)
{
	uint64_t done = mapping->start;
	bool found = false;

	for (;;) {
		uint64_t lowest = UINT64_MAX;
		uint64_t end;

		for (size_t at = 0; at < threads->count; at++) {
			uint64_t pointer = threads->all[at].stack_pointer;

			if (pointer >= done && pointer >= mapping->start && pointer < mapping->end && pointer < lowest)
				lowest = pointer;
		}
		if (lowest == UINT64_MAX)
			return found;
		found = true;
		lowest = (lowest - RED_ZONE) / PAGE * PAGE;
		if (lowest < done)
			lowest = done;
		end = mapping->end - lowest > STACK_LIMIT ? lowest + STACK_LIMIT : mapping->end;
		add_own_pages(selection, pagemap, mapping, lowest, end, STACK_LIMIT);
		done = end;
		if (done >= mapping->end)
			return true;
	}
}

struct selection select_stacks(pid_t pid, const struct threads *threads)
{
	struct selection selection = {0};
	int pagemap = open_pagemap(pid);

	read_mappings(&selection, pid, "maps");
	for (size_t at = 0; at < selection.mapping_count; at++) {
		const struct mapping *mapping = &selection.mappings[at];
		bool behind_file = at > 0 && is_file(mapping - 1) && (mapping - 1)->end == mapping->start;

		if (is_worthless(mapping))
			continue;
		add_header(&selection, mapping);
		if (strcmp(mapping->path, "[vdso]") == 0)
			add_segment(&selection, mapping, mapping->start, mapping->end, true);
		else if (is_file(mapping))
			add_own_pages(&selection, pagemap, mapping, after_header(mapping), mapping->end, DATA_LIMIT);
		else if (!add_stacks(&selection, pagemap, mapping, threads) &&
			 (behind_file || (mapping->path[0] == '\0' && mapping->end - mapping->start <= SMALL)))
			add_own_pages(&selection, pagemap, mapping, mapping->start, mapping->end, ZEROED_LIMIT);
	}
	close(pagemap);
	return selection;
}

void selection_free(struct selection *selection)
{
	for (size_t at = 0; at < selection->mapping_count; at++)
		free(selection->mappings[at].path);
	free(selection->mappings);
	free(selection->segments);
	*selection = (struct selection){0};
}
