#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core-file.h"
#include "fail.h"


/* After so much, the room on the disk is looked at again. */
#define LOOK_EVERY ((uint64_t)32 << 20)

#define PIECE ((size_t)1 << 20)

struct notes {
	char *bytes;
	size_t size;
};

uint64_t core_room(const char *directory, uint64_t floor)
{
	struct statvfs status;
	uint64_t available;

	if (statvfs(directory, &status) != 0)
		fail("the room in %s cannot be found out: %m", directory);
	available = (uint64_t)status.f_bavail * status.f_frsize;
	return available > floor ? available - floor : 0;
}

static void add_note(struct notes *notes, uint32_t type, const void *content, size_t size)
{
	Elf64_Nhdr head = {5, (Elf64_Word)size, type};
	size_t padded = (size + 3) / 4 * 4;

	notes->bytes = must_allocate(notes->bytes, notes->size + sizeof(head) + 8 + padded, 1);
	memset(notes->bytes + notes->size, 0, sizeof(head) + 8 + padded);
	memcpy(notes->bytes + notes->size, &head, sizeof(head));
	memcpy(notes->bytes + notes->size + sizeof(head), "CORE", 5);
	memcpy(notes->bytes + notes->size + sizeof(head) + 8, content, size);
	notes->size += sizeof(head) + 8 + padded;
}

static ssize_t read_small(pid_t pid, const char *name, char *content, size_t room)
{
	char path[64];
	ssize_t got;
	int file;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -1;
	got = read(file, content, room);
	close(file);
	return got;
}

/* Name of the program alone: its arguments may hold secrets. */
static void add_process(struct notes *notes, pid_t pid)
{
	struct elf_prpsinfo info = {0};
	ssize_t got = read_small(pid, "comm", info.pr_fname, sizeof(info.pr_fname) - 1);

	if (got > 0)
		info.pr_fname[strcspn(info.pr_fname, "\n")] = '\0';
	info.pr_pid = pid;
	memcpy(info.pr_psargs, info.pr_fname, sizeof(info.pr_fname));
	add_note(notes, NT_PRPSINFO, &info, sizeof(info));
}

/* Which file is mapped where: a count, the size of a page, three numbers each, and after all the paths. */
static void add_files(struct notes *notes, const struct selection *selection)
{
	size_t count = 0;
	size_t text = 0;
	uint64_t *numbers;
	char *paths;

	for (size_t at = 0; at < selection->mapping_count; at++) {
		if (!is_file(&selection->mappings[at]))
			continue;
		count++;
		text += strlen(selection->mappings[at].path) + 1;
	}
	numbers = must_allocate(NULL, (2 + 3 * count) * 8 + text, 1);
	paths = (char *)(numbers + 2 + 3 * count);
	numbers[0] = count;
	numbers[1] = PAGE;
	count = 0;
	for (size_t at = 0; at < selection->mapping_count; at++) {
		const struct mapping *mapping = &selection->mappings[at];

		if (!is_file(mapping))
			continue;
		numbers[2 + 3 * count] = mapping->start;
		numbers[3 + 3 * count] = mapping->end;
		numbers[4 + 3 * count] = mapping->offset / PAGE;
		count++;
		paths = stpcpy(paths, mapping->path) + 1;
	}
	add_note(notes, NT_FILE, numbers, (2 + 3 * count) * 8 + text);
	free(numbers);
}

static struct notes make_notes(pid_t pid, const struct threads *threads, const struct selection *selection)
{
	struct notes notes = {0};
	char auxiliary[4096];
	ssize_t got = read_small(pid, "auxv", auxiliary, sizeof(auxiliary));

	for (size_t at = 0, written = 0; at < threads->count; at++) {
		const struct thread *thread = &threads->all[at];

		if (!thread->stopped)
			continue;
		add_note(&notes, NT_PRSTATUS, &thread->status, sizeof(thread->status));
		if (written++ == 0) {
			add_process(&notes, pid);
			if (got > 0)
				add_note(&notes, NT_AUXV, auxiliary, (size_t)got);
			add_files(&notes, selection);
		}
		if (thread->floats_size > 0)
			add_note(&notes, NT_PRFPREG, thread->floats, thread->floats_size);
	}
	return notes;
}

