/* SPDX-License-Identifier: Apache-2.0 */

/* A record of the queue as it lies in its file, which may be damaged: the first byte is its kind,
 * what follows its body. */

#include <stdlib.h>
#include <string.h>

#include "store/spool_entry.h"

#define MUST_HOLD(condition)      \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_texts(const mlm_text *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		MUST_HOLD(texts[i].key && texts[i].value);
}

/* What a reader of the entry takes for granted. */
static void check(const struct spool_entry *entry)
{
	const struct store_new_run *create = &entry->create;
	check_texts(entry->params, entry->param_count);
	check_texts(entry->tags, entry->tag_count);
	check_texts(create->tags, create->tag_count);
	if (entry->kind == SPOOL_CREATE)
		MUST_HOLD(create->experiment_id && create->run_name && create->user_id &&
			  create->source_name);
	if (entry->kind == SPOOL_DELETE_TAG)
		MUST_HOLD(entry->key);
	if (entry->kind == SPOOL_LIFECYCLE)
		MUST_HOLD(entry->lifecycle == MLM_ACTIVE || entry->lifecycle == MLM_DELETED);
	MUST_HOLD((unsigned)entry->change.status <= MLM_RUN_KILLED);
	for (size_t i = 0; i < entry->series_count; i++)
		MUST_HOLD(entry->series[i].run_id && entry->series[i].key);
	for (size_t i = 0; i < entry->point_count; i++)
		MUST_HOLD(entry->points[i].series < entry->series_count);
	for (size_t i = 0; i < entry->input_count; i++) {
		const mlm_dataset_input *input = &entry->inputs[i];
		MUST_HOLD(input->name && input->digest && input->source_type && input->source);
		check_texts(input->tags, input->tag_count);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size == 0)
		return 0;
	struct arena *arena = arena_new(NULL);
	struct spool_entry entry, again;
	/* Aligned, as the queue hands it out, and with nothing behind it. */
	void *body = malloc(size > 1 ? size - 1 : 1);
	memcpy(body, bytes + 1, size - 1);
	struct spool_record record = { 1, (enum spool_kind)bytes[0], body, size - 1 };
	if (spool_entry_read(&record, "run", arena, &entry, NULL) == MLM_OK) {
		struct spool_record first = { 1, entry.kind, NULL, 0 };
		struct spool_record second = first;
		check(&entry);
		/* What can be read can be written, and is the same then. */
		MUST_HOLD(
			spool_entry_write(&entry, arena, &first.body, &first.size, NULL) == MLM_OK);
		MUST_HOLD(spool_entry_read(&first, "run", arena, &again, NULL) == MLM_OK);
		MUST_HOLD(spool_entry_write(&again, arena, &second.body, &second.size, NULL) ==
			  MLM_OK);
		MUST_HOLD(first.size == second.size &&
			  memcmp(first.body, second.body, first.size) == 0);
	}
	arena_free(arena);
	free(body);
	return 0;
}
