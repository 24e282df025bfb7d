/* What of a process's memory goes into the core. */
#ifndef HANGDOG_CORE_MAPPINGS_H
#define HANGDOG_CORE_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "threads.h"

/* 4096 on x86-64; arm64 has larger ones as well. */
#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

struct mapping {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	bool readable;
	bool writable;
	bool executable;
	bool is_private;
	/* The program asked for it not to be dumped (MADV_DONTDUMP), or it is a device. */
	bool excluded;
	/* Empty for anonymous memory. */
	char *path;
};

/* A run of pages that is written, or whose address only is noted (`bytes` 0). */
struct segment {
	uint64_t start;
	uint64_t end;
	uint64_t bytes;
	const struct mapping *mapping;
};

struct selection {
	struct mapping *mappings;
	size_t mapping_count;
	struct segment *segments;
	size_t segment_count;
	/* Pages that are there and are written, in bytes. */
	uint64_t bytes;
};

/* All private memory, or with `threads` their stacks and what a debugger needs to read them. */
struct selection select_all(pid_t pid);
struct selection select_stacks(pid_t pid, const struct threads *threads);

void selection_free(struct selection *selection);

bool is_file(const struct mapping *mapping);

#endif
