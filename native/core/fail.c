#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fail.h"

static const char *begun;

void fail_removes(const char *path)
{
	begun = path;
}

void fail(const char *format, ...)
{
	va_list arguments;

	if (begun != NULL)
		unlink(begun);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

void *must_allocate(void *old, size_t count, size_t size)
{
	void *memory = reallocarray(old, count, size);

	if (memory == NULL)
		fail("out of memory");
	return memory;
}
