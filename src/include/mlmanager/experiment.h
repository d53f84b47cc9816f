/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_EXPERIMENT_H
#define MLMANAGER_EXPERIMENT_H

#include "mlmanager/manager.h"
#include "mlmanager/text.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MLM_ID_SIZE                  64 /* bytes that hold any experiment or run id, with the NUL */
#define MLM_EXPERIMENT_NAME_MAX      500 /* characters; MLflow's limit */
#define MLM_EXPERIMENT_TAG_VALUE_MAX 20000 /* characters */
#define MLM_ARTIFACT_LOCATION_MAX    2048 /* characters; MLflow's default limit */

/* "active" and "deleted" in MLflow's columns. */
typedef enum mlm_lifecycle { MLM_ACTIVE = 0, MLM_DELETED = 1 } mlm_lifecycle;

/* Which rows a search or a list sees. */
typedef enum mlm_view { MLM_VIEW_ACTIVE = 0, MLM_VIEW_DELETED = 1, MLM_VIEW_ALL = 2 } mlm_view;

typedef struct mlm_experiment {
	const char *experiment_id; /* decimal digits */
	const char *name;
	const char *artifact_location; /* a URI or an absolute path */
	mlm_lifecycle lifecycle;
	int64_t creation_time_ms; /* UTC since 1970; -1 when the store does not know */
	int64_t last_update_time_ms;
	const mlm_text *tags; /* sorted by key */
	size_t tag_count;
} mlm_experiment;

/* All memory of the items belongs to the list. */
typedef struct mlm_experiment_list {
	const mlm_experiment *items;
	size_t count;
	const char *next_page_token; /* NULL on the last page */
	void *memory;
} mlm_experiment_list;

#define MLM_EXPERIMENT_OPTIONS_VERSION 1u
typedef struct mlm_experiment_options {
	uint32_t version;
	bool reset; /* delete (restorably) the runs of an experiment that exists */
	const char *artifact_location; /* NULL: "<artifacts>/<experiment id>" */
	const mlm_text *tags;
	size_t tag_count;
} mlm_experiment_options;
#define MLM_EXPERIMENT_OPTIONS_INIT \
	MLM_OPTIONS_INIT(mlm_experiment_options, MLM_EXPERIMENT_OPTIONS_VERSION)

#define MLM_SEARCH_RESULTS_DEFAULT 1000
#define MLM_SEARCH_RESULTS_MAX     50000
#define MLM_QUERY_VERSION          1u

/* What to search for, with MLflow's filter and order_by grammar. Zero means default. */
typedef struct mlm_query {
	uint32_t version; /* MLM_QUERY_VERSION */
	const char *const *experiment_ids; /* runs only; count 0: the active experiment */
	size_t experiment_count;
	const char *filter; /* NULL or "": everything */
	const char *const *order_by; /* "metrics.loss ASC", … */
	size_t order_by_count;
	mlm_view view;
	uint32_t max_results; /* 0: MLM_SEARCH_RESULTS_DEFAULT; at most MLM_SEARCH_RESULTS_MAX */
	const char *page_token; /* a next_page_token, or NULL */
} mlm_query;
#define MLM_QUERY_INIT MLM_OPTIONS_INIT(mlm_query, MLM_QUERY_VERSION)

/**
 * Creates the experiment, or finds the one of that name, and makes it active. id_out is "" while
 * the server is away, which finds or makes it later (delivery.h).
 *
 * Limits:  name 1..MLM_EXPERIMENT_NAME_MAX characters.
 * Errors:  EINVAL (name, a tag), ESTATE (an experiment of that name is deleted; the message says
 *          how to get it back), EAGAIN (reset, and the server is away), EIO, EFULL.
 */
MLM_EXPORT mlm_status mlm_experiment_create(mlm_manager *manager, const char *name,
	const mlm_experiment_options *options, char id_out[MLM_ID_SIZE], mlm_error *err);

/** Makes the experiment active: by name first, else, if text is all digits, by id. While the server
 * is away the text is a name, and an experiment of that name is made if it turns out that there is
 * none. Errors: ENOTFOUND, ESTATE (deleted). */
MLM_EXPORT mlm_status mlm_experiment_set_active(
	mlm_manager *manager, const char *name_or_id, mlm_error *err);

/** Makes the experiment with that id active. Errors: ENOTFOUND, ESTATE (deleted). */
MLM_EXPORT mlm_status mlm_experiment_set_active_id(
	mlm_manager *manager, const char *experiment_id, mlm_error *err);

/** Copies the active experiment's id, "" when there is none, and while only the server knows it and
 * is away. */
MLM_EXPORT void mlm_experiment_active(mlm_manager *manager, char id_out[MLM_ID_SIZE]);

/** One experiment by id. Errors: ENOTFOUND.
 * Owns: free *list_out with mlm_experiment_list_free(). */
MLM_EXPORT mlm_status mlm_experiment_get(mlm_manager *manager, const char *experiment_id,
	mlm_experiment_list **list_out, mlm_error *err);

/** One experiment by name, deleted ones included. Errors: ENOTFOUND. */
MLM_EXPORT mlm_status mlm_experiment_get_by_name(
	mlm_manager *manager, const char *name, mlm_experiment_list **list_out, mlm_error *err);

/** Errors: EINVAL (filter, order_by, max_results, page_token). */
MLM_EXPORT mlm_status mlm_experiment_search(mlm_manager *manager, const mlm_query *query,
	mlm_experiment_list **list_out, mlm_error *err);

/** NULL is a no-op. */
MLM_EXPORT void mlm_experiment_list_free(mlm_experiment_list *list);

/** Errors: ENOTFOUND, EEXISTS (the new name is taken), ESTATE (deleted), EINVAL (new_name). */
MLM_EXPORT mlm_status mlm_experiment_rename(
	mlm_manager *manager, const char *experiment_id, const char *new_name, mlm_error *err);

/** Deletes the experiment and its runs, restorably; it keeps its name.
 * Errors: ENOTFOUND, ESTATE. */
MLM_EXPORT mlm_status mlm_experiment_delete(
	mlm_manager *manager, const char *experiment_id, mlm_error *err);

/** Brings back a deleted experiment and its runs. Errors: ENOTFOUND, ESTATE (not deleted). */
MLM_EXPORT mlm_status mlm_experiment_restore(
	mlm_manager *manager, const char *experiment_id, mlm_error *err);

/** Sets a tag of the experiment. Errors: ENOTFOUND, ESTATE (deleted), EINVAL. */
MLM_EXPORT mlm_status mlm_experiment_set_tag(mlm_manager *manager, const char *experiment_id,
	const char *key, const char *value, mlm_error *err);

#ifdef __cplusplus
}
#endif
#endif
