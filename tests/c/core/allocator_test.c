/* SPDX-License-Identifier: Apache-2.0 */
/* A manager's memory comes from the allocator of its options and goes back there. The allocator of
 * these tests counts, checks what it is given back, and can run out at any request. */
#include "scratch_store.h"

#include <pthread.h>
#include <stdalign.h>

/* Before each block, so that memory of another allocator is known by it. */
struct mark {
	alignas(max_align_t) size_t size;
	uint64_t word;
};

#define MARK 0x6d6c6d616e616765ull

struct counter {
	pthread_mutex_t mutex;
	pthread_t owner;
	bool everyone; /* requests of other threads are counted and refused as well */
	size_t blocks; /* in use */
	size_t requests;
	long left; /* requests until memory has run out; negative: never */
	bool was_refused;
	bool was_used_elsewhere; /* a request came from another thread */
	bool got_foreign;
};

static bool refuses(struct counter *counter)
{
	bool refused = false;
	pthread_mutex_lock(&counter->mutex);
	counter->requests++;
	bool is_owner = pthread_equal(counter->owner, pthread_self());
	if (!is_owner)
		counter->was_used_elsewhere = true;
	if (!is_owner && !counter->everyone)
		refused = false;
	else if (counter->left == 0)
		refused = counter->was_refused = true;
	else if (counter->left > 0)
		counter->left--;
	pthread_mutex_unlock(&counter->mutex);
	return refused;
}

static void count(struct counter *counter, size_t added, size_t removed)
{
	pthread_mutex_lock(&counter->mutex);
	counter->blocks += added - removed;
	pthread_mutex_unlock(&counter->mutex);
}

static struct mark *mark_of(struct counter *counter, void *memory)
{
	struct mark *mark = (struct mark *)memory - 1;
	if (mark->word != MARK)
		counter->got_foreign = true;
	return mark;
}

static void *allocate(void *payload, size_t size)
{
	struct counter *counter = payload;
	struct mark *mark = refuses(counter) ? NULL : malloc(sizeof(*mark) + size);
	if (!mark)
		return NULL;
	*mark = (struct mark){ .size = size, .word = MARK };
	/* What is not set by the library must not be relied upon. */
	memset(mark + 1, 0xA5, size);
	count(counter, 1, 0);
	return mark + 1;
}

static void *reallocate(void *payload, void *memory, size_t size)
{
	struct counter *counter = payload;
	struct mark *mark = mark_of(counter, memory);
	mark = refuses(counter) ? NULL : realloc(mark, sizeof(*mark) + size);
	if (!mark)
		return NULL;
	mark->size = size;
	return mark + 1;
}

static void release(void *payload, void *memory)
{
	struct counter *counter = payload;
	struct mark *mark = mark_of(counter, memory);
	mark->word = 0;
	free(mark);
	count(counter, 0, 1);
}

static void counter_init(struct counter *counter)
{
	memset(counter, 0, sizeof(*counter));
	pthread_mutex_init(&counter->mutex, NULL);
	counter->owner = pthread_self();
	counter->left = -1;
}

static void no_line(void *payload, mlm_log_level level, const char *line)
{
	(void)payload;
	(void)level;
	(void)line;
}

static mlm_manager_options counted_options(const struct scratch *scratch, struct counter *counter)
{
	mlm_manager_options options = scratch_options(scratch);
	options.allocator = (mlm_allocator){ allocate, reallocate, release, counter };
	options.log = no_line;
	return options;
}

/* ---- a manager's whole life, call by call ---- */

struct life {
	mlm_manager_options options;
	mlm_manager *manager;
	mlm_run *run;
	const char *run_id;
	char kept_id[MLM_ID_SIZE];
	mlm_run_list *runs;
	mlm_experiment_list *experiments;
	mlm_metric_history *history;
	mlm_error err;
};

