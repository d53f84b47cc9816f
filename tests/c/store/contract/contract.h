/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_STORE_CONTRACT_H
#define TESTS_STORE_CONTRACT_H

/*
 * What every backend of store.h must answer, whatever it keeps its rows in. A test program points
 * the contract at a store by URI and runs its parts:
 *
 *     contract_open(&sqlite_store_ops, "sqlite:/path/store.db");
 *     run_experiment_contract(); run_run_contract(); run_data_contract(); run_journal_contract();
 *     contract_close();
 *
 * The store may hold rows already: each test makes experiments and runs of its own.
 */

#include <math.h>
#include <unistd.h>

#include "base/arena.h"
#include "check.h"
#include "store/store.h"

#define CONTRACT_ARTIFACTS "/contract/artifacts"

/* What an MLflow server does not do as the other stores; every test that minds asks here. Slots
 * that a store leaves empty (clear_run, the watermark, removal for good) are asked for directly. */
enum contract_difference {
	/* It chooses the ids of runs and keeps ours as a tag, so that a run made twice is found. */
	CONTRACT_NAMES_RUNS = 1,
	/* It decides where artifacts go. */
	CONTRACT_PLACES_ARTIFACTS = 2,
	/* It does not tell when something was deleted. */
	CONTRACT_HIDES_DELETION = 4,
};
#define CONTRACT_MLFLOW_SERVER \
	(CONTRACT_NAMES_RUNS | CONTRACT_PLACES_ARTIFACTS | CONTRACT_HIDES_DELETION)

static mlm_error err = MLM_ERROR_INIT;
static const struct store_ops *contract_ops;
static struct store *contract_store;
static unsigned contract_differences; /* set before the parts are run */
static unsigned contract_serial; /* makes names and ids of this process unique */

static inline void contract_open(const struct store_ops *ops, const char *uri)
{
	const struct store_options options = {
		.uri = uri,
		.artifacts = CONTRACT_ARTIFACTS,
		.busy_timeout_ms = 10000,
	};
	contract_ops = ops;
	MUST(ops->open(&options, &contract_store, &err));
}

static inline void contract_close(void)
{
	contract_ops->close(contract_store);
	contract_store = NULL;
}

struct contract_name {
	char text[64];
};

static inline struct contract_name contract_new_name(const char *what)
{
	struct contract_name name;
	snprintf(name.text, sizeof(name.text), "%s-%d-%u", what, (int)getpid(), contract_serial++);
	return name;
}

static inline struct contract_name contract_new_run_id(void)
{
	struct contract_name id;
	snprintf(id.text, sizeof(id.text), "%016x%016x", (unsigned)getpid(), contract_serial++);
	return id;
}

static inline struct contract_name contract_experiment(void)
{
	struct contract_name id;
	MUST(contract_ops->create_experiment(
		contract_store, contract_new_name("experiment").text, NULL, id.text, &err));
	return id;
}

static inline struct contract_name contract_run_in(const char *experiment_id)
{
	struct contract_name id = contract_new_run_id();
	const mlm_text tag = { "mlflow.user", "ada" };
	const struct store_new_run run = {
		.run_id = id.text,
		.experiment_id = experiment_id,
		.run_name = "a run",
		.user_id = "ada",
		.source_name = "train.lua",
		.start_time_ms = 1700000000000,
		.tags = &tag,
		.tag_count = 1,
	};
	struct contract_name made;
	MUST(contract_ops->create_run(contract_store, &run, made.text, &err));
	return made;
}

static inline struct contract_name contract_run(void)
{
	return contract_run_in(contract_experiment().text);
}

static inline mlm_run_list *contract_get_run(const char *run_id)
{
	mlm_run_list *list;
	MUST(contract_ops->get_run(contract_store, run_id, &list, &err));
	return list;
}

static inline mlm_experiment_list *contract_get_experiment(const char *id)
{
	mlm_experiment_list *list;
	MUST(contract_ops->get_experiment(contract_store, id, NULL, &list, &err));
	return list;
}

/* The value of a key, "" when it is not there. Lives as long as the list. */
static inline const char *contract_text(const mlm_text *texts, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(texts[i].key, key) == 0)
			return texts[i].value;
	}
	return "";
}

static inline mlm_lifecycle contract_lifecycle(const char *run_id)
{
	mlm_run_list *list = contract_get_run(run_id);
	mlm_lifecycle lifecycle = list->items[0].lifecycle;
	arena_free(list->memory);
	return lifecycle;
}

#endif
