/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

/*
 * The harness of the C tests. A test program is a list of functions:
 *
 *     TEST(error_set__cuts_on_a_character) { CHECK(...); }
 *     int main(int argc, char **argv) { RUN(error_set__cuts_on_a_character); return check_done(); }
 *
 * Each failed check prints its place and counts; each function prints one line.
 */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlmanager/error.h"

static int check_failures_of_test;
static int check_tests_passed;
static int check_tests_failed;

#define TEST(name) static void name(void)

#define CHECK(condition)                                                         \
	do {                                                                     \
		if (!(condition)) {                                              \
			printf("  %s:%d: %s\n", __FILE__, __LINE__, #condition); \
			check_failures_of_test++;                                \
		}                                                                \
	} while (0)

#define CHECK_INT(actual, expected)                                                            \
	do {                                                                                   \
		long long actual_ = (long long)(actual), expected_ = (long long)(expected);    \
		if (actual_ != expected_) {                                                    \
			printf("  %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #actual, \
				actual_, expected_);                                           \
			check_failures_of_test++;                                              \
		}                                                                              \
	} while (0)

#define CHECK_STRING(actual, expected)                                                             \
	do {                                                                                       \
		const char *actual_ = (actual), *expected_ = (expected);                           \
		if (!actual_ || strcmp(actual_, expected_) != 0) {                                 \
			printf("  %s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #actual, \
				actual_ ? actual_ : "(null)", expected_);                          \
			check_failures_of_test++;                                                  \
		}                                                                                  \
	} while (0)

#define CHECK_CONTAINS(actual, part)                                                          \
	do {                                                                                  \
		const char *actual_ = (actual), *part_ = (part);                              \
		if (!actual_ || !strstr(actual_, part_)) {                                    \
			printf("  %s:%d: %s is \"%s\", without \"%s\"\n", __FILE__, __LINE__, \
				#actual, actual_ ? actual_ : "(null)", part_);                \
			check_failures_of_test++;                                             \
		}                                                                             \
	} while (0)

/* A call that must succeed; its error needs the name err. Ends the program, since what follows
 * would only repeat the failure. */
#define MUST(call)                                                                           \
	do {                                                                                 \
		if ((call) != MLM_OK) {                                                      \
			printf("  %s:%d: %s: %s\n", __FILE__, __LINE__, #call, err.message); \
			exit(1);                                                             \
		}                                                                            \
	} while (0)

/* A call that must fail with this status and fill err. */
#define CHECK_STATUS(call, expected)                                                     \
	do {                                                                             \
		err = (mlm_error)MLM_ERROR_INIT;                                         \
		mlm_status status_ = (call);                                             \
		if (status_ != (expected)) {                                             \
			printf("  %s:%d: %s is %s, not %s\n", __FILE__, __LINE__, #call, \
				mlm_status_name(status_), mlm_status_name(expected));    \
			check_failures_of_test++;                                        \
		}                                                                        \
		CHECK_INT(err.status, (expected));                                       \
	} while (0)

#define RUN(name)                                                                   \
	do {                                                                        \
		check_failures_of_test = 0;                                         \
		name();                                                             \
		printf("%s %s\n", check_failures_of_test ? "FAIL" : "ok  ", #name); \
		fflush(stdout);                                                     \
		if (check_failures_of_test)                                         \
			check_tests_failed++;                                       \
		else                                                                \
			check_tests_passed++;                                       \
	} while (0)

static inline int check_done(void)
{
	printf("%d passed, %d failed\n", check_tests_passed, check_tests_failed);
	return check_tests_failed ? 1 : 0;
}

#endif
