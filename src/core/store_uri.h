/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_STORE_URI_H
#define CORE_STORE_URI_H

/* From what a user writes to where a store, its artifacts and its journals are. */

#include "mlmanager/manager.h"

struct store_place {
	mlm_allocator allocator; /* of the strings */
	char *uri; /* "sqlite:/absolute/path.db": one spelling for one store, without a password */
	char *address; /* the same for the store alone, with user and password */
	char *path; /* of an SQLite store, else NULL */
	char *artifacts; /* absolute path or URI; NULL: where a tracking server says */
	char *journal_dir;
	bool is_network; /* the database lies on a network file system */
};

/**
 * Resolves options against the environment (MLFLOW_TRACKING_URI, MLMANAGER_JOURNAL_DIR) and the
 * working directory. Creates nothing.
 *
 * Errors:  EINVAL (a URI; the message shows the right form), EUNSUPPORTED (a scheme), EIO (the
 *          database's directory does not exist), ENOMEM.
 * Owns:    store_place_clear() frees what it filled in.
 */
mlm_status store_place_resolve(
	const mlm_manager_options *options, struct store_place *place_out, mlm_error *err);
/** Where the journals of servers are, a directory each: MLMANAGER_JOURNAL_DIR, else below the
 * user's state directory. NULL when memory ran out. */
char *store_state_directory(const mlm_allocator *allocator);

void store_place_clear(struct store_place *place);

#endif
