/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

/*
 * What the core asks of a tracking store. A backend's struct starts with `struct store` and fills
 * one `static const struct store_ops`. The core has checked limits and names before it calls; a
 * backend checks what only it can know (does the run exist, is it active, is the param the same).
 *
 * Threads: a store is used by one thread at a time. The flusher opens one of its own.
 * Errors:  MLM_EAGAIN, MLM_ETIMEOUT, MLM_EFULL and MLM_EIO say that the same call may work later
 *          and that nothing of it was done; the other codes are final. A remote store whose answer
 *          was lost may have done it: the same call again then does no harm.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlmanager/experiment.h"
#include "mlmanager/metric.h"
#include "mlmanager/run.h"
#include "store/artifact_bytes.h"

struct store;

/* How a store is opened. Strings are borrowed for the call. */
struct store_options {
	/* Without the scheme's aliases: "sqlite:/absolute/path.db". With the user and password, so
	 * never shown. */
	const char *uri;
	const char *artifacts; /* root of artifact locations, absolute path or URI */
	mlm_durability durability;
	/* The flusher's connection: it writes big batches and never creates or migrates. */
	bool for_flusher;
	/* To be looked at and left as it is: nothing is created, added or switched. */
	bool inspect;
	/* ENOTFOUND where a database holds no store. Files are the core's to look for. */
	bool must_exist;
	uint32_t busy_timeout_ms; /* how long a write may wait for another writer */
	/* Directory where writes wait for a remote store that is away; NULL: they fail. */
	const char *spool;
	const struct store_ops *remote; /* behind the spool; NULL: the URI says */
	const mlm_allocator *allocator; /* outlives the store; NULL: malloc() and free() */
};

/* One run and key that points of a batch belong to. */
struct store_series {
	const char *run_id;
	const char *key;
};

struct store_point {
	uint32_t series; /* index into the batch's series */
	int64_t step;
	int64_t timestamp_ms;
	double value; /* as logged; the store does MLflow's NaN and infinity mapping */
};

/* Points of one journal, in one transaction with its watermark. Series are sorted by (run_id, key)
 * and unique; points by (series, step, timestamp_ms), so that rows go in in key order. A point that
 * the store has already is there once. */
struct store_batch {
	const struct store_series *series;
	size_t series_count;
	const struct store_point *points;
	size_t point_count;
	/* 32 hex digits; NULL for points of no journal, which leave no watermark. */
	const char *journal_id;
	uint64_t position; /* the watermark after this batch: bytes of that journal applied */
	/* Runs whose owner died: RUNNING becomes KILLED, with these end times. */
	const struct store_killed_run {
		const char *run_id;
		int64_t end_time_ms;
	} * killed_runs;
	size_t killed_run_count;
};

/* A refused series: its points of the batch were left out (the run is gone or deleted), the rest
 * of the batch went in. */
typedef void (*store_refused_fn)(
	void *payload, const struct store_series *series, size_t point_count, const mlm_error *why);

struct store_new_run {
	const char *run_id; /* chosen by the core, 32 hex digits */
	const char *experiment_id;
	const char *run_name; /* never NULL */
	const char *user_id;
	const char *source_name; /* "" when unknown */
	int64_t start_time_ms;
	const mlm_text *tags; /* with mlflow.runName and the other standard tags */
	size_t tag_count;
	/* An earlier call may have made it: a store that names runs itself looks first. */
	bool may_exist;
	/* With may_exist: makes nothing, and writes "" as the id when there is none. */
	bool only_finds;
};

/* How long a request to make a run, whose sender was killed or heard no answer, may take to arrive
 * and be done: so long it is only looked for. */
#define STORE_SETTLE_MS 15000

/* What came of something that waited for a store that was away. */
enum store_delivery_kind {
	STORE_DELIVERED = 1, /* nothing of the run waits any more */
	STORE_REFUSED = 2, /* a record will never be taken, and waits no more */
	STORE_LEFT = 3, /* the rest of the run goes on waiting */
	STORE_DELIVERING = 4, /* some of the run has been taken */
};

struct store_delivery {
	enum store_delivery_kind kind;
	/* NULL for an experiment, which name is then the name of. */
	const char *run_id;
	const char *server_id; /* the store's own; "" while there is none */
	const char *name; /* of what was refused: "param 'lr'"; else "" */
	uint64_t records; /* of this run, taken so far */
	uint64_t points;
	const mlm_error *why; /* refused, left */
};

/* False ends the delivery. */
typedef bool (*store_delivery_fn)(void *payload, const struct store_delivery *delivery);

/* What mlm_run_update changes; MLM_RUN_UNCHANGED, -1 and NULL leave a column alone. */
struct store_run_change {
	mlm_run_status status;
	int64_t end_time_ms;
	const char *run_name; /* also sets tag mlflow.runName */
};

/* The tag with a run's first id, where it has another one here: a server names runs itself. It goes
 * along wherever the run is copied to, so that one that comes by two ways is known again. */
#define STORE_ORIGIN_TAG "mlmanager.run_id"

/* Another status than MLM_OK ends the visit with it. */
typedef mlm_status (*store_origin_fn)(
	void *payload, const char *origin, const char *run_id, mlm_error *err);

