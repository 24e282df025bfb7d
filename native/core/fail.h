/* How the program ends when it cannot go on. */
#ifndef HANGDOG_CORE_FAIL_H
#define HANGDOG_CORE_FAIL_H

/* Removes the file that was begun, says why on stderr and exits with 1. Attached threads go on by themselves when we are gone. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The file that `fail` removes; null for none. */
void fail_removes(const char *path);

void *must_allocate(void *old, size_t count, size_t size);

#endif
