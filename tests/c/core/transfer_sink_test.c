/* SPDX-License-Identifier: Apache-2.0 */

/* A run that comes into a store by several ways, some of them through servers that give it an id of
 * their own, is one run there. What arrives of a run is core/transfer_test's. */

#include "core/transfer.h"
#include "core/transfer_lock.h"

#include <unistd.h>

#include "check.h"
#include "store/faulty_store.h"
#include "store/store_directory.h"

#define PARENT_TAG "mlflow.parentRunId"

enum { HERE, THERE, SERVER, ANOTHER, STORES };

static mlm_error err = MLM_ERROR_INIT;
static struct store *stores[STORES];
static char problems[4096];

static void begin(void)
{
	snprintf(directory, sizeof(directory), "/tmp/mlm-store-XXXXXX");
	directory_make();
	for (int i = 0; i < STORES; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%d.db", i);
		struct store_path uri = uri_of(name);
		const struct store_options options = { .uri = uri.text, .artifacts = "/none" };
		const struct store_ops *ops = i < SERVER ? &sqlite_store_ops : &faulty_store_ops;
		MUST(ops->open(&options, &stores[i], &err));
	}
}

static void end(void)
{
	for (int i = 0; i < STORES; i++)
		stores[i]->ops->close(stores[i]);
	directory_remove();
}

static bool note_problem(void *payload, const mlm_transfer_event *event)
{
	(void)payload;
	if (event->kind == MLM_TRANSFER_PROBLEM)
		snprintf(problems + strlen(problems), sizeof(problems) - strlen(problems), "%s\n",
			event->text);
	return true;
}

/* Everything, or one run; *new_out: how many runs the destination did not have. */
static void copy_some(int from, int into, const char *run_id, bool is_import, size_t *new_out)
{
	struct run_transfer transfer;
	struct transfer_store_source source;
	struct transfer_lock lock = { 0 };
	struct store_path journals = path_of("journals");
	const struct store_place place = { .journal_dir = journals.text };
	mlm_transfer_options options = MLM_TRANSFER_OPTIONS_INIT;
	const struct artifact_options artifacts = { .uri = NULL };
	const struct transfer_store_sink sink = {
		.transfer = &transfer,
		.store = stores[into],
		.source_is_newer = !is_import,
		.lock = &lock,
	};
	problems[0] = '\0';
	options.report = note_problem;
	options.run_ids = run_id ? &run_id : NULL;
	options.run_count = run_id ? 1 : 0;
	MUST(run_transfer_begin(&transfer, NULL, &options, &err));
	MUST(transfer_lock_take(&lock, &transfer, &place, &err));
	MUST(transfer_store_source_open(&source, &transfer, stores[from], &artifacts, &err));
	MUST(transfer_into_store(&source.base, &sink, &err));
	transfer_store_source_close(&source);
	*new_out = transfer.result.new_runs;
	transfer_lock_release(&lock);
	run_transfer_end(&transfer);
	CHECK_STRING(problems, "");
}

static size_t copy(int from, int into)
{
	size_t count;
	copy_some(from, into, NULL, false, &count);
	return count;
}

static mlm_run_list *runs_of(int store)
{
	const struct store_ops *ops = stores[store]->ops;
	static const char *const order[] = { "attributes.run_name" };
	mlm_experiment_list *experiments;
	mlm_run_list *list;
	mlm_query query = MLM_QUERY_INIT;
	MUST(ops->get_experiment(stores[store], NULL, "chains", &experiments, &err));
	query.view = MLM_VIEW_ALL;
	query.order_by = order;
	query.order_by_count = 1;
	query.experiment_ids = &experiments->items[0].experiment_id;
	query.experiment_count = 1;
	MUST(ops->search_runs(stores[store], &query, &list, &err));
	arena_free(experiments->memory);
	return list;
}

static const char *tag_of(const mlm_run_record *run, const char *key)
{
	for (size_t i = 0; i < run->tag_count; i++) {
		if (strcmp(run->tags[i].key, key) == 0)
			return run->tags[i].value;
	}
	return "";
}

static char child_id[MLM_ID_SIZE], parent_id[MLM_ID_SIZE];

/* A parent and a child in it, as they are in that store. */
static void check_pair(int store)
{
	mlm_run_list *list = runs_of(store);
	CHECK_INT(list->count, 2);
	if (list->count == 2) {
		const mlm_run_record *child = &list->items[0], *parent = &list->items[1];
		snprintf(child_id, sizeof(child_id), "%s", child->run_id);
		snprintf(parent_id, sizeof(parent_id), "%s", parent->run_id);
		CHECK_STRING(child->run_name, "child");
		CHECK_STRING(tag_of(child, PARENT_TAG), parent_id);
	}
	arena_free(list->memory);
}

static void make_run(int store, const char *name, const char *parent, char id_out[MLM_ID_SIZE])
{
	static unsigned serial;
	char chosen[MLM_ID_SIZE];
	const struct store_ops *ops = stores[store]->ops;
	const mlm_text tag = { PARENT_TAG, parent };
	mlm_experiment_list *experiments;
	snprintf(chosen, sizeof(chosen), "%032x", 0xabc0u + serial++);
	MUST(ops->get_experiment(stores[store], NULL, "chains", &experiments, &err));
	const struct store_new_run run = {
		.run_id = chosen,
		.experiment_id = experiments->items[0].experiment_id,
		.run_name = name,
		.start_time_ms = 1700000000000 - serial, /* the child comes before its parent */
		.tags = &tag,
		.tag_count = parent ? 1 : 0,
	};
	MUST(ops->create_run(stores[store], &run, id_out, &err));
	arena_free(experiments->memory);
}