#define STORE_PAGE_TOKEN_SIZE 256 /* bytes, with the NUL */

/* Where the next page of a metric's points begins, in the store's own words. */
struct store_cursor {
	char token[STORE_PAGE_TOKEN_SIZE]; /* "": the first page, and after the last one */
};

/* How large a store is, in bytes. */
struct store_size {
	uint64_t used_bytes;
	uint64_t free_bytes; /* given back by what was deleted, for what comes next */
};

struct store_ops {
	/* Every slot must be there unless it says otherwise. Outputs are NULL or 0 on error. */
	const char *scheme; /* "sqlite" */
	/* Calls wait for a network, and the store may be away: opening it asks nothing. */
	bool is_remote;
	/* Points of a batch, for a store that takes no more in one piece; 0: as the core likes. */
	size_t batch_points_max;

	mlm_status (*open)(
		const struct store_options *options, struct store **store_out, mlm_error *err);
	void (*close)(struct store *store);
	/* Makes a call that is going on and later ones fail with EAGAIN at once; from any thread.
	 * NULL: no call takes long. */
	void (*interrupt)(struct store *store);
	/* True when the store can only be read (file or directory permissions). */
	bool (*is_read_only)(struct store *store);

	/* ---- experiments ---- */
	/* EEXISTS: the name is taken, by an active or a deleted one. */
	mlm_status (*create_experiment)(struct store *store, const char *name,
		const mlm_experiment_options *options, char id_out[MLM_ID_SIZE], mlm_error *err);
	/* By id, or, where id is NULL, by name. ENOTFOUND. */
	mlm_status (*get_experiment)(struct store *store, const char *id, const char *name,
		mlm_experiment_list **list_out, mlm_error *err);
	mlm_status (*search_experiments)(struct store *store, const mlm_query *query,
		mlm_experiment_list **list_out, mlm_error *err);
	mlm_status (*rename_experiment)(
		struct store *store, const char *id, const char *name, mlm_error *err);
	/* Deleting takes the active runs along, restoring brings back the deleted ones, as MLflow
	 * does. ENOTFOUND; ESTATE when it is in that state already. */
	mlm_status (*set_experiment_lifecycle)(
		struct store *store, const char *id, mlm_lifecycle lifecycle, mlm_error *err);
	mlm_status (*set_experiment_tag)(struct store *store, const char *id, const char *key,
		const char *value, mlm_error *err);
	/* Marks all active runs of the experiment deleted; the experiment stays. */
	mlm_status (*delete_experiment_runs)(struct store *store, const char *id, mlm_error *err);

	/* ---- runs ---- */
	/* Writes the run's id: the core's, unless the store names runs itself; it then keeps the
	 * core's as STORE_ORIGIN_TAG. ENOTFOUND or ESTATE for the experiment. EAGAIN: it was
	 * not made. ETIMEOUT: no answer came; it may have been made, or may be yet, and a call
	 * with may_exist finds it. */
	mlm_status (*create_run)(struct store *store, const struct store_new_run *run,
		char id_out[MLM_ID_SIZE], mlm_error *err);
	mlm_status (*get_run)(
		struct store *store, const char *run_id, mlm_run_list **list_out, mlm_error *err);
	/* Tells of each run that bears a STORE_ORIGIN_TAG, the deleted ones first; of one perhaps
	 * again. NULL where get_run() takes that id as well. */
	mlm_status (*each_origin)(
		struct store *store, store_origin_fn visit, void *payload, mlm_error *err);
	mlm_status (*search_runs)(struct store *store, const mlm_query *query,
		mlm_run_list **list_out, mlm_error *err);
	/* ENOTFOUND; ESTATE when the run is deleted. */
	mlm_status (*update_run)(struct store *store, const char *run_id,
		const struct store_run_change *change, mlm_error *err);
	/* ENOTFOUND; being in that state already is MLM_OK. */
	mlm_status (*set_run_lifecycle)(
		struct store *store, const char *run_id, mlm_lifecycle lifecycle, mlm_error *err);
	/* Deletes params, metrics, latest metrics and the tags but STORE_ORIGIN_TAG and those that
	 * begin with "mlflow.". NULL: the store cannot, and the core starts another run in the
	 * place of this one. */
	mlm_status (*clear_run)(struct store *store, const char *run_id, mlm_error *err);

