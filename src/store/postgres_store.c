/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_store.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/postgres_artifact.h"
#include "store/postgres_experiment.h"
#include "store/postgres_run.h"

/* "host/database" of a URI without a password: what stands behind "://" and the user, up to the
 * options. */
static char *place_of(const mlm_allocator *allocator, const char *uri)
{
	const char *authority = strstr(uri, "://");
	authority = authority ? authority + 3 : uri;
	size_t size = strcspn(authority, "?");
	const char *at = memchr(authority, '@', size);
	if (at) {
		size -= (size_t)(at + 1 - authority);
		authority = at + 1;
	}
	return memory_format(allocator, "%.*s", (int)size, authority);
}

static mlm_status check_uri(const struct postgres_store *store, mlm_error *err)
{
	char *why = NULL;
	PQconninfoOption *options = pq.PQconninfoParse(store->conninfo, &why);
	bool is_good = options != NULL;
	pq.PQconninfoFree(options);
	/* It may quote a part of the password. */
	pq.PQfreemem(why);
	if (is_good)
		return MLM_OK;
	return error_set(err, MLM_EINVAL, "postgresql",
		"libpq cannot read the URI of '%s': after a '%%' come two hex digits, and after a "
		"'?' the names of libpq's own options",
		store->place);
}

static mlm_status open_store(
	const struct store_options *options, struct store **store_out, mlm_error *err)
{
	*store_out = NULL;
	mlm_status status = postgres_library_load(err);
	if (status != MLM_OK)
		return status;
	struct postgres_store *store = memory_new(options->allocator, sizeof(*store));
	if (!store)
		return postgres_out_of_memory(err);
	store->base.ops = &postgres_store_ops;
	store->base.allocator = options->allocator;
	store->base.busy_timeout_ms = options->busy_timeout_ms;
	store->conninfo = memory_string(options->allocator, options->uri);
	store->place = place_of(options->allocator, options->uri);
	store->artifacts = memory_string(
		options->allocator, options->artifacts ? options->artifacts : "mlartifacts");
	store->durability = options->durability;
	store->inspect = options->inspect;
	store->must_exist = options->must_exist;
	store->pool = store->conninfo ? postgres_pool_join(store->conninfo) : NULL;
	if (!store->pool || !store->place || !store->artifacts)
		status = postgres_out_of_memory(err);
	else
		status = check_uri(store, err);
	/* The flusher's only writes what another has made ready, and connects when it has
	 * something to write. */
	store->layout.journals = options->for_flusher;
	if (status == MLM_OK && !options->for_flusher)
		status = postgres_schema_prepare(store, err);
	if (status != MLM_OK) {
		postgres_store_ops.close(&store->base);
		return status;
	}
	*store_out = &store->base;
	return MLM_OK;
}

static void close_store(struct store *base)
{
	if (!base)
		return;
	struct postgres_store *store = postgres_store_of(base);
	postgres_pool_leave(store->pool);
	memory_free(base->allocator, store->conninfo);
	memory_free(base->allocator, store->place);
	memory_free(base->allocator, store->artifacts);
	memory_free(base->allocator, store);
}

static bool is_read_only(struct store *base)
{
	return postgres_store_of(base)->read_only;
}

const struct store_ops postgres_store_ops = {
	.scheme = "postgresql",
	.open = open_store,
	.close = close_store,
	.is_read_only = is_read_only,
	.create_experiment = postgres_create_experiment,
	.get_experiment = postgres_get_experiment,
	.search_experiments = postgres_search_experiments,
	.rename_experiment = postgres_rename_experiment,
	.set_experiment_lifecycle = postgres_set_experiment_lifecycle,
	.set_experiment_tag = postgres_set_experiment_tag,
	.delete_experiment_runs = postgres_delete_experiment_runs,
	.create_run = postgres_create_run,
	.get_run = postgres_get_run,
	.each_origin = postgres_each_origin,
	.search_runs = postgres_search_runs,
	.update_run = postgres_update_run,
	.set_run_lifecycle = postgres_set_run_lifecycle,
	.clear_run = postgres_clear_run,
	.log_texts = postgres_log_texts,
	.delete_tag = postgres_delete_tag,
	.get_metric_history = postgres_get_metric_history,
	.get_points = postgres_get_points,
	.summarize_metric = postgres_summarize_metric,
	.log_inputs = postgres_log_inputs,
	.get_max_step = postgres_get_max_step,
	.apply = postgres_apply,
	.get_watermark = postgres_get_watermark,
	.forget_journal = postgres_forget_journal,
	.purge_run = postgres_purge_run,
	.purge_experiment = postgres_purge_experiment,
	/* No get_size and no compact: the server finds freed rows again by itself. */
	.artifacts = &postgres_artifact_ops,
	.check = postgres_check,
};
