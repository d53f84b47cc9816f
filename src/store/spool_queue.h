/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SPOOL_QUEUE_H
#define STORE_SPOOL_QUEUE_H

/*
 * What waits for a server that is away, in an SQLite file in the directory of that server's
 * journals. All processes of this machine that log to the server share it. There is no file until
 * something has to wait.
 *
 * Entries are known by the run that they belong to, and are in the order in which they were
 * acknowledged. One is removed once the server has acknowledged it.
 *
 * Threads: a queue is used by one thread at a time; it is not used inside a fork.
 */

#include "base/arena.h"
#include "store/sqlite_store.h"

#define SPOOL_FILE_NAME "waiting.db"

/* Ids of experiments that the server has not been asked for yet: this and a number. */
#define SPOOL_PROMISE_MARK '~'

enum spool_kind {
	SPOOL_CREATE = 1,
	SPOOL_TEXTS = 2,
	SPOOL_DELETE_TAG = 3,
	SPOOL_UPDATE = 4,
	SPOOL_LIFECYCLE = 5,
	SPOOL_POINTS = 6,
	SPOOL_KILL = 7,
	SPOOL_INPUTS = 8,
};

struct spool_queue {
	struct sqlite_store db; /* db.db NULL: not open */
	char *directory;
	char *lock_path;
	char *uri; /* of the server, without a password */
};

/** Opens nothing. options->spool is the directory; nothing of options is kept. spool_queue_close()
 * is due in any case. Errors: EINVAL (uri), ENOMEM. */
mlm_status spool_queue_init(
	struct spool_queue *queue, const struct store_options *options, mlm_error *err);
void spool_queue_close(struct spool_queue *queue);

/** Opens the file if there is one, or with create in any case. *is_open_out false: there is none.
 * Errors: EIO, EFULL, ECORRUPT, EUNSUPPORTED (a newer mlmanager has written it). */
mlm_status spool_queue_open(
	struct spool_queue *queue, bool create, bool *is_open_out, mlm_error *err);

/* What follows wants an open queue. Errors of all: EIO, EFULL, EAGAIN (held by another process for
 * long), ECORRUPT, ENOMEM. */

/* ---- whether the server is known to be away, to all processes ---- */

/** *until_ms_out: do not ask before; 0 when the server answers. */
mlm_status spool_queue_get_away(struct spool_queue *queue, int64_t *until_ms_out, mlm_error *err);
mlm_status spool_queue_set_away(struct spool_queue *queue, int64_t until_ms, mlm_error *err);

/* ---- experiments ---- */

struct spool_experiment {
	int64_t number;
	const char *name;
	const char *artifact_location; /* NULL: the server's choice */
	const mlm_text *tags;
	size_t tag_count;
	char server_id[MLM_ID_SIZE]; /* "" until the server has told it */
};

/** The experiment of that name that the server has not told its id of, added unless there is one:
 * one whose id is known may have got another name since. */
mlm_status spool_queue_promise(struct spool_queue *queue, const char *name,
	const mlm_experiment_options *options, struct arena *arena,
	struct spool_experiment *experiment_out, mlm_error *err);
/** Errors: ENOTFOUND. */
mlm_status spool_queue_get_experiment(struct spool_queue *queue, int64_t number,
	struct arena *arena, struct spool_experiment *experiment_out, mlm_error *err);
/** The first experiment above after that the server has not told its id of; number 0: none. */
mlm_status spool_queue_next_promise(
	struct spool_queue *queue, int64_t after, int64_t *number_out, mlm_error *err);
mlm_status spool_queue_keep_promise(
	struct spool_queue *queue, int64_t number, const char *server_id, mlm_error *err);

/* ---- runs ---- */

struct spool_run {
	char id[MLM_ID_SIZE]; /* the one that its entries have */
	char server_id[MLM_ID_SIZE]; /* "": the server has not made it yet */
	bool waits; /* there are entries */
};

/** By either id; one that is not known is taken to be the server's. */
mlm_status spool_queue_find_run(
	struct spool_queue *queue, const char *run_id, struct spool_run *run_out, mlm_error *err);
/** A run that begins here, with its SPOOL_CREATE. asked_ms: when the server was asked to make it
 * and did not answer; 0 when it was not. */
mlm_status spool_queue_add_run(struct spool_queue *queue, const char *run_id, int64_t asked_ms,
	const void *body, size_t size, mlm_error *err);
/** The server has made the run: its id is kept and the entry removed. */
mlm_status spool_queue_run_made(struct spool_queue *queue, int64_t entry_id, const char *run_id,
	const char *server_id, mlm_error *err);
/** To be called before the server is asked to make a run, with the time: whoever comes after a kill
 * shall know that the request may be under way. *unsettled_until_ms_out: an earlier one may be
 * until then, and is not asked anew; else 0. */
mlm_status spool_queue_begin_request(struct spool_queue *queue, const char *run_id, int64_t now_ms,
	int64_t *unsettled_until_ms_out, mlm_error *err);
/** The server has answered. */
mlm_status spool_queue_end_request(struct spool_queue *queue, const char *run_id, mlm_error *err);
/** The runs with entries, the one that waits longest first. */
mlm_status spool_queue_list_runs(struct spool_queue *queue, struct arena *arena,
	const char *const **run_ids_out, size_t *count_out, mlm_error *err);

/* ---- entries ---- */

struct spool_record {
	int64_t entry_id;
	enum spool_kind kind;
	const void *body;
	size_t size;
};

/** Appends to a run's entries. params are those in the body: EEXISTS, with nothing appended, when
 * one waits with another value. */
mlm_status spool_queue_add(struct spool_queue *queue, const char *run_id, enum spool_kind kind,
	const void *body, size_t size, const mlm_text *params, size_t param_count, mlm_error *err);
/** The first entry of the run above after, in the arena; entry_id 0: there is none. */
mlm_status spool_queue_next(struct spool_queue *queue, const char *run_id, int64_t after,
	struct arena *arena, struct spool_record *record_out, mlm_error *err);
/** The server has taken the entry, or never will. */
mlm_status spool_queue_remove(
	struct spool_queue *queue, int64_t entry_id, const char *run_id, mlm_error *err);

#endif