static uint16_t read_machine(pid_t pid)
{
	Elf64_Ehdr head = {0};

	if (read_small(pid, "exe", (char *)&head, sizeof(head)) != sizeof(head) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
		fail("the program of process %d cannot be read", (int)pid);
	if (head.e_ident[EI_CLASS] != ELFCLASS64)
		fail("process %d is a 32-bit program", (int)pid);
	return head.e_machine;
}

static void put(int file, const void *content, size_t size, uint64_t at)
{
	while (size > 0) {
		ssize_t written = pwrite(file, content, size, (off_t)at);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			fail("the core cannot be written: %m");
		content = (const char *)content + written;
		size -= (size_t)written;
		at += (uint64_t)written;
	}
}

/* A page that has gone meanwhile, or that the kernel will not give, stays a hole. */
static void copy(int file, int memory, const struct segment *segment, uint64_t at)
{
	static char piece[PIECE];

	for (uint64_t done = 0; done < segment->bytes;) {
		uint64_t left = segment->bytes - done;
		size_t want = left < PIECE ? (size_t)left : PIECE;
		ssize_t got = pread(memory, piece, want, (off_t)(segment->start + done));

		if (got <= 0) {
			done += PAGE;
			continue;
		}
		put(file, piece, (size_t)got, at + done);
		done += (uint64_t)got;
	}
}

static void write_memory(const struct core_order *order, int file, const struct selection *selection, uint64_t at)
{
	char path[64];
	char *directory = strdup(order->path);
	uint64_t looked = 0;
	char byte;
	int memory;

	if (directory == NULL)
		fail("out of memory");
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)order->pid);
	memory = open(path, O_RDONLY | O_CLOEXEC);
	if (memory < 0)
		fail("the memory of process %d cannot be read: %m", (int)order->pid);
	directory = dirname(directory);
	for (size_t next = 0; next < selection->segment_count; next++) {
		struct segment rest = selection->segments[next];

		while (rest.bytes > 0) {
			struct segment part = rest;

			part.bytes = rest.bytes < LOOK_EVERY ? rest.bytes : LOOK_EVERY;
			copy(file, memory, &part, at);
			at += part.bytes;
			rest.start += part.bytes;
			rest.bytes -= part.bytes;
			looked += part.bytes;
			if (looked < LOOK_EVERY)
				continue;
			looked = 0;
			if (core_room(directory, order->floor) == 0)
				fail("the disk got full meanwhile; less than %llu MiB are free",
				     (unsigned long long)(order->floor >> 20));
		}
	}
	/* Once it is gone, all the rest would be holes. */
	if (selection->segment_count > 0 && pread(memory, &byte, 1, (off_t)selection->segments[0].start) != 1)
		fail("process %d ended while its core was written", (int)order->pid);
	close(memory);
}

void core_write(const struct core_order *order, const struct threads *threads, const struct selection *selection)
{
	struct notes notes = make_notes(order->pid, threads, selection);
	size_t count = selection->segment_count + 1;
	uint64_t notes_at = sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Phdr);
	uint64_t first = (notes_at + notes.size + PAGE - 1) / PAGE * PAGE;
	Elf64_Phdr *heads = must_allocate(NULL, count, sizeof(*heads));
	uint64_t end = first;
	Elf64_Ehdr head = {0};
	int file;

	memcpy(head.e_ident, ELFMAG, SELFMAG);
	head.e_ident[EI_CLASS] = ELFCLASS64;
	head.e_ident[EI_DATA] = ELFDATA2LSB;
	head.e_ident[EI_VERSION] = EV_CURRENT;
	head.e_type = ET_CORE;
	head.e_machine = read_machine(order->pid);
	head.e_version = EV_CURRENT;
	head.e_phoff = sizeof(head);
	head.e_ehsize = sizeof(head);
	head.e_phentsize = sizeof(Elf64_Phdr);
	head.e_phnum = (Elf64_Half)count;
	memset(heads, 0, count * sizeof(*heads));
	heads[0] = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = notes_at, .p_filesz = notes.size, .p_align = 4};
	for (size_t at = 0; at < selection->segment_count; at++) {
		const struct segment *segment = &selection->segments[at];

		heads[at + 1] = (Elf64_Phdr){
			.p_type = PT_LOAD,
			.p_flags = PF_R | (segment->mapping->writable ? PF_W : 0) | (segment->mapping->executable ? PF_X : 0),
			.p_offset = end,
			.p_vaddr = segment->start,
			.p_filesz = segment->bytes,
			.p_memsz = segment->end - segment->start,
			.p_align = PAGE,
		};
		end += segment->bytes;
	}
	/* Should the computation above be wrong, the kernel stops the writing there. */
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){end, end});
	file = open(order->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0)
		fail("%s cannot be made: %m", order->path);
	fail_removes(order->path);
	put(file, &head, sizeof(head), 0);
	put(file, heads, count * sizeof(*heads), sizeof(head));
	put(file, notes.bytes, notes.size, notes_at);
	if (ftruncate(file, (off_t)end) != 0)
		fail("the core cannot be written: %m");
	write_memory(order, file, selection, first);
	if ((order->sync && fdatasync(file) != 0) || close(file) != 0)
		fail("the core cannot be written: %m");
	free(heads);
	free(notes.bytes);
}
