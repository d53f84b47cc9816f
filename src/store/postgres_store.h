/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_POSTGRES_STORE_H
#define STORE_POSTGRES_STORE_H

/* What the postgres_*.c files share. Nothing outside src/store/ includes it. */

#include <sys/types.h>

#include "base/arena.h"
#include "store/filter.h"
#include "store/postgres_library.h"
#include "store/postgres_pool.h"
#include "store/sql_layout.h"
#include "store/store.h"

/* Why the last statement failed, as far as trying again goes. */
enum postgres_fault {
	POSTGRES_FINAL,
	POSTGRES_CONFLICT, /* with another transaction; the connection is good */
	POSTGRES_LOST, /* the connection; a commit that was under way may have been done */
	POSTGRES_AWAY, /* nobody answers */
};

struct postgres_store {
	struct store base;
	char *conninfo; /* with the password: goes to libpq and nowhere else */
	char *place; /* "host/database", for messages */
	char *artifacts;
	struct postgres_pool *pool;
	PGconn *connection; /* NULL outside of transactions */
	pid_t owner; /* the process whose connection it is */
	struct sql_layout layout;
	mlm_durability durability;
	bool inspect;
	bool must_exist;
	bool read_only;
	bool is_opening; /* a server that is away is not waited for */
	bool is_retry; /* the transaction may have been committed by an attempt before */
	enum postgres_fault fault;
};

static inline struct postgres_store *postgres_store_of(struct store *store)
{
	return (struct postgres_store *)store;
}

/* ---- postgres_session.c ---- */

#define POSTGRES_VALUES_MAX 16

/* Values for a statement's $1, $2, …, which name their types themselves ($1::bigint). Texts are
 * borrowed. A caller with more values than POSTGRES_VALUES_MAX brings its own arrays. */
struct postgres_values {
	int count;
	const char *texts[POSTGRES_VALUES_MAX];
	int sizes[POSTGRES_VALUES_MAX]; /* of binary ones */
	int formats[POSTGRES_VALUES_MAX]; /* 0: text, 1: binary */
	char digits[POSTGRES_VALUES_MAX][32];
};

void postgres_add_text(struct postgres_values *values, const char *text); /* NULL: NULL */
void postgres_add_integer(struct postgres_values *values, int64_t integer);
void postgres_add_binary(struct postgres_values *values, const void *bytes, size_t size);

/** MLM_ENOMEM. */
mlm_status postgres_out_of_memory(mlm_error *err);

/** Runs one statement; values may be NULL, and so may result_out. The caller clears the result,
 * which is NULL on error. doing begins the message ("could not read a run"). */
mlm_status postgres_query(struct postgres_store *store, const char *doing, const char *sql,
	const struct postgres_values *values, PGresult **result_out, mlm_error *err);
/** As postgres_query() with count values as libpq takes them and columns in binary if is_binary. */
mlm_status postgres_query_with(struct postgres_store *store, const char *doing, const char *sql,
	int count, const char *const *texts, const int *sizes, const int *formats, bool is_binary,
	PGresult **result_out, mlm_error *err);
/** As postgres_query() for one that changes rows: how many. */
mlm_status postgres_change(struct postgres_store *store, const char *doing, const char *sql,
	const struct postgres_values *values, int64_t *rows_out, mlm_error *err);

typedef mlm_status (*postgres_body)(struct postgres_store *store, void *payload, mlm_error *err);

/** Runs body in a transaction (one state for all its reads; is_write: it may write), again from its
 * beginning after a conflict or a lost connection, until busy_timeout_ms is over: body must begin
 * anew each time. Errors of the connection: EAGAIN, EAUTH, EINVAL, ENOTFOUND (no database). */
mlm_status postgres_transact(struct postgres_store *store, bool is_write, postgres_body body,
	void *payload, mlm_error *err);

/** postgres_transact() of a body that reads an answer into memory, which is freed unless that is
 * MLM_OK. NULL: memory ran out. */
mlm_status postgres_read_answer(struct store *base, struct arena *memory, postgres_body body,
	void *payload, mlm_error *err);

/** A cell of a result. Text is borrowed from it; NULL for NULL. */
const char *postgres_text(const PGresult *result, int row, int column);
int64_t postgres_integer(const PGresult *result, int row, int column, int64_t null);
double postgres_real(const PGresult *result, int row, int column);
bool postgres_boolean(const PGresult *result, int row, int column);
/** A copy in the arena; NULL for NULL or, with *failed_out set, when memory ran out. */
const char *postgres_copy(
	struct arena *arena, const PGresult *result, int row, int column, bool *failed_out);

/* ---- postgres_array.c ---- */

/* A one-dimensional array in libpq's binary format. */
struct postgres_array {
	const mlm_allocator *allocator;
	unsigned char *bytes;
	size_t size, capacity;
	int count;
	bool failed; /* memory ran out */
};

enum postgres_element {
	POSTGRES_BOOL,
	POSTGRES_INT4,
	POSTGRES_INT8,
	POSTGRES_FLOAT8,
	POSTGRES_TEXT
};

void postgres_array_init(struct postgres_array *array, const mlm_allocator *allocator,
	enum postgres_element element);
void postgres_array_bool(struct postgres_array *array, bool value);
void postgres_array_int4(struct postgres_array *array, int32_t value);
void postgres_array_int8(struct postgres_array *array, int64_t value);
void postgres_array_float8(struct postgres_array *array, double value);
void postgres_array_text(struct postgres_array *array, const char *text);
/** Adds the array as a value; it is borrowed. */
void postgres_add_array(struct postgres_values *values, struct postgres_array *array);
void postgres_array_free(struct postgres_array *array);

/* ---- postgres_schema.c ---- */

/** Looks what the database holds, makes the tables where there are none, and adds ours. Errors:
 * ECORRUPT (something else than a tracking database), EIO (no right to), ENOTFOUND
 * (nothing, where that must not be). */
mlm_status postgres_schema_prepare(struct postgres_store *store, mlm_error *err);
mlm_status postgres_insert_default_experiment(struct postgres_store *store, mlm_error *err);
/** Until the transaction is over, nobody else makes tables. */
mlm_status postgres_lock_schema(struct postgres_store *store, mlm_error *err);

/* ---- postgres_run_read.c, postgres_experiment_read.c ---- */

/** As sqlite_load_runs() and sqlite_load_experiments(), inside a transaction. */
mlm_status postgres_load_runs(struct postgres_store *store, struct arena *arena,
	const char *const *run_ids, size_t count, mlm_run_record *records, mlm_error *err);
mlm_status postgres_load_experiments(struct postgres_store *store, struct arena *arena,
	const int64_t *ids, size_t count, mlm_experiment *experiments, mlm_error *err);

/* ---- between the operations, inside a transaction ---- */

/** Locks the run against a change of its lifecycle. ENOTFOUND; ESTATE when it is deleted. */
mlm_status postgres_require_active_run(
	struct postgres_store *store, const char *run_id, mlm_error *err);
mlm_status postgres_find_run(struct postgres_store *store, const char *run_id,
	mlm_lifecycle *lifecycle_out, mlm_error *err);
mlm_status postgres_find_experiment(struct postgres_store *store, const char *id_text,
	int64_t *id_out, mlm_lifecycle *lifecycle_out, mlm_error *err);
/** Upserts tags in order; mlflow.runName renames the run as well. */
mlm_status postgres_put_tags(struct postgres_store *store, const char *run_id, const mlm_text *tags,
	size_t count, mlm_error *err);

#endif