static mlm_status open_manager(struct life *life)
{
	return mlm_manager_open(&life->options, &life->manager, &life->err);
}

static mlm_status make_experiment(struct life *life)
{
	mlm_text tag = { "team", "physics" };
	mlm_experiment_options options = MLM_EXPERIMENT_OPTIONS_INIT;
	options.tags = &tag;
	options.tag_count = 1;
	return mlm_experiment_create(life->manager, "memory", &options, NULL, &life->err);
}

static mlm_status start_run(struct life *life)
{
	mlm_text tag = { "note", "counted" };
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	options.tags = &tag;
	options.tag_count = 1;
	mlm_status status = mlm_run_start(life->manager, &options, &life->run, &life->err);
	if (status == MLM_OK)
		snprintf(life->kept_id, sizeof(life->kept_id), "%s", mlm_run_id(life->run));
	return status;
}

static mlm_status log_many(struct life *life)
{
	mlm_status status = MLM_OK;
	char key[32];
	for (int i = 0; i < 40 && status == MLM_OK; i++) {
		snprintf(key, sizeof(key), "metric %d", i);
		status =
			mlm_run_log_metric(life->run, key, 0, i, 100 - i, MLM_TIME_NOW, &life->err);
	}
	return status;
}

static mlm_status log_texts(struct life *life)
{
	mlm_text texts[] = { { "optimizer", "adam" }, { "layers", "3" } };
	mlm_status status = mlm_run_log_params(life->run, texts, 2, &life->err);
	return status == MLM_OK ? mlm_run_set_tags(life->run, texts, 2, &life->err) : status;
}

static mlm_status start_timer(struct life *life)
{
	return mlm_timer_start(life->run, "epoch", MLM_TIMER_AS_METRIC, &life->err);
}

static mlm_status stop_timer(struct life *life)
{
	double total_ms;
	return mlm_timer_log_and_stop(life->run, &total_ms, &life->err);
}

static mlm_status flush(struct life *life)
{
	return mlm_manager_flush(life->manager, 10000, &life->err);
}

static mlm_status rename_run(struct life *life)
{
	return mlm_run_rename(life->manager, life->kept_id, "renamed", &life->err);
}

static mlm_status tag_experiment(struct life *life)
{
	return mlm_experiment_set_tag(life->manager, "1", "stage", "done", &life->err);
}

static mlm_status search_runs(struct life *life)
{
	const char *order[] = { "metrics.`metric 3` DESC", "params.layers" };
	mlm_query query = MLM_QUERY_INIT;
	query.filter = "params.optimizer = 'adam' and metrics.`metric 1` > 0";
	query.order_by = order;
	query.order_by_count = 2;
	return mlm_run_search(life->manager, &query, &life->runs, &life->err);
}

static mlm_status search_experiments(struct life *life)
{
	return mlm_experiment_search(life->manager, NULL, &life->experiments, &life->err);
}

static mlm_status read_history(struct life *life)
{
	return mlm_metric_history_get(
		life->manager, life->kept_id, "metric 7", &life->history, &life->err);
}

static mlm_status end_run(struct life *life)
{
	return mlm_run_end(life->run, MLM_RUN_FINISHED, &life->err);
}

static mlm_status take_up(struct life *life)
{
	return mlm_run_set_active(life->manager, life->kept_id, &life->run, &life->err);
}

static mlm_status go_on(struct life *life)
{
	return mlm_run_log_metric(
		life->run, "metric 7", 0, 8, MLM_STEP_NEXT, MLM_TIME_NOW, &life->err);
}

static mlm_status reset_run(struct life *life)
{
	return mlm_run_reset(life->run, &life->err);
}

static mlm_status close_manager(struct life *life)
{
	return mlm_manager_close(life->manager, 0, &life->err);
}

typedef mlm_status (*step_fn)(struct life *life);

/* Flushed before the searches, so that the flusher's thread has nothing to do while one of these
 * is refused memory; each can be called again after it failed. */
