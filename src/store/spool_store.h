/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SPOOL_STORE_H
#define STORE_SPOOL_STORE_H

/*
 * A remote store with a queue before it. Reads go through. A write goes through as well, unless the
 * store is away or something of the same run waits already: then it is appended to the queue and
 * acknowledged. What runs begin meanwhile have the core's id until the store has made them, and
 * both ids afterwards.
 *
 * A delivery sends what waits, run by run and each in order, under a lock that one process at a
 * time holds. A record leaves the queue once the store has acknowledged it, and each may be sent
 * twice without harm, so a kill at any point doubles nothing. One that the store answers with 500
 * goes on waiting, and is passed by what of its run does not depend on it: points by everything,
 * texts by all but texts, the status by all but the status.
 */

#include <stdatomic.h>

#include "store/spool_entry.h"

#define SPOOL_WRITE_MS      10000u /* how long a write may wait before it is put into the queue */
#define SPOOL_DELIVER_MS    30000u /* how long one request of a delivery may take */
#define SPOOL_CATCH_UP_MS   2000u /* how long a read tries to send what waits of its run */
#define SPOOL_AWAY_MS_FIRST 500u /* the store is not asked again for so long, then twice that */
#define SPOOL_AWAY_MS_MAX   4000u

struct spool_store {
	struct store base;
	struct store *remote;
	struct spool_queue queue;
	bool for_flusher;
	_Atomic bool is_interrupted;
	bool is_delivering; /* asks also where it was away */
	/* What this one has seen; the queue has what all have seen. */
	int64_t away_until_ms;
	uint32_t away_ms;
	mlm_error away_why;
};

static inline struct spool_store *spool_store_of(struct store *store)
{
	return (struct spool_store *)store;
}

/* ---- whether the store is away ---- */

/** True of an error that says: not now. */
bool spool_is_away(mlm_status status);
/** Whether it was away a moment ago; then *err says so. */
bool spool_was_away(struct spool_store *spool, mlm_error *err);
/** What a call has told: it answered, or it did not. */
void spool_note(struct spool_store *spool, mlm_status status, const mlm_error *why);

/* ---- ids ---- */

/** The store's id of an experiment, or "" when there is none yet. */
mlm_status spool_know_experiment(
	struct spool_store *spool, const char *id, char id_out[MLM_ID_SIZE], mlm_error *err);
/** As spool_queue_find_run(), also where there is no queue. */
mlm_status spool_find_run(
	struct spool_store *spool, const char *run_id, struct spool_run *run_out, mlm_error *err);

/* ---- sending ---- */

/** Makes the call that an entry stands for on the store's run. The points' refusals are told as
 * apply() tells them, by the ids of series as they are in the entry. A SPOOL_CREATE needs ids that
 * are known. */
mlm_status spool_send(struct spool_store *spool, const char *server_id,
	const struct spool_entry *entry, store_refused_fn refused, void *payload, mlm_error *err);
/** Makes a run on the store. Errors: EAGAIN, with *asked_out false, when its experiment or its
 * parent waits, or when the store may be making it already; ETIMEOUT as create_run() has it. */
mlm_status spool_send_run(struct spool_store *spool, const struct store_new_run *run,
	char id_out[MLM_ID_SIZE], bool *asked_out, mlm_error *err);

/** Sends what waits, or what waits of one run (by the id of its entries). *is_taken_out: another
 * delivery is going on, and this one has done nothing. */
mlm_status spool_deliver(struct spool_store *spool, const char *run_id, store_delivery_fn report,
	void *payload, bool *is_taken_out, mlm_error *err);
/** The same as a slot of store_ops. */
mlm_status spool_deliver_all(struct store *base, store_delivery_fn report, void *payload,
	bool *is_taken_out, mlm_error *err);

/* ---- runs that the store has not made yet ---- */

mlm_status spool_read_run(
	struct spool_store *spool, const char *run_id, mlm_run_list **list_out, mlm_error *err);
/** Makes the metrics of a list of one run, which the store has told, those that they will be once
 * it has what waits of the run. */
mlm_status spool_add_metrics(
	struct spool_store *spool, const char *run_id, mlm_run_list *list, mlm_error *err);
mlm_status spool_read_history(struct spool_store *spool, const char *run_id, const char *key,
	mlm_metric_history **history_out, mlm_error *err);
mlm_status spool_summarize_metric(struct spool_store *spool, const char *run_id, const char *key,
	mlm_metric_summary *summary_out, mlm_error *err);
mlm_status spool_read_max_step(struct spool_store *spool, const char *run_id, const char *key,
	bool *found_out, int64_t *step_out, mlm_error *err);

#endif
