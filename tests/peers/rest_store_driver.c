/* SPDX-License-Identifier: Apache-2.0 */

/* The store's contract on a tracking server: rest_store_driver URL. */

#include "store/contract/data_contract.h"
#include "store/contract/experiment_contract.h"
#include "store/contract/journal_contract.h"
#include "store/contract/run_contract.h"
#include "store/contract/transfer_contract.h"

/* A log-batch request takes 100 params. */
TEST(log_texts__sends_more_than_one_request_takes)
{
	enum { COUNT = 250 };
	static char keys[COUNT][16];
	static mlm_text texts[COUNT];
	struct contract_name id = contract_run();
	for (int i = 0; i < COUNT; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%03d", i);
		texts[i] = (mlm_text){ keys[i], keys[i] };
	}
	MUST(contract_ops->log_texts(contract_store, id.text, texts, COUNT, texts, COUNT, &err));
	mlm_run_list *list = contract_get_run(id.text);
	CHECK_INT(list->items[0].param_count, COUNT);
	CHECK_STRING(contract_text(list->items[0].tags, list->items[0].tag_count, "k249"), "k249");
	arena_free(list->memory);
	/* What only a later request would refuse: nothing is sent. */
	texts[0] = (mlm_text){ "z", "1" };
	texts[COUNT - 1] = (mlm_text){ "k100", "changed" };
	CHECK_STATUS(contract_ops->log_texts(contract_store, id.text, texts, COUNT, NULL, 0, &err),
		MLM_EEXISTS);
	CHECK_CONTAINS(err.message, "'k100'");
	list = contract_get_run(id.text);
	CHECK_INT(list->items[0].param_count, COUNT);
	arena_free(list->memory);
}

/* The core would not let such a key pass; a point that only this server refuses must not hold up
 * the others of its request. */
TEST(apply__refuses_one_point_by_its_key_and_takes_the_rest)
{
	enum { COUNT = 1000 };
	static struct store_point points[COUNT];
	struct contract_name id = contract_run();
	const struct store_series series[] = { { id.text, "a" }, { id.text, "no?such*key" },
		{ id.text, "z" } };
	for (int i = 0; i < COUNT; i++)
		points[i] = (struct store_point){ i < 500 ? 0u : i < 501 ? 1u : 2u, i, i, i };
	const struct store_batch batch = { series, 3, points, COUNT, id.text, 1, NULL, 0 };
	struct contract_refused refused = { 0 };
	MUST(contract_ops->apply(contract_store, &batch, contract_note_refused, &refused, &err));
	CHECK_INT(refused.calls, 1);
	CHECK_INT(refused.points, 1);
	CHECK_INT(refused.statuses[0], MLM_EINVAL);
	CHECK_INT(contract_history_count(id.text, "a"), 500);
	CHECK_INT(contract_history_count(id.text, "z"), 499);
}

TEST(search_runs__pages_and_says_what_is_wrong_with_a_filter)
{
	struct contract_name experiment = contract_experiment();
	for (int i = 0; i < 5; i++)
		contract_run_in(experiment.text);
	const char *ids[] = { experiment.text };
	const char *order[] = { "attributes.start_time DESC" };
	mlm_query query = MLM_QUERY_INIT;
	query.experiment_ids = ids;
	query.experiment_count = 1;
	query.order_by = order;
	query.order_by_count = 1;
	query.filter = "tags.`mlflow.user` = 'ada'";
	query.max_results = 2;
	char token[256] = "";
	size_t total = 0;
	int pages = 0;
	do {
		mlm_run_list *list;
		query.page_token = token[0] ? token : NULL;
		MUST(contract_ops->search_runs(contract_store, &query, &list, &err));
		total += list->count;
		pages++;
		snprintf(token, sizeof(token), "%s",
			list->next_page_token ? list->next_page_token : "");
		arena_free(list->memory);
	} while (token[0] && pages < 10);
	CHECK_INT(total, 5);
	CHECK_INT(pages, 3);
	mlm_run_list *list;
	query.page_token = NULL;
	query.filter = "metrics.loss = ";
	CHECK_STATUS(contract_ops->search_runs(contract_store, &query, &list, &err), MLM_EINVAL);
	CHECK(!list);
	query.filter = NULL;
	query.max_results = MLM_SEARCH_RESULTS_MAX + 1;
	CHECK_STATUS(contract_ops->search_runs(contract_store, &query, &list, &err), MLM_EINVAL);
}

TEST(search_experiments__by_name_and_in_pages)
{
	struct contract_name one = contract_experiment();
	contract_experiment();
	mlm_experiment_list *known = contract_get_experiment(one.text), *list;
	char filter[256];
	snprintf(filter, sizeof(filter), "name = '%s'", known->items[0].name);
	mlm_query query = MLM_QUERY_INIT;
	query.filter = filter;
	MUST(contract_ops->search_experiments(contract_store, &query, &list, &err));
	CHECK_INT(list->count, 1);
	CHECK_STRING(list->items[0].experiment_id, one.text);
	CHECK(!list->next_page_token);
	arena_free(list->memory);
	query.filter = NULL;
	query.max_results = 1;
	MUST(contract_ops->search_experiments(contract_store, &query, &list, &err));
	CHECK_INT(list->count, 1);
	CHECK(list->next_page_token != NULL);
	arena_free(list->memory);
	arena_free(known->memory);
}

int main(int argc, char **argv)
{
	const struct store_ops *ops;
	if (argc != 2 || store_ops_find(argv[1], &ops, &err) != MLM_OK) {
		fprintf(stderr, "usage: rest_store_driver URL\n");
		return 2;
	}
	contract_differences = CONTRACT_MLFLOW_SERVER;
	contract_open(ops, argv[1]);
	run_experiment_contract();
	run_run_contract();
	run_data_contract();
	run_journal_contract();
	run_transfer_contract();
	run_input_contract();
	RUN(log_texts__sends_more_than_one_request_takes);
	RUN(apply__refuses_one_point_by_its_key_and_takes_the_rest);
	RUN(search_runs__pages_and_says_what_is_wrong_with_a_filter);
	RUN(search_experiments__by_name_and_in_pages);
	contract_close();
	return check_done();
}
