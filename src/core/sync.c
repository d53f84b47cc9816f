/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "core/manager.h"
#include "core/transfer.h"
#include "core/transfer_lock.h"

static mlm_status sync_stores(mlm_manager *from, mlm_manager *into, struct run_transfer *transfer,
	struct store *source_store, struct store *sink_store, struct transfer_lock *lock,
	mlm_error *err)
{
	const struct artifact_options artifacts = manager_artifact_options(from, NULL);
	struct transfer_store_sink sink = {
		.transfer = transfer,
		.store = sink_store,
		.source_is_newer = true,
		.lock = lock,
	};
	if (into)
		sink.artifacts = manager_artifact_options(into, NULL);
	struct transfer_store_source source;
	mlm_status status =
		transfer_store_source_open(&source, transfer, source_store, &artifacts, err);
	if (status == MLM_OK)
		status = transfer_into_store(&source.base, &sink, err);
	transfer_store_source_close(&source);
	return status;
}

mlm_status mlm_sync(mlm_manager *from, mlm_manager *into, const mlm_transfer_options *options,
	mlm_transfer_result *result_out, mlm_error *err)
{
	struct run_transfer transfer;
	struct transfer_lock lock = { 0 };
	struct store *source = NULL, *sink = NULL;
	if (result_out)
		*result_out = (mlm_transfer_result){ 0 };
	mlm_status status = manager_check(from, err);
	if (status == MLM_OK && into)
		status = manager_check(into, err);
	if (status != MLM_OK)
		return status;
	status = run_transfer_begin(&transfer, &(into ? into : from)->allocator, options, err);
	if (status == MLM_OK && !into && !transfer.options.dry_run)
		status = error_set_null(err, "sync", "into");
	if (status == MLM_OK && into && strcmp(from->place.uri, into->place.uri) == 0)
		status = error_set(err, MLM_EINVAL, "sync",
			"'%s' is both where runs come from and where they go", from->place.uri);
	if (status == MLM_OK)
		status = manager_open_another(from, false, &source, err);
	if (status == MLM_OK && into)
		status = manager_open_another(into, !transfer.options.dry_run, &sink, err);
	if (status == MLM_OK && !transfer.options.dry_run)
		status = transfer_lock_take(&lock, &transfer, &into->place, err);
	if (status == MLM_OK)
		status = sync_stores(from, into, &transfer, source, sink, &lock, err);
	transfer_lock_release(&lock);
	if (source)
		source->ops->close(source);
	if (sink)
		sink->ops->close(sink);
	if (result_out)
		*result_out = transfer.result;
	run_transfer_end(&transfer);
	return status;
}
