/* SPDX-License-Identifier: Apache-2.0 */
#include "core/artifact_transfer.h"

#include <stdio.h>
#include <string.h>

#include "artifact/staged.h"
#include "base/clock.h"
#include "base/error.h"

#define PROGRESS_EVERY_NS 100000000

static mlm_status stopped(const struct transfer *transfer, mlm_error *err)
{
	return error_set(err, MLM_ESTATE, "artifact",
		"'%.300s' was stopped by its progress function", transfer->name);
}

/* False when it is enough. */
static bool tell(struct transfer *transfer)
{
	const mlm_artifact_options *options = &transfer->options;
	transfer->next_ns = clock_monotonic_ns() + PROGRESS_EVERY_NS;
	if (!transfer->is_stopped)
		transfer->is_stopped = !options->progress(options->progress_payload, transfer->name,
			transfer->done_bytes, transfer->total_bytes);
	return !transfer->is_stopped;
}

static bool is_wanted(void *payload, const char *host, uint32_t idle_ms)
{
	(void)host;
	(void)idle_ms;
	return tell(payload);
}

mlm_status transfer_begin(struct transfer *transfer, const mlm_artifact_options *options,
	const char *name, int64_t total_bytes, mlm_error *err)
{
	*transfer = (struct transfer){
		.options = MLM_ARTIFACT_OPTIONS_INIT,
		.name = name,
		.total_bytes = total_bytes,
		.next_ns = clock_monotonic_ns() + PROGRESS_EVERY_NS,
	};
	if (options && options->version != MLM_ARTIFACT_OPTIONS_VERSION)
		return error_set(err, MLM_EINVAL, "artifact",
			"options.version is %u; start from MLM_ARTIFACT_OPTIONS_INIT",
			options->version);
	if (options)
		transfer->options = *options;
	if (transfer->options.expanded_bytes_max == 0)
		transfer->options.expanded_bytes_max = MLM_ARTIFACT_EXPANDED_BYTES_MAX;
	if (transfer->options.progress)
		patience_begin(&transfer->patience, is_wanted, transfer);
	return MLM_OK;
}

mlm_status transfer_end(struct transfer *transfer, mlm_status status, mlm_error *err)
{
	if (transfer->options.progress)
		patience_end(&transfer->patience);
	return status != MLM_OK && transfer->is_stopped ? stopped(transfer, err) : status;
}

mlm_status transfer_moved(struct transfer *transfer, size_t size, mlm_error *err)
{
	transfer->done_bytes += size;
	if (!transfer->options.progress || clock_monotonic_ns() < transfer->next_ns)
		return MLM_OK;
	return tell(transfer) ? MLM_OK : stopped(transfer, err);
}

void transfer_moved_back(struct transfer *transfer, uint64_t size)
{
	transfer->done_bytes -= size;
}

static mlm_status file_moved(void *payload, size_t size, mlm_error *err)
{
	return transfer_moved(payload, size, err);
}

static void file_moved_back(void *payload, uint64_t size)
{
	transfer_moved_back(payload, size);
}

struct artifact_file transfer_file(struct transfer *transfer, int file, const char *local_path)
{
	return (struct artifact_file){ file, local_path, file_moved, file_moved_back, transfer };
}

static mlm_status check_written(
	const mlm_run_record *record, const char *run_id, bool is_written, mlm_error *err)
{
	if (!is_written || record->lifecycle != MLM_DELETED)
		return MLM_OK;
	return error_set(err, MLM_ESTATE, "run",
		"the run %s is deleted; restore it to change its artifacts", run_id);
}

/* Of a store that never is away. */
static mlm_status open_here(mlm_manager *manager, const char *run_id, bool is_written,
	struct artifact_store **store_out, mlm_error *err)
{
	mlm_run_list *list = NULL;
	mlm_status status = manager->ops->get_run(manager->store, run_id, &list, err);
	if (status != MLM_OK)
		return status;
	const char *uri = list->items[0].artifact_uri;
	status = check_written(&list->items[0], run_id, is_written, err);
	if (status == MLM_OK && (!uri || !uri[0])) {
		status = error_set(err, MLM_EUNSUPPORTED, "run",
			"the run %s has no place for artifacts in this store", run_id);
	} else if (status == MLM_OK) {
		const struct artifact_options options = manager_artifact_options(manager, uri);
		status = artifact_open(&options, store_out, err);
	}
	mlm_run_list_free(list);
	return status;
}

/* What is known of the place without its server; "" where that is of no use. */
static const char *known_place(const mlm_run *run)
{
	const char *uri = run ? run->artifact_uri : NULL;
	return uri && !staged_needs_server(uri) ? uri : "";
}

/* Of a server: a write does not need it, so it is not waited for long. */
static mlm_status open_there(mlm_manager *manager, const char *run_id, bool is_written,
	struct artifact_store **store_out, mlm_error *err)
{
	mlm_run_list *list = NULL;
	mlm_error why = MLM_ERROR_INIT;
	mlm_run *run = run_find_handle(manager, run_id);
	if (is_written)
		manager_hurry_begin(manager);
	mlm_status status = manager->ops->get_run(manager->store, run_id, &list, &why);
	if (is_written)
		manager_hurry_end(manager);
	bool is_away = manager_is_away(manager, status);
	if (status != MLM_OK && !is_away) {
		if (err)
			*err = why;
		return status;
	}
	struct staged_place place = { run_id, known_place(run), is_away ? &why : NULL };
	status = MLM_OK;
	if (list) {
		const char *uri = list->items[0].artifact_uri;
		status = check_written(&list->items[0], run_id, is_written, err);
		if (uri && run)
			run_keep_artifact_uri(run, uri);
		place.uri = uri ? uri : "";
	}
	if (status == MLM_OK) {
		const struct artifact_options options = manager_artifact_options(manager, NULL);
		status = staged_open(&options, &place, store_out, err);
	}
	mlm_run_list_free(list);
	return status;
}

static mlm_status open_inside(mlm_manager *manager, const char *run_id, bool is_written,
	struct artifact_store **store_out, mlm_error *err)
{
	return manager->ops->deliver ? open_there(manager, run_id, is_written, store_out, err)
				     : open_here(manager, run_id, is_written, store_out, err);
}

mlm_status transfer_open_store(mlm_manager *manager, const char *run_id, bool is_written,
	struct artifact_store **store_out, mlm_error *err)
{
	*store_out = NULL;
	if (!run_id)
		return error_set_null(err, "artifact", "run_id");
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = open_inside(manager, run_id, is_written, store_out, err);
	manager_leave(manager);
	return status;
}

bool transfer_is_own_place(const char *artifact_uri, const char *run_id)
{
	char ending[MLM_ID_SIZE + 16];
	snprintf(ending, sizeof(ending), "/%s/artifacts", run_id);
	size_t size = strlen(artifact_uri), tail = strlen(ending);
	return size >= tail && strcmp(artifact_uri + size - tail, ending) == 0;
}

mlm_status transfer_open_run(mlm_run *run, struct artifact_store **store_out, mlm_error *err)
{
	*store_out = NULL;
	mlm_status status = run_enter(run, err);
	if (status != MLM_OK)
		return status;
	status = run_check_open(run, err);
	if (status == MLM_OK)
		status = open_inside(run->manager, run->id, true, store_out, err);
	manager_leave(run->manager);
	return status;
}
