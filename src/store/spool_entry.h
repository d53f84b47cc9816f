/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SPOOL_ENTRY_H
#define STORE_SPOOL_ENTRY_H

/* One write to a run, as it is called and as it lies in the queue. */

#include "base/arena.h"
#include "store/spool_queue.h"

/* Only what the kind needs is set. */
struct spool_entry {
	enum spool_kind kind;
	struct store_new_run create; /* its run_id is not kept: the entry's run has it */
	const mlm_text *params; /* texts */
	size_t param_count;
	const mlm_text *tags;
	size_t tag_count;
	const char *key; /* delete_tag */
	struct store_run_change change; /* update; kill has its end_time_ms alone */
	mlm_lifecycle lifecycle;
	const struct store_series *series; /* points: their run_id is not kept */
	size_t series_count;
	const struct store_point *points;
	size_t point_count;
	const mlm_dataset_input *inputs;
	size_t input_count;
};

/** The bytes to keep, in the arena. Errors: ENOMEM. */
mlm_status spool_entry_write(const struct spool_entry *entry, struct arena *arena,
	const void **body_out, size_t *size_out, mlm_error *err);
/** Reads what was kept of a run's record; everything lies in the arena, but run_id, which is that
 * of the series. Errors: ECORRUPT, ENOMEM. */
mlm_status spool_entry_read(const struct spool_record *record, const char *run_id,
	struct arena *arena, struct spool_entry *entry_out, mlm_error *err);

/** Texts alone, as JSON. */
mlm_status spool_texts_write(const mlm_text *texts, size_t count, struct arena *arena,
	const char **json_out, mlm_error *err);
mlm_status spool_texts_read(const char *json, struct arena *arena, const mlm_text **texts_out,
	size_t *count_out, mlm_error *err);

#endif
