/* SPDX-License-Identifier: Apache-2.0 */
#include "base/patience.h"

#include <errno.h>

#include "base/clock.h"
#include "check.h"

struct caller {
	int asked;
	int wanted; /* so often it says yes */
	uint32_t idle_ms;
};

static bool is_wanted(void *payload, const char *host, uint32_t idle_ms)
{
	struct caller *caller = payload;
	CHECK_STRING(host, "");
	caller->idle_ms = idle_ms;
	return caller->asked++ < caller->wanted;
}

/* Waits for what never comes. */
static int wait_for_nothing(const struct timespec *until)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t changed;
	pthread_condattr_t clock;
	int errnum = 0;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &clock);
	pthread_condattr_destroy(&clock);
	pthread_mutex_lock(&mutex);
	while (errnum == 0 && !patience_is_over())
		errnum = patience_wait(&changed, &mutex, until);
	pthread_mutex_unlock(&mutex);
	pthread_cond_destroy(&changed);
	return errnum;
}

TEST(wait__asks_until_it_is_over)
{
	struct caller caller = { .wanted = 2 };
	struct patience patience;
	patience_begin(&patience, is_wanted, &caller);
	CHECK_INT(wait_for_nothing(NULL), 0);
	CHECK_INT(caller.asked, 3);
	CHECK(caller.idle_ms >= 3 * PATIENCE_ASK_MS);
	CHECK(!patience_lasts(NULL));
	CHECK_INT(caller.asked, 3);
	patience_end(&patience);
	CHECK(!patience_is_asked() && !patience_is_over() && patience_lasts(NULL));
}

TEST(wait__ends_at_its_time_with_and_without_a_patience)
{
	struct caller caller = { .wanted = 1000 };
	struct patience patience;
	int64_t until_ns = clock_monotonic_ns() + 150000000;
	const struct timespec until = { until_ns / 1000000000, until_ns % 1000000000 };
	patience_begin(&patience, is_wanted, &caller);
	CHECK_INT(wait_for_nothing(&until), ETIMEDOUT);
	patience_end(&patience);
	CHECK_INT(wait_for_nothing(&until), ETIMEDOUT);
}

TEST(moved__begins_the_idle_time_again)
{
	struct caller caller = { .wanted = 1000 };
	struct patience patience;
	patience_begin(&patience, is_wanted, &caller);
	while (caller.asked < 2)
		patience_lasts(NULL);
	patience_moved();
	while (caller.asked < 3)
		patience_lasts(NULL);
	CHECK_INT(caller.idle_ms, 0);
	patience_end(&patience);
}

TEST(begin__inside_another_asks_both)
{
	struct caller outer = { .wanted = 1 }, inner = { .wanted = 1000 };
	struct patience patiences[2];
	patience_begin(&patiences[0], is_wanted, &outer);
	patience_begin(&patiences[1], is_wanted, &inner);
	CHECK_INT(wait_for_nothing(NULL), 0);
	CHECK_INT(outer.asked, 2);
	CHECK_INT(inner.asked, 1);
	patience_end(&patiences[1]);
	CHECK(patience_is_over());
	patience_end(&patiences[0]);
	CHECK(!patience_is_over());
}

TEST(begin_brief__lasts_a_while_though_the_outer_one_is_over)
{
	struct caller outer = { .wanted = 0 };
	struct patience patience, brief;
	patience_begin(&patience, is_wanted, &outer);
	CHECK_INT(wait_for_nothing(NULL), 0);
	patience_begin_brief(&brief);
	CHECK(!patience_is_over() && patience_lasts(NULL));
	CHECK_INT(wait_for_nothing(NULL), 0); /* until it is over as well */
	CHECK(patience_is_over());
	patience_end(&brief);
	CHECK_INT(outer.asked, 1);
	patience_end(&patience);
}

int main(void)
{
	RUN(wait__asks_until_it_is_over);
	RUN(wait__ends_at_its_time_with_and_without_a_patience);
	RUN(moved__begins_the_idle_time_again);
	RUN(begin__inside_another_asks_both);
	RUN(begin_brief__lasts_a_while_though_the_outer_one_is_over);
	return check_done();
}
