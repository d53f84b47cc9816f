/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_DELIVERY_H
#define MLMANAGER_DELIVERY_H

/*
 * What happens while a tracking server is away. Experiments, runs and whatever is logged to them
 * are acknowledged all the same: they wait in the directory of the server's journals, and go to it,
 * in order and exactly once, from any process that logs to that server, or by these calls.
 *
 * A run that began meanwhile has two ids: the one that mlm_run_id() tells for as long as its handle
 * lives, which the server keeps as the tag mlmanager.run_id, and the server's. Either finds it.
 */

#include "mlmanager/manager.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mlm_delivery_kind {
	MLM_DELIVERY_RUN = 1, /* the server has all of the run */
	MLM_DELIVERY_REFUSED = 2, /* the server will never take a record, which waits no more */
	MLM_DELIVERY_LEFT = 3, /* what is left of the run, or an experiment, goes on waiting */
	MLM_DELIVERY_PROGRESS = 4, /* the server has taken another record of the run */
} mlm_delivery_kind;

/* What a delivery has done so far. */
typedef struct mlm_delivery_result {
	uint64_t runs; /* of which nothing waits any more */
	uint64_t records; /* calls, and batches of points */
	uint64_t points; /* of metrics */
	uint64_t refused; /* records */
	uint64_t left; /* runs and experiments */
} mlm_delivery_result;

/* Strings are borrowed for the call. */
typedef struct mlm_delivery_event {
	mlm_delivery_kind kind;
	const char *run_id; /* as it began; "" for an experiment */
	const char *server_run_id; /* "" while the server has not made the run */
	/* REFUSED: what, "param 'lr'". LEFT: an experiment's name. Else "". */
	const char *name;
	const char *why; /* REFUSED and LEFT; else "" */
	const mlm_delivery_result *result;
} mlm_delivery_event;

/** Told while it goes on; must not call back into the manager. False ends it. */
typedef bool (*mlm_delivery_fn)(void *payload, const mlm_delivery_event *event);

/**
 * Sends to the manager's server what waits for it, with the journals of dead processes. Whoever
 * else is sending is waited for. A store that is no server has nothing that waits. report and
 * result_out may be NULL.
 *
 * Errors:  EAGAIN (something goes on waiting; *result_out is filled), ESTATE (report ended it),
 *          EIO, ECORRUPT, ENOMEM. Nothing is lost, and calling again goes on.
 */
MLM_EXPORT mlm_status mlm_manager_deliver(mlm_manager *manager, mlm_delivery_fn report,
	void *payload, mlm_delivery_result *result_out, mlm_error *err);

/**
 * Tells the URIs, without a password, of all servers for which something may wait below the state
 * directory: MLMANAGER_JOURNAL_DIR, else $XDG_STATE_HOME/mlmanager. Opens none of them.
 *
 * Errors:  EIO, ENOMEM.
 */
MLM_EXPORT mlm_status mlm_delivery_servers(
	void (*visit)(void *payload, const char *store), void *payload, mlm_error *err);

#ifdef __cplusplus
}
#endif
#endif