static const step_fn steps[] = { open_manager, make_experiment, start_run, start_timer, log_many,
	log_texts, stop_timer, flush, rename_run, tag_experiment, search_runs, search_experiments,
	read_history, end_run, take_up, go_on, reset_run, end_run, close_manager };
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static void free_answers(struct life *life)
{
	mlm_run_list_free(life->runs);
	mlm_experiment_list_free(life->experiments);
	mlm_metric_history_free(life->history);
	life->runs = NULL;
	life->experiments = NULL;
	life->history = NULL;
}

TEST(allocator__gets_back_all_that_it_gave)
{
	struct scratch scratch;
	struct counter counter;
	counter_init(&counter);
	scratch_make(&scratch);
	struct life life = { .options = counted_options(&scratch, &counter) };
	for (size_t i = 0; i < STEPS; i++)
		CHECK_INT(steps[i](&life), MLM_OK);
	CHECK(counter.requests > 100);
	mlm_manager_free(life.manager);
	/* Answers may outlive the manager they came from. */
	CHECK_INT(life.runs->count, 1);
	CHECK_STRING(life.runs->items[0].run_name, "renamed");
	CHECK_INT(life.history->count, 1);
	free_answers(&life);
	CHECK_INT(counter.blocks, 0);
	CHECK(!counter.got_foreign);
	scratch_remove(&scratch);
}

/* Whatever a call was doing when memory ran out, the same call works once there is memory. */
TEST(allocator__every_call_says_enomem_and_can_be_repeated)
{
	long refusals = 0;
	for (size_t failing = 0; steps[failing] != close_manager; failing++) {
		struct scratch scratch;
		struct counter counter;
		counter_init(&counter);
		scratch_make(&scratch);
		struct life life = { .options = counted_options(&scratch, &counter) };
		mlm_status status = MLM_OK;
		for (size_t i = 0; i < failing && status == MLM_OK; i++)
			status = steps[i](&life);
		CHECK_INT(status, MLM_OK);
		for (long left = 0;; left++) {
			counter.was_refused = false;
			counter.left = left;
			life.err = (mlm_error)MLM_ERROR_INIT;
			status = steps[failing](&life);
			counter.left = -1;
			if (!counter.was_refused)
				break;
			refusals++;
			if (status != MLM_ENOMEM)
				printf("  step %zu, request %ld: %s\n", failing, left,
					life.err.message);
			CHECK_INT(status, MLM_ENOMEM);
			CHECK_INT(life.err.status, MLM_ENOMEM);
		}
		CHECK_INT(status, MLM_OK);
		for (size_t i = failing + 1; i < STEPS; i++)
			CHECK_INT(steps[i](&life), MLM_OK);
		free_answers(&life);
		mlm_manager_free(life.manager);
		CHECK_INT(counter.blocks, 0);
		CHECK(!counter.got_foreign);
		scratch_remove(&scratch);
	}
	CHECK(refusals > 60);
}

static void check_history(struct scratch *scratch, const char *run_id, size_t points)
{
	mlm_metric_history *history = NULL;
	mlm_run_list *runs = NULL;
	scratch_reopen(scratch);
	MUST(mlm_metric_history_get(scratch->manager, run_id, "metric 7", &history, &err));
	MUST(mlm_run_get(scratch->manager, run_id, &runs, &err));
	CHECK_INT(history->count, points);
	CHECK(runs->items[0].status != MLM_RUN_RUNNING);
	mlm_metric_history_free(history);
	mlm_run_list_free(runs);
}

