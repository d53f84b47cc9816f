/* SPDX-License-Identifier: Apache-2.0 */
#include "base/library.h"

#include <pthread.h>

#include "base/error.h"
#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

static double (*cosine)(double);
static double (*unknown)(double);
static _Atomic int begun;

static mlm_status count_begin(mlm_error *why)
{
	(void)why;
	begun++;
	return MLM_OK;
}

static mlm_status fail_begin(mlm_error *why)
{
	return error_set(why, MLM_EIO, "test", "could not begin");
}

static const char *const libm[] = { "libnosuch.so.1", "libm.so.6", NULL };
static const char *const missing[] = { "libnosuch.so.1", "libnosuch.so", NULL };
static const struct library_function functions[] = { { "cos", &cosine } };
static const struct library_function unknown_functions[] = { { "no_such_cos", &unknown } };

static struct library mathematics = { "libc6", "the cosine", libm, functions, 1, count_begin, 0 };

static void *load(void *argument)
{
	(void)argument;
	mlm_error why = MLM_ERROR_INIT;
	return library_load(&mathematics, &why) == MLM_OK && cosine(0) == 1 ? &mathematics : NULL;
}

TEST(library_load__tries_each_name_and_begins_once_for_all_threads)
{
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, load, NULL) == 0);
	for (int i = 0; i < 4; i++) {
		void *loaded = NULL;
		pthread_join(threads[i], &loaded);
		CHECK(loaded == &mathematics);
	}
	CHECK_INT(begun, 1);
}

TEST(library_load__eunsupported_names_the_package)
{
	struct library library = { "libnosuch1", "stores at nosuch://", missing, functions, 1, NULL,
		0 };
	CHECK_STATUS(library_load(&library, &err), MLM_EUNSUPPORTED);
	CHECK_CONTAINS(err.message, "stores at nosuch:// needs the package libnosuch1");
}

TEST(library_load__eunsupported_names_a_missing_function)
{
	struct library library = { "libc6", "the cosine", libm, unknown_functions, 1, NULL, 0 };
	CHECK_STATUS(library_load(&library, &err), MLM_EUNSUPPORTED);
	CHECK_CONTAINS(err.message, "newer libc6: it has no no_such_cos");
}

TEST(library_load__passes_on_what_begin_says)
{
	struct library library = { "libc6", "the cosine", libm, functions, 1, fail_begin, 0 };
	CHECK_STATUS(library_load(&library, &err), MLM_EIO);
	CHECK_STRING(err.message, "could not begin");
}

int main(void)
{
	RUN(library_load__tries_each_name_and_begins_once_for_all_threads);
	RUN(library_load__eunsupported_names_the_package);
	RUN(library_load__eunsupported_names_a_missing_function);
	RUN(library_load__passes_on_what_begin_says);
	return check_done();
}