	/* ---- data ---- */
	/* All or none. Params: EEXISTS names the key, the old and the new value; the same value
	 * is fine. Tags are upserted, the last of equal keys wins. ENOTFOUND, ESTATE (deleted). */
	mlm_status (*log_texts)(struct store *store, const char *run_id, const mlm_text *params,
		size_t param_count, const mlm_text *tags, size_t tag_count, mlm_error *err);
	mlm_status (*delete_tag)(
		struct store *store, const char *run_id, const char *key, mlm_error *err);
	mlm_status (*get_metric_history)(struct store *store, const char *run_id, const char *key,
		mlm_metric_history **history_out, mlm_error *err);
	/* Up to capacity points of the metric, for reading histories of any length: the page that
	 * the cursor names, and the cursor moves to the next. Their series is 0. The order is the
	 * store's; points that are logged meanwhile may be missed. An unknown run or key has no
	 * points. EINVAL for a token that is not the store's. */
	mlm_status (*get_points)(struct store *store, const char *run_id, const char *key,
		struct store_cursor *cursor, struct store_point *points, size_t capacity,
		size_t *count_out, mlm_error *err);
	/* What the metric came to, of one state of it. An unknown run or key has count 0. As far as
	 * the store can, it computes that where the points are. */
	mlm_status (*summarize_metric)(struct store *store, const char *run_id, const char *key,
		mlm_metric_summary *summary_out, mlm_error *err);
	/* Adds the inputs that the run does not have; all or none. A dataset is known by name and
	 * digest, an input by run and dataset: what is there stays as it is. ENOTFOUND, ESTATE,
	 * EUNSUPPORTED (the store is older than inputs). */
	mlm_status (*log_inputs)(struct store *store, const char *run_id,
		const mlm_dataset_input *inputs, size_t count, mlm_error *err);
	/* The greatest step of the key in the run; *found_out false when it has no point. */
	mlm_status (*get_max_step)(struct store *store, const char *run_id, const char *key,
		bool *found_out, int64_t *step_out, mlm_error *err);

	/* ---- the journal ---- */
	/* Rows, latest values and watermark in one transaction: all or none. The points of a batch
	 * whose position is not above the journal's watermark are skipped with MLM_OK; its killed
	 * runs are marked all the same. Refused series are told of once the rest is in. */
	mlm_status (*apply)(struct store *store, const struct store_batch *batch,
		store_refused_fn refused, void *payload, mlm_error *err);
	/* Both or none: a store that keeps no watermark leaves it to the core, and takes a batch
	 * twice without harm. 0 for a journal that the store has not seen. */
	mlm_status (*get_watermark)(struct store *store, const char *journal_id,
		uint64_t *position_out, mlm_error *err);
	/* The journal's files are gone: its watermark may go as well. */
	mlm_status (*forget_journal)(struct store *store, const char *journal_id, mlm_error *err);

	/* ---- while the store is away; all three NULL where it never is ---- */
	/* An experiment of that name is found or made once the store is back; until then id_out is
	 * a promise, which stands for its id in every call. For when the experiment cannot be found
	 * because the store is away. options may be NULL. */
	mlm_status (*promise_experiment)(struct store *store, const char *name,
		const mlm_experiment_options *options, char id_out[MLM_ID_SIZE], mlm_error *err);
	/* The store's id for what may be a promise; "" when it is not known yet. */
	mlm_status (*know_experiment)(
		struct store *store, const char *id, char id_out[MLM_ID_SIZE], mlm_error *err);
	/* Sends what waits. ESTATE when report ends it. EAGAIN when some still waits, or, with
	 * *is_taken_out true, when another process is sending. */
	mlm_status (*deliver)(struct store *store, store_delivery_fn report, void *payload,
		bool *is_taken_out, mlm_error *err);

	/* ---- for good; NULL where a store cannot ---- */
	/* Removes a deleted run and all that refers to it. ENOTFOUND; ESTATE when it is active. */
	mlm_status (*purge_run)(struct store *store, const char *run_id, mlm_error *err);
	/* Removes a deleted experiment and all that refers to it. ENOTFOUND; ESTATE when it is
	 * active or has runs. */
	mlm_status (*purge_experiment)(struct store *store, const char *id, mlm_error *err);
	/* These two NULL where a server keeps house by itself. */
	mlm_status (*get_size)(struct store *store, struct store_size *size_out, mlm_error *err);
	/* Gives free bytes back to the file system. May take as long as copying the store. */
	mlm_status (*compact)(struct store *store, mlm_error *err);

	/* NULL where a store keeps no artifacts itself. */
	const struct store_artifact_ops *artifacts;

	/* Checks, and with repair mends, what this store can check about itself. NULL: cannot. */
	mlm_status (*check)(struct store *store, bool repair, mlm_doctor_fn report, void *payload,
		mlm_error *err);
};

/* First member of every backend's struct. */
struct store {
	const struct store_ops *ops;
	/* How long a write may wait for another writer. Whoever uses the store may change it. */
	uint32_t busy_timeout_ms;
	/* How long a remote store may take for one request; 0: as long as bytes flow. As above. */
	uint32_t request_timeout_ms;
	/* For all of its memory, the answers included. */
	const mlm_allocator *allocator;
};

extern const struct store_ops sqlite_store_ops;
extern const struct store_ops postgres_store_ops;
extern const struct store_ops rest_store_ops; /* http: */
extern const struct store_ops rest_tls_store_ops; /* https: */

/* In the directory of a spool; its first line is "store URI". Locked by who delivers. */
#define STORE_SPOOL_LOCK "delivery.lock"

extern const struct store_ops spool_store_ops; /* around a remote one */

/** The backend for a URI's scheme. EUNSUPPORTED, with the known schemes in the message. */
mlm_status store_ops_find(const char *uri, const struct store_ops **ops_out, mlm_error *err);

#endif
