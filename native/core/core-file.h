/* Writing an ELF core. */
#ifndef HANGDOG_CORE_FILE_H
#define HANGDOG_CORE_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include "mappings.h"
#include "threads.h"

struct core_order {
	pid_t pid;
	/* Does not exist yet; is made with mode 0600. */
	const char *path;
	/* Of the file system, that must stay free. */
	uint64_t floor;
	/* Bring it to the disk before we end. */
	int sync;
};

/* Fails the program, and removes the file, when it cannot be written. */
void core_write(const struct core_order *order, const struct threads *threads, const struct selection *selection);

/* What may be written to the file system of a path without falling below the floor. */
uint64_t core_room(const char *directory, uint64_t floor);

#endif
