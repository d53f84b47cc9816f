/* SPDX-License-Identifier: Apache-2.0 */
#include "store/findings.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"

#define OF_CHECK_MAX 20

struct finding {
	const char *text;
	bool is_mended;
	struct finding *next;
};

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "store", "memory ran out");
}

mlm_status findings_begin(struct findings *findings, const mlm_allocator *allocator, mlm_error *err)
{
	*findings = (struct findings){ .arena = arena_new(allocator) };
	return findings->arena ? MLM_OK : no_memory(err);
}

void findings_forget(struct findings *findings)
{
	arena_reset(findings->arena);
	*findings = (struct findings){ .arena = findings->arena };
}

static void keep(struct findings *findings, const char *text)
{
	struct finding *finding = arena_alloc(findings->arena, sizeof(*finding));
	if (finding)
		*finding = (struct finding){
			.text = arena_string(findings->arena, text),
			.is_mended = findings->is_mended,
		};
	if (!finding || !finding->text) {
		findings->out_of_memory = true;
		return;
	}
	if (findings->last)
		findings->last->next = finding;
	else
		findings->first = finding;
	findings->last = finding;
}

/* The check under way is over. */
static void count_rest(struct findings *findings)
{
	char text[64];
	snprintf(text, sizeof(text), "and %zu more of the same", findings->left_out);
	if (findings->left_out > 0)
		keep(findings, text);
	findings->of_check = findings->left_out = 0;
}

void findings_next(struct findings *findings, bool is_mended)
{
	count_rest(findings);
	findings->is_mended = is_mended;
}

void findings_add(struct findings *findings, const char *before, const char *text)
{
	char finding[MLM_ERROR_MESSAGE_SIZE];
	snprintf(finding, sizeof(finding), "%s%s", before, text);
	if (findings->of_check++ < OF_CHECK_MAX)
		keep(findings, finding);
	else
		findings->left_out++;
}

mlm_status findings_end(struct findings *findings, mlm_status status, mlm_doctor_fn report,
	void *payload, mlm_error *err)
{
	if (!findings->arena)
		return status;
	count_rest(findings);
	for (const struct finding *finding = findings->first; finding; finding = finding->next)
		report(payload, status == MLM_OK && finding->is_mended, finding->text);
	if (status == MLM_OK && findings->out_of_memory)
		status = no_memory(err);
	arena_free(findings->arena);
	return status;
}
