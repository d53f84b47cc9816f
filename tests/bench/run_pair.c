/* SPDX-License-Identifier: Apache-2.0 */
/* run_pair DIRECTORY [quick]: start and end of a run, beside two plain transactions that write the
 * same rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "figure.h"
#include "fixture.h"

#define ROUNDS       500
#define ROUNDS_QUICK 100

struct raw {
	sqlite3 *db;
	sqlite3_stmt *insert_run;
	sqlite3_stmt *insert_tag;
	sqlite3_stmt *end_run;
	mlm_text tags[16]; /* those of a run that we started */
	size_t tag_count;
};

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	fixture_must_sqlite(db, sqlite3_prepare_v2(db, sql, -1, &statement, NULL));
	return statement;
}

static void step(struct raw *raw, sqlite3_stmt *statement)
{
	fixture_must_sqlite(raw->db, sqlite3_step(statement));
	sqlite3_reset(statement);
}

static void copy_tags(struct raw *raw, mlm_manager *manager, const char *run_id)
{
	mlm_error err = MLM_ERROR_INIT;
	mlm_run_list *list;
	fixture_must(mlm_run_get(manager, run_id, &list, &err), &err);
	const mlm_run_record *record = &list->items[0];
	for (size_t i = 0; i < record->tag_count && i < 16; i++)
		raw->tags[raw->tag_count++] =
			(mlm_text){ strdup(record->tags[i].key), strdup(record->tags[i].value) };
	mlm_run_list_free(list);
}

static void prepare_all(struct raw *raw, const char *path)
{
	raw->db = fixture_sqlite(path);
	fixture_execute(raw->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
				 "PRAGMA foreign_keys = ON");
	raw->insert_run = prepare(raw->db,
		"INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, "
		"user_id, status, start_time, source_version, lifecycle_stage, artifact_uri, "
		"experiment_id) VALUES (?1, 'clever-fox-77', 'UNKNOWN', '', '', 'somebody', "
		"'RUNNING', ?2, '', 'active', '/tmp/mlartifacts/1/' || ?1 || '/artifacts', 1)");
	raw->insert_tag =
		prepare(raw->db, "INSERT INTO tags (run_uuid, key, value) VALUES (?, ?, ?)");
	raw->end_run = prepare(
		raw->db, "UPDATE runs SET status = 'FINISHED', end_time = ?2 WHERE run_uuid = ?1");
}

static double raw_run(struct raw *raw, size_t number)
{
	char id[33];
	/* As scattered as real ids are. */
	uint64_t mixed = (number + 1) * 0x9E3779B97F4A7C15u;
	snprintf(id, sizeof(id), "%016llx%016llx", (unsigned long long)mixed,
		(unsigned long long)number);
	double start = figure_seconds();
	fixture_execute(raw->db, "BEGIN IMMEDIATE");
	sqlite3_bind_text(raw->insert_run, 1, id, 32, SQLITE_STATIC);
	sqlite3_bind_int64(raw->insert_run, 2, (int64_t)(start * 1000));
	step(raw, raw->insert_run);
	for (size_t i = 0; i < raw->tag_count; i++) {
		sqlite3_bind_text(raw->insert_tag, 1, id, 32, SQLITE_STATIC);
		sqlite3_bind_text(raw->insert_tag, 2, raw->tags[i].key, -1, SQLITE_STATIC);
		sqlite3_bind_text(raw->insert_tag, 3, raw->tags[i].value, -1, SQLITE_STATIC);
		step(raw, raw->insert_tag);
	}
	fixture_execute(raw->db, "COMMIT");
	fixture_execute(raw->db, "BEGIN IMMEDIATE");
	sqlite3_bind_text(raw->end_run, 1, id, 32, SQLITE_STATIC);
	sqlite3_bind_int64(raw->end_run, 2, (int64_t)(start * 1000));
	step(raw, raw->end_run);
	fixture_execute(raw->db, "COMMIT");
	return (figure_seconds() - start) * 1e6;
}

static double our_run(mlm_manager *manager)
{
	mlm_error err = MLM_ERROR_INIT;
	double start = figure_seconds();
	mlm_run *run = fixture_run(manager);
	fixture_must(mlm_run_end(run, MLM_RUN_FINISHED, &err), &err);
	return (figure_seconds() - start) * 1e6;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		fixture_die("usage: run_pair DIRECTORY [quick]");
	size_t rounds = argc > 2 && strcmp(argv[2], "quick") == 0 ? ROUNDS_QUICK : ROUNDS;
	char path[FIXTURE_PATH_SIZE];
	char raw_path[FIXTURE_PATH_SIZE];
	double ours[ROUNDS];
	double limit[ROUNDS];
	struct raw raw = { 0 };
	fixture_path(path, argv[1], "run-pair");
	fixture_path(raw_path, argv[1], "run-pair-raw");
	fixture_close(fixture_open(raw_path));
	mlm_manager *manager = fixture_open(path);
	mlm_run *first = fixture_run(manager);
	copy_tags(&raw, manager, mlm_run_id(first));
	mlm_error err = MLM_ERROR_INIT;
	fixture_must(mlm_run_end(first, MLM_RUN_FINISHED, &err), &err);
	prepare_all(&raw, raw_path);
	raw_run(&raw, ROUNDS);
	for (size_t i = 0; i < rounds; i++) {
		ours[i] = our_run(manager);
		limit[i] = raw_run(&raw, i);
	}
	figure_print("start + end of a run", "us", figure_median(ours, rounds),
		figure_median(limit, rounds), "two SQL transactions, same rows", "");
	fixture_close(manager);
	sqlite3_finalize(raw.insert_run);
	sqlite3_finalize(raw.insert_tag);
	sqlite3_finalize(raw.end_run);
	sqlite3_close(raw.db);
	fixture_remove(path);
	fixture_remove(raw_path);
	return 0;
}
