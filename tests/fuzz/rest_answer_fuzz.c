/* SPDX-License-Identifier: Apache-2.0 */

/* What a tracking server answers, and the addresses of servers: any bytes. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/rest_store.h"
#include "transport/web_address.h"

#define MUST_HOLD(condition)      \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void read_runs(const json_t *answer)
{
	const json_t *runs = json_object_get(answer, "runs");
	size_t count = json_array_size(runs);
	struct rest_reader reader = { .arena = arena_new(NULL) };
	mlm_run_record *records = arena_array(reader.arena, count + 1, sizeof(*records));
	rest_read_runs(&reader, runs, records);
	for (size_t i = 0; i < count; i++) {
		MUST_HOLD(records[i].run_id && records[i].run_name && records[i].artifact_uri);
		for (size_t k = 0; k < records[i].metric_count; k++)
			MUST_HOLD(records[i].metrics[k].key && !isinf(records[i].metrics[k].value));
		for (size_t k = 0; k < records[i].tag_count; k++)
			MUST_HOLD(records[i].tags[k].key && records[i].tags[k].value);
		for (size_t k = 1; k < records[i].param_count; k++)
			MUST_HOLD(strcmp(records[i].params[k - 1].key, records[i].params[k].key) <=
				  0);
	}
	MUST_HOLD(!reader.out_of_memory);
	arena_free(reader.arena);
}

static void read_address(const char *text)
{
	struct web_address address, again;
	if (web_address_parse(NULL, text, &address, NULL) != MLM_OK)
		return;
	/* What it is made of is an address of the same server, and without a login. */
	MUST_HOLD(web_address_parse(NULL, address.base, &again, NULL) == MLM_OK);
	MUST_HOLD(strcmp(address.base, again.base) == 0 && !again.user && !again.password);
	web_address_clear(&again);
	web_address_clear(&address);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	json_t *answer = json_loadb((const char *)bytes, size, 0, NULL);
	read_runs(answer);
	json_decref(answer);
	char *text = malloc(size + 1);
	memcpy(text, bytes, size);
	text[size] = '\0';
	read_address(text);
	free(text);
	return 0;
}