TEST(mlm_manager_close__closes_and_loses_nothing_wherever_memory_runs_out)
{
	bool was_refused = true;
	for (long left = 0; was_refused; left++) {
		struct scratch scratch;
		struct counter counter;
		counter_init(&counter);
		counter.everyone = true;
		scratch_make(&scratch);
		struct life life = { .options = counted_options(&scratch, &counter) };
		CHECK_INT(open_manager(&life), MLM_OK);
		CHECK_INT(make_experiment(&life), MLM_OK);
		CHECK_INT(start_run(&life), MLM_OK);
		CHECK_INT(log_many(&life), MLM_OK);
		counter.left = left;
		mlm_status status = close_manager(&life);
		was_refused = counter.was_refused;
		CHECK(was_refused || status == MLM_OK);
		CHECK(!mlm_run_is_open(life.run));
		mlm_manager_free(life.manager);
		CHECK_INT(counter.blocks, 0);
		check_history(&scratch, life.kept_id, 1);
		scratch_remove(&scratch);
	}
}

TEST(mlm_manager_open__enomem_while_a_journal_is_adopted_keeps_the_journal)
{
	struct scratch scratch;
	struct counter counter;
	counter_init(&counter);
	scratch_make(&scratch);
	struct life life = { .options = counted_options(&scratch, &counter) };
	CHECK_INT(open_manager(&life), MLM_OK);
	CHECK_INT(make_experiment(&life), MLM_OK);
	CHECK_INT(start_run(&life), MLM_OK);
	CHECK_INT(log_many(&life), MLM_OK);
	/* A close that gets no memory leaves the journal; so does one that dies. */
	counter.everyone = true;
	counter.left = 0;
	close_manager(&life);
	mlm_manager_free(life.manager);
	life.manager = NULL;
	counter.everyone = false;
	for (long left = 0;; left++) {
		counter.was_refused = false;
		counter.left = left;
		mlm_status status = open_manager(&life);
		counter.left = -1;
		if (!counter.was_refused) {
			CHECK_INT(status, MLM_OK);
			break;
		}
		CHECK_INT(status, MLM_ENOMEM);
		CHECK(life.manager == NULL);
		CHECK_INT(counter.blocks, 0);
	}
	mlm_manager_free(life.manager);
	check_history(&scratch, life.kept_id, 1);
	scratch_remove(&scratch);
}

TEST(allocator__gives_the_threads_of_the_manager_their_memory)
{
	struct scratch scratch;
	struct counter counter;
	counter_init(&counter);
	scratch_make(&scratch);
	struct life life = { .options = counted_options(&scratch, &counter) };
	CHECK_INT(open_manager(&life), MLM_OK);
	CHECK_INT(make_experiment(&life), MLM_OK);
	CHECK_INT(start_run(&life), MLM_OK);
	/* More than a waiting call writes by itself, and more than one segment. */
	for (int i = 0; i < 600000; i++)
		mlm_run_log_metric(life.run, "loss", 0, i, i, MLM_TIME_NOW, &life.err);
	CHECK_INT(mlm_manager_flush(life.manager, MLM_FOREVER, &life.err), MLM_OK);
	CHECK(counter.was_used_elsewhere);
	CHECK_INT(close_manager(&life), MLM_OK);
	mlm_manager_free(life.manager);
	CHECK_INT(counter.blocks, 0);
	CHECK(!counter.got_foreign);
	scratch_remove(&scratch);
}

TEST(mlm_manager_open__einval_for_half_an_allocator)
{
	mlm_manager *manager = NULL;
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.allocator.allocate = allocate;
	CHECK_STATUS(mlm_manager_open(&options, &manager, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "options.allocator");
}

int main(void)
{
	RUN(allocator__gets_back_all_that_it_gave);
	RUN(allocator__every_call_says_enomem_and_can_be_repeated);
	RUN(mlm_manager_close__closes_and_loses_nothing_wherever_memory_runs_out);
	RUN(mlm_manager_open__enomem_while_a_journal_is_adopted_keeps_the_journal);
	RUN(allocator__gives_the_threads_of_the_manager_their_memory);
	RUN(mlm_manager_open__einval_for_half_an_allocator);
	return check_done();
}
