/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_DELIVERY_H
#define MLMANAGER_DELIVERY_H

/*
 * What happens while a tracking server is away. Experiments, runs and whatever is logged to them
 * are acknowledged all the same: they wait in the directory of the server's journals, and go to it,
 * in order and exactly once, from any process that logs to that server, or by these calls.
 *
 * Artifacts do so as well, unless their place is known and needs no server (s3:, file:): their
 * bytes are copied below that directory, to the disk, and removed once their place has them. They
 * go after what else waits of their run, a later one of the same name in the place of the earlier.
 * Until then they are listed, read and deleted as if they were there; of what the server holds
 * already nothing is seen while it is away.
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
	/* The server will never take a record or an artifact, which waits no more. The bytes of the
	 * artifact stay on this machine, and why says in which file; each delivery tells it again
	 * until that is removed. */
	MLM_DELIVERY_REFUSED = 2,
	/* What is left of the run, an artifact or an experiment, goes on waiting. */
	MLM_DELIVERY_LEFT = 3,
	/* The server has taken another record or artifact of the run, or some of its bytes. */
	MLM_DELIVERY_PROGRESS = 4,
} mlm_delivery_kind;

/* What a delivery has done so far. */
typedef struct mlm_delivery_result {
	uint64_t runs; /* of which nothing waits any more */
	uint64_t records; /* calls, and batches of points */
	uint64_t points; /* of metrics */
	uint64_t artifacts;
	uint64_t artifact_bytes; /* of these */
	uint64_t refused; /* records and artifacts */
	uint64_t kept; /* artifacts that were refused before, and whose bytes are still here */
	uint64_t left; /* runs and experiments */
} mlm_delivery_result;

/* Strings are borrowed for the call. */
typedef struct mlm_delivery_event {
	mlm_delivery_kind kind;
	const char *run_id; /* as it began; "" for an experiment */
	const char *server_run_id; /* "" while the server has not made the run */
	/* REFUSED: what, "param 'lr'". LEFT: an experiment's name, or "artifact 'model.bin'", or ""
	 * for all of the run. PROGRESS: that artifact, or "". Else "". */
	const char *name;
	uint64_t done_bytes; /* PROGRESS of an artifact: that are on their way; else 0 */
	int64_t total_bytes; /* of these; else -1 */
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