static void make_pair(int store)
{
	char id[MLM_ID_SIZE], parent[MLM_ID_SIZE];
	MUST(stores[store]->ops->create_experiment(stores[store], "chains", NULL, id, &err));
	make_run(store, "parent", NULL, parent);
	make_run(store, "child", parent, id);
	check_pair(store);
}

TEST(transfer_into_store__knows_a_run_that_came_through_a_server_before)
{
	begin();
	make_pair(HERE);
	CHECK_INT(copy(HERE, SERVER), 2);
	CHECK_INT(copy(SERVER, THERE), 2);
	CHECK_INT(copy(HERE, THERE), 0);
	check_pair(THERE);
	CHECK_INT(copy(THERE, HERE), 0);
	check_pair(HERE);
	end();
}

TEST(transfer_into_store__knows_a_run_that_comes_through_a_server_now)
{
	begin();
	make_pair(HERE);
	CHECK_INT(copy(HERE, THERE), 2);
	CHECK_INT(copy(HERE, SERVER), 2);
	CHECK_INT(copy(SERVER, THERE), 0);
	check_pair(THERE);
	end();
}

TEST(transfer_into_store__brings_every_run_everywhere_once_whatever_the_way)
{
	for (int first = 0; first < STORES; first++) {
		begin();
		make_pair(first);
		size_t count = 0;
		for (int round = 0; round < 2; round++) {
			for (int way = 1; way < STORES * STORES; way++)
				if (way / STORES != way % STORES)
					count += copy((way / STORES + first) % STORES,
						(way % STORES + first) % STORES);
		}
		CHECK_INT(count, 2 * (STORES - 1));
		for (int i = 0; i < STORES; i++)
			check_pair(i);
		end();
	}
}

/* The run is there with its tag, and nothing else of it came. */
TEST(transfer_into_store__knows_a_run_of_which_only_the_beginning_came)
{
	begin();
	make_pair(HERE);
	CHECK_INT(copy(HERE, SERVER), 2);
	check_pair(SERVER);
	for (int into = THERE; into < STORES; into += 2) {
		char id[MLM_ID_SIZE], made[MLM_ID_SIZE];
		const struct store_ops *ops = stores[into]->ops;
		mlm_run_list *list = runs_of(HERE);
		const mlm_text tag = { STORE_ORIGIN_TAG, list->items[0].run_id };
		MUST(ops->create_experiment(stores[into], "chains", NULL, id, &err));
		const struct store_new_run run = {
			.run_id = into == THERE ? child_id : list->items[0].run_id,
			.experiment_id = id,
			.run_name = "child",
			.tags = &tag,
			.tag_count = into == THERE,
		};
		MUST(ops->create_run(stores[into], &run, made, &err));
		arena_free(list->memory);
		CHECK_INT(copy(SERVER, into), 1);
		check_pair(into);
		CHECK_INT(copy(HERE, into), 0);
		check_pair(into);
		check_pair(SERVER);
	}
	end();
}

/* What a transfer that was cut short left: the child, with the id that its parent has there. */
TEST(transfer_into_store__gives_a_child_its_parent_where_that_comes_later)
{
	for (int is_import = 0; is_import < 2; is_import++) {
		size_t count;
		begin();
		make_pair(HERE);
		copy_some(HERE, SERVER, child_id, is_import, &count);
		CHECK_INT(count, 1);
		mlm_run_list *list = runs_of(SERVER);
		CHECK_STRING(tag_of(&list->items[0], PARENT_TAG), parent_id);
		arena_free(list->memory);
		copy_some(HERE, SERVER, NULL, is_import, &count);
		CHECK_INT(count, 1);
		check_pair(SERVER);
		end();
	}
}

TEST(transfer_into_store__leaves_a_child_its_parent_where_only_the_child_comes)
{
	size_t count;
	begin();
	make_pair(HERE);
	copy(HERE, SERVER);
	check_pair(SERVER);
	copy_some(SERVER, HERE, child_id, false, &count);
	CHECK_INT(count, 0);
	check_pair(HERE);
	/* The parent came directly, the child comes through the server. */
	copy_some(HERE, THERE, parent_id, false, &count);
	CHECK_INT(count, 2);
	check_pair(SERVER);
	copy_some(SERVER, THERE, child_id, false, &count);
	CHECK_INT(count, 0);
	check_pair(THERE);
	end();
}

TEST(transfer_into_store__keeps_to_the_first_id_of_a_run)
{
	begin();
	make_pair(HERE);
	copy(HERE, SERVER);
	copy(SERVER, ANOTHER);
	mlm_run_list *first = runs_of(HERE), *last = runs_of(ANOTHER);
	for (size_t i = 0; i < first->count && i < last->count; i++)
		CHECK_STRING(tag_of(&last->items[i], STORE_ORIGIN_TAG), first->items[i].run_id);
	arena_free(last->memory);
	copy(ANOTHER, HERE);
	last = runs_of(HERE);
	for (size_t i = 0; i < last->count; i++)
		CHECK_STRING(tag_of(&last->items[i], STORE_ORIGIN_TAG), "");
	arena_free(first->memory);
	arena_free(last->memory);
	end();
}

int main(void)
{
	RUN(transfer_into_store__knows_a_run_that_came_through_a_server_before);
	RUN(transfer_into_store__knows_a_run_that_comes_through_a_server_now);
	RUN(transfer_into_store__brings_every_run_everywhere_once_whatever_the_way);
	RUN(transfer_into_store__knows_a_run_of_which_only_the_beginning_came);
	RUN(transfer_into_store__gives_a_child_its_parent_where_that_comes_later);
	RUN(transfer_into_store__leaves_a_child_its_parent_where_only_the_child_comes);
	RUN(transfer_into_store__keeps_to_the_first_id_of_a_run);
	return check_done();
}
