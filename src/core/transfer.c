/* SPDX-License-Identifier: Apache-2.0 */
#include "core/transfer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"

#define NAME_BYTES (MLM_ARTIFACT_PATH_MAX + 16) /* a longer path of an archive is cut */

mlm_status run_transfer_begin(struct run_transfer *transfer, const mlm_allocator *allocator,
	const mlm_transfer_options *options, mlm_error *err)
{
	static const struct options_layout layout = OPTIONS_LAYOUT(mlm_transfer_options, payload);
	*transfer = (struct run_transfer){ .allocator = allocator };
	mlm_status status = options_take(&transfer->options, options, &layout, err);
	if (status != MLM_OK)
		return status;
	transfer->points = memory_array(allocator, TRANSFER_POINTS_MAX, sizeof(*transfer->points));
	if (!transfer->points)
		return error_set(err, MLM_ENOMEM, "transfer", "memory ran out");
	return MLM_OK;
}

void run_transfer_end(struct run_transfer *transfer)
{
	memory_free(transfer->allocator, transfer->points);
}

static mlm_status tell(
	struct run_transfer *transfer, const mlm_transfer_event *event, mlm_error *err)
{
	const mlm_transfer_options *options = &transfer->options;
	if (!options->report || options->report(options->payload, event))
		return MLM_OK;
	transfer->is_stopped = true;
	return error_set(err, MLM_ESTATE, "transfer", "the transfer was stopped by its caller");
}

mlm_status run_transfer_report(
	struct run_transfer *transfer, mlm_transfer_kind kind, const char *text, mlm_error *err)
{
	const mlm_transfer_event event = {
		.kind = kind,
		.text = text,
		.name = "",
		.total_bytes = -1,
		.so_far = &transfer->result,
	};
	return tell(transfer, &event, err);
}

mlm_status transfer_file_moved(struct transfer_file *file, size_t size, mlm_error *err)
{
	char name[NAME_BYTES];
	file->done_bytes += size;
	snprintf(name, sizeof(name), "%s '%s'", file->what, file->path);
	const mlm_transfer_event event = {
		.kind = MLM_TRANSFER_PROGRESS,
		.text = file->text,
		.name = name,
		.done_bytes = file->done_bytes,
		.total_bytes = file->total_bytes,
		.so_far = &file->transfer->result,
	};
	return tell(file->transfer, &event, err);
}

mlm_status run_transfer_problem(
	struct run_transfer *transfer, mlm_error *err, const char *format, ...)
{
	char text[2 * MLM_ERROR_MESSAGE_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	transfer->result.problems++;
	return run_transfer_report(transfer, MLM_TRANSFER_PROBLEM, text, err);
}

bool run_transfer_is_local(const struct run_transfer *transfer, mlm_status status)
{
	switch (status) {
	case MLM_EINVAL:
	case MLM_ESTATE:
	case MLM_ENOTFOUND:
	case MLM_EEXISTS:
	case MLM_ECORRUPT:
	case MLM_EUNSUPPORTED:
		return !transfer->is_stopped;
	default:
		return false;
	}
}

const char *transfer_origin_of(const mlm_run_record *run)
{
	for (size_t i = 0; i < run->tag_count; i++) {
		const mlm_text *tag = &run->tags[i];
		if (strcmp(tag->key, STORE_ORIGIN_TAG) == 0)
			return tag->value[0] && strlen(tag->value) < MLM_ID_SIZE ? tag->value
										 : NULL;
	}
	return NULL;
}
