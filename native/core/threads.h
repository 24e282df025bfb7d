/* Stopping all threads of a process and reading their registers. */
#ifndef HANGDOG_CORE_THREADS_H
#define HANGDOG_CORE_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/procfs.h>
#include <sys/types.h>

struct thread {
	pid_t tid;
	bool stopped;
	/* It stopped before a signal, which it is given when it goes on. */
	int signal;
	struct elf_prstatus status;
	uint8_t floats[1024];
	size_t floats_size;
	uint64_t stack_pointer;
};

struct threads {
	struct thread *all;
	size_t count;
	/* Those that could not be stopped in time, being in state D: they have no registers. */
	size_t unstopped;
};

/*
 * Seizes every thread and interrupts it: unlike an attach, that sends no SIGSTOP, so that nothing is left behind when we are killed.
 * The main thread comes first. Fails the program when not even one thread can be stopped.
 */
struct threads threads_stop(pid_t pid);

/* Lets them go on. */
void threads_release(struct threads *threads);

#endif
