/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_POSTGRES_EXPERIMENT_H
#define STORE_POSTGRES_EXPERIMENT_H

/* The operations of store_ops on experiments; store.h says what each does. */

#include "store/store.h"

mlm_status postgres_create_experiment(struct store *store, const char *name,
	const mlm_experiment_options *options, char id_out[MLM_ID_SIZE], mlm_error *err);
mlm_status postgres_get_experiment(struct store *store, const char *id, const char *name,
	mlm_experiment_list **list_out, mlm_error *err);
mlm_status postgres_rename_experiment(
	struct store *store, const char *id, const char *name, mlm_error *err);
mlm_status postgres_set_experiment_lifecycle(
	struct store *store, const char *id, mlm_lifecycle lifecycle, mlm_error *err);
mlm_status postgres_set_experiment_tag(
	struct store *store, const char *id, const char *key, const char *value, mlm_error *err);
mlm_status postgres_delete_experiment_runs(struct store *store, const char *id, mlm_error *err);

#endif
