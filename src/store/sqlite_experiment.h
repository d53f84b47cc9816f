/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQLITE_EXPERIMENT_H
#define STORE_SQLITE_EXPERIMENT_H

/* The operations of store_ops on experiments; store.h says what each does. */

#include "store/store.h"

mlm_status sqlite_create_experiment(struct store *store, const char *name,
	const mlm_experiment_options *options, char id_out[MLM_ID_SIZE], mlm_error *err);
mlm_status sqlite_get_experiment(struct store *store, const char *id, const char *name,
	mlm_experiment_list **list_out, mlm_error *err);
mlm_status sqlite_rename_experiment(
	struct store *store, const char *id, const char *name, mlm_error *err);
mlm_status sqlite_set_experiment_lifecycle(
	struct store *store, const char *id, mlm_lifecycle lifecycle, mlm_error *err);
mlm_status sqlite_set_experiment_tag(
	struct store *store, const char *id, const char *key, const char *value, mlm_error *err);
mlm_status sqlite_delete_experiment_runs(struct store *store, const char *id, mlm_error *err);

struct sqlite_store;

/** ENOTFOUND. */
mlm_status sqlite_find_experiment(
	struct sqlite_store *store, const char *id, mlm_lifecycle *lifecycle_out, mlm_error *err);

#endif
