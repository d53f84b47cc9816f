/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for whom at a fork; tests/crash/fork_test.c has what it is for. */
#include "store/sqlite_fork.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "store/sqlite_store.h"

/* A child has no thread to join, and the thread sanitizer would call the parent's one leaked. */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "report_thread_leaks=0";
}

static _Atomic bool is_inside;
static _Atomic bool is_done;

static void *stay_inside(void *argument)
{
	sqlite_fork_enter();
	atomic_store(&is_inside, true);
	/* Leaves when the fork has been waiting for a moment, as a busy handler would. */
	while (!sqlite_fork_is_due())
		usleep(100);
	usleep(20000);
	atomic_store(&is_done, true);
	*(bool *)argument = sqlite_fork_leave(MLM_EAGAIN);
	return NULL;
}

static void fork_and_wait(void (*check)(void))
{
	int how = 0;
	pid_t child = fork();
	if (child == 0) {
		check_failures_of_test = 0;
		check();
		_exit(check_failures_of_test ? 1 : 0);
	}
	waitpid(child, &how, 0);
	CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

static void check_free(void)
{
	CHECK(!sqlite_fork_is_due());
	sqlite_fork_enter();
	CHECK(!sqlite_fork_leave(MLM_EAGAIN));
}

TEST(fork__waits_for_who_is_inside_and_has_it_called_again)
{
	pthread_t thread;
	bool again = false;
	pthread_create(&thread, NULL, stay_inside, &again);
	while (!atomic_load(&is_inside))
		usleep(100);
	pid_t child = fork();
	if (child == 0)
		_exit(atomic_load(&is_done) ? 0 : 1);
	int how = 0;
	waitpid(child, &how, 0);
	CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 0);
	pthread_join(thread, NULL);
	CHECK(again);
	CHECK(!sqlite_fork_is_due());
}

TEST(fork__in_a_callback_does_not_wait_for_itself)
{
	sqlite_fork_enter();
	fork_and_wait(check_free);
	CHECK(!sqlite_fork_leave(MLM_EAGAIN));
	check_free();
}

static struct sqlite_store store;

static void check_closed(void)
{
	CHECK(!store.db);
	check_free();
}

TEST(fork__child_closes_what_it_inherited)
{
	CHECK_INT(sqlite3_open(":memory:", &store.db), SQLITE_OK);
	sqlite_fork_enter();
	sqlite_fork_add(&store);
	sqlite_fork_leave(MLM_OK);
	fork_and_wait(check_closed);
	CHECK(store.db);
	sqlite_fork_remove(&store);
	sqlite3_close(store.db);
}

int main(void)
{
	RUN(fork__waits_for_who_is_inside_and_has_it_called_again);
	RUN(fork__in_a_callback_does_not_wait_for_itself);
	RUN(fork__child_closes_what_it_inherited);
	return check_done();
}
