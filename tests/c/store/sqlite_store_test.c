/* SPDX-License-Identifier: Apache-2.0 */

/* The contract on SQLite, in each layout that a file may have. */

#include <sqlite3.h>

#include "store/contract/data_contract.h"
#include "store/contract/experiment_contract.h"
#include "store/contract/journal_contract.h"
#include "store/contract/run_contract.h"
#include "store/contract/transfer_contract.h"
#include "store/store_directory.h"

TEST(log_inputs__eunsupported_in_a_store_older_than_inputs)
{
	struct contract_name id = contract_run();
	const mlm_dataset_input input = { "d", "1", "local", "{}", NULL, NULL, NULL, 0 };
	CHECK_STATUS(contract_ops->log_inputs(contract_store, id.text, &input, 1, &err),
		MLM_EUNSUPPORTED);
}

static void run_contract(const char *name, bool has_inputs)
{
	printf("-- %s\n", name);
	contract_open(&sqlite_store_ops, uri_of(name).text);
	run_experiment_contract();
	run_run_contract();
	run_data_contract();
	run_journal_contract();
	run_transfer_contract();
	if (has_inputs)
		run_input_contract();
	else
		RUN(log_inputs__eunsupported_in_a_store_older_than_inputs);
	run_purge_contract();
	contract_close();
}

static void make(const char *name, const char *sql)
{
	sqlite3 *db;
	char *message = NULL;
	if (sqlite3_open(path_of(name).text, &db) != SQLITE_OK ||
		sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
		printf("%s: %s\n", name, message ? message : sqlite3_errmsg(db));
		exit(1);
	}
	sqlite3_close(db);
}

/* A store of ours, with MLflow's own table of metrics in the place of the clustered one. */
static void make_with_mlflows_metrics(const char *name)
{
	contract_open(&sqlite_store_ops, uri_of(name).text);
	contract_close();
	make(name,
		"DROP TABLE metrics; CREATE TABLE metrics (key VARCHAR(250) NOT NULL, "
		"value FLOAT NOT NULL, timestamp BIGINT NOT NULL, run_uuid VARCHAR(32) NOT NULL, "
		"step BIGINT DEFAULT '0' NOT NULL, is_nan BOOLEAN DEFAULT '0' NOT NULL, "
		"CONSTRAINT metric_pk PRIMARY KEY (key, timestamp, step, run_uuid, value, is_nan), "
		"FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), CHECK (is_nan IN (0, 1)));"
		"CREATE INDEX index_metrics_run_uuid ON metrics (run_uuid);"
		"CREATE INDEX index_metrics_run_uuid_key_step ON metrics (run_uuid, key, step);");
}

/* The tables of an MLflow from before datasets, deletion times and update times. */
static void make_old(const char *name)
{
	make(name,
		"CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL);"
		"INSERT INTO alembic_version VALUES ('a8c4a736bde6');"
		"CREATE TABLE experiments (experiment_id INTEGER NOT NULL, "
		"name VARCHAR(256) NOT NULL, artifact_location VARCHAR(256), "
		"lifecycle_stage VARCHAR(32), CONSTRAINT experiment_pk PRIMARY KEY "
		"(experiment_id), "
		"UNIQUE (name));"
		"CREATE TABLE experiment_tags (key VARCHAR(250) NOT NULL, value VARCHAR(5000), "
		"experiment_id INTEGER NOT NULL, "
		"CONSTRAINT experiment_tag_pk PRIMARY KEY (key, experiment_id));"
		"CREATE TABLE runs (run_uuid VARCHAR(32) NOT NULL, name VARCHAR(250), "
		"source_type VARCHAR(20), source_name VARCHAR(500), entry_point_name VARCHAR(50), "
		"user_id VARCHAR(256), status VARCHAR(9), start_time BIGINT, end_time BIGINT, "
		"source_version VARCHAR(50), lifecycle_stage VARCHAR(20), "
		"artifact_uri VARCHAR(200), experiment_id INTEGER, "
		"CONSTRAINT run_pk PRIMARY KEY (run_uuid), "
		"FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id));"
		"CREATE TABLE metrics (key VARCHAR(250) NOT NULL, value FLOAT NOT NULL, "
		"timestamp BIGINT NOT NULL, run_uuid VARCHAR(32) NOT NULL, "
		"step BIGINT DEFAULT '0' NOT NULL, is_nan BOOLEAN DEFAULT '0' NOT NULL, "
		"CONSTRAINT metric_pk PRIMARY KEY (key, timestamp, step, run_uuid, value, is_nan));"
		"CREATE TABLE latest_metrics (key VARCHAR(250) NOT NULL, value FLOAT NOT NULL, "
		"timestamp BIGINT, step BIGINT NOT NULL, is_nan BOOLEAN NOT NULL, "
		"run_uuid VARCHAR(32) NOT NULL, "
		"CONSTRAINT latest_metric_pk PRIMARY KEY (key, run_uuid));"
		"CREATE TABLE params (key VARCHAR(250) NOT NULL, value VARCHAR(250) NOT NULL, "
		"run_uuid VARCHAR(32) NOT NULL, CONSTRAINT param_pk PRIMARY KEY (key, run_uuid));"
		"CREATE TABLE tags (key VARCHAR(250) NOT NULL, value VARCHAR(5000), "
		"run_uuid VARCHAR(32) NOT NULL, CONSTRAINT tag_pk PRIMARY KEY (key, run_uuid));");
}

int main(void)
{
	directory_make();
	run_contract("new.db", true);
	make_with_mlflows_metrics("mlflow.db");
	run_contract("mlflow.db", true);
	make_old("old.db");
	run_contract("old.db", false);
	directory_remove();
	return check_done();
}
