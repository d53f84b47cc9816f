/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rest_store.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/web_address.h"

mlm_status rest_no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "rest", "memory ran out");
}

/* ---- opening ---- */

static mlm_status open_store(
	const struct store_options *options, struct store **store_out, mlm_error *err)
{
	*store_out = NULL;
	struct rest_store *store = memory_new(options->allocator, sizeof(*store));
	if (!store)
		return rest_no_memory(err);
	store->base.ops = &rest_store_ops;
	store->base.busy_timeout_ms = options->busy_timeout_ms;
	store->base.allocator = options->allocator;
	store->for_flusher = options->for_flusher;
	const struct mlflow_peer_options peer = {
		.address = options->uri,
		.allocator = options->allocator,
	};
	mlm_status status = mlflow_peer_open(&peer, &store->peer, err);
	if (status != MLM_OK) {
		memory_free(options->allocator, store);
		return status;
	}
	*store_out = &store->base;
	return MLM_OK;
}

static void close_store(struct store *base)
{
	if (!base)
		return;
	struct rest_store *store = rest_store_of(base);
	mlflow_peer_close(store->peer);
	memory_free(base->allocator, store);
}

static void interrupt(struct store *base)
{
	mlflow_peer_interrupt(rest_store_of(base)->peer);
}

/* Only the server knows, and says so of each write. */
static bool is_read_only(struct store *base)
{
	(void)base;
	return false;
}

/* ---- asking ---- */

static mlm_status call(struct rest_store *store, const struct mlflow_call *call,
	json_t **answer_out, mlm_error *err)
{
	json_t *answer = NULL;
	int64_t left_ms = (store->not_before_ns - clock_monotonic_ns()) / 1000000;
	if (left_ms > 0 && !mlflow_peer_wait(store->peer, (uint32_t)left_ms))
		return error_set(err, MLM_EAGAIN, "rest", "the request was interrupted");
	mlflow_peer_set_retry_ms(store->peer, store->base.busy_timeout_ms);
	mlflow_peer_set_request_ms(store->peer, store->base.request_timeout_ms);
	mlm_status status = mlflow_peer_call(store->peer, call, &answer, err);
	/* Callers have waited already, and only hear of it; the flusher comes again by itself. */
	if (status != MLM_OK && store->for_flusher)
		store->not_before_ns = clock_monotonic_ns() +
				       (int64_t)mlflow_peer_retry_after_ms(store->peer) * 1000000;
	if (answer_out)
		*answer_out = answer;
	else
		json_decref(answer);
	return status;
}

#define API "/api/2.0/mlflow/"

mlm_status rest_post(struct rest_store *store, const char *name, json_t *body, json_t **answer_out,
	mlm_error *err)
{
	char path[128];
	if (answer_out)
		*answer_out = NULL;
	if (!body)
		return rest_no_memory(err);
	snprintf(path, sizeof(path), API "%s", name);
	const struct mlflow_call request = {
		.method = "POST",
		.path = path,
		.body = body,
		/* The one call that makes another thing when it is sent again. */
		.is_once = strcmp(name, "runs/create") == 0,
		.answer_bytes_max = REST_ANSWER_BYTES_MAX,
	};
	mlm_status status = call(store, &request, answer_out, err);
	json_decref(body);
	return status;
}

/* "?key=value&key=value" after path; NULL when memory ran out. Frees path. */
static char *add_query(const struct rest_store *store, char *path, const char *const *query)
{
	const mlm_allocator *allocator = store->base.allocator;
	for (size_t i = 0; path && query[i]; i += 2) {
		char *value = web_address_encode(allocator, query[i + 1], "");
		char *longer = value ? memory_format(allocator, "%s%c%s=%s", path,
					       i == 0 ? '?' : '&', query[i], value)
				     : NULL;
		memory_free(allocator, value);
		memory_free(allocator, path);
		path = longer;
	}
	return path;
}

mlm_status rest_get(struct rest_store *store, const char *name, const char *const *query,
	json_t **answer_out, mlm_error *err)
{
	*answer_out = NULL;
	char *path = memory_format(store->base.allocator, API "%s", name);
	path = add_query(store, path, query);
	if (!path)
		return rest_no_memory(err);
	const struct mlflow_call request = {
		.method = "GET", .path = path, .answer_bytes_max = REST_ANSWER_BYTES_MAX
	};
	mlm_status status = call(store, &request, answer_out, err);
	memory_free(store->base.allocator, path);
	return status;
}

/* ---- the tables ---- */

#define REST_OPS(name)                                                                        \
	{                                                                                     \
		.scheme = (name), .is_remote = true, .batch_points_max = REST_METRICS_MAX,    \
		.open = open_store, .close = close_store, .interrupt = interrupt,             \
		.is_read_only = is_read_only, .create_experiment = rest_create_experiment,    \
		.get_experiment = rest_get_experiment,                                        \
		.search_experiments = rest_search_experiments,                                \
		.rename_experiment = rest_rename_experiment,                                  \
		.set_experiment_lifecycle = rest_set_experiment_lifecycle,                    \
		.set_experiment_tag = rest_set_experiment_tag,                                \
		.delete_experiment_runs = rest_delete_experiment_runs,                        \
		.create_run = rest_create_run, .get_run = rest_get_run,                       \
		.search_runs = rest_search_runs, .update_run = rest_update_run,               \
		.set_run_lifecycle = rest_set_run_lifecycle, .log_texts = rest_log_texts,     \
		.delete_tag = rest_delete_tag, .get_metric_history = rest_get_metric_history, \
		.get_points = rest_get_points, .summarize_metric = rest_summarize_metric,     \
		.log_inputs = rest_log_inputs, .get_max_step = rest_get_max_step,             \
		.apply = rest_apply,                                                          \
	}

const struct store_ops rest_store_ops = REST_OPS("http");
const struct store_ops rest_tls_store_ops = REST_OPS("https");
