/* The least that tests in C need: named cases, checks that say what they found, and a count at the end. */
#ifndef HANGDOG_TEST_CHECK_H
#define HANGDOG_TEST_CHECK_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../guard.h"

#define MS INT64_C(1000000)

extern int checks_failed;

/* Compares two whole numbers. */
#define SAME(found, expected) check_same((int64_t)(found), (int64_t)(expected), #found, __FILE__, __LINE__)
#define OK(condition) check_same((condition) ? 1 : 0, 1, #condition, __FILE__, __LINE__)

void check_same(int64_t found, int64_t expected, const char *what, const char *file, int line);
/* Runs one case; its name is a sentence about what the guard does. */
void check_case(const char *name, void (*body)(void));
/* Prints the totals. Returns the exit code. */
int check_end(const char *suite);

/* A guard without a thread, and what it said. */
struct guard *check_guard_by_hand(uint32_t countdowns, uint32_t ring_bytes);
/* Lets time pass, as the thread would see it. */
void check_pass(struct guard *guard, int64_t span);
/* Lets time pass in which the guard does not run. */
void check_jump(struct guard *guard, int64_t span);
/* Takes the next record; its kind is 0 when there is none. */
struct guard_record check_next(struct guard *guard);
/* The text of the last record that check_next took, with a NUL. */
extern char check_text[GUARD_TEXT_MAX + 1];
/* Takes all records. Returns how many are of this kind. */
int check_count(struct guard *guard, uint32_t kind);
/* Waits, at most this long, until the guard has something to say. */
struct guard_record check_wait(struct guard *guard, int timeout_ms);

#endif
