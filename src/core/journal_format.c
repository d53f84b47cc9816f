/* SPDX-License-Identifier: Apache-2.0 */
#include "core/journal_format.h"

#include <stdio.h>

void journal_unfinished_name(const char *id_hex, char name_out[64])
{
	snprintf(name_out, 64, ".%s.new", id_hex);
}

uint32_t journal_check(uint64_t seed, uint64_t position, const void *bytes, uint32_t units)
{
	const unsigned char *unit = bytes;
	uint32_t id;
	uint64_t head;
	uint64_t step;
	uint64_t value;
	memcpy(&id, unit + 4, sizeof(id));
	memcpy(&head, unit + 8, sizeof(head));
	memcpy(&step, unit + 16, sizeof(step));
	memcpy(&value, unit + 24, sizeof(value));
	uint32_t check = journal_check_unit(seed, position, id, head, step, value);
	for (uint32_t i = 1; i < units; i++) {
		uint64_t words[4];
		memcpy(words, unit + (size_t)i * JOURNAL_UNIT, sizeof(words));
		uint64_t h =
			journal_mix(words[0] ^ JOURNAL_MIX_1, words[1] ^ check ^ JOURNAL_MIX_2) ^
			journal_mix(words[2] ^ JOURNAL_MIX_3, words[3] ^ i ^ JOURNAL_MIX_4);
		h ^= h >> 32;
		check = (uint32_t)h ? (uint32_t)h : 1;
	}
	return check;
}

uint32_t journal_header_check(const struct journal_header *header)
{
	struct journal_header copy = *header;
	copy.check = 0;
	return journal_check(journal_seed(copy.journal_id), copy.position, &copy, 2);
}
