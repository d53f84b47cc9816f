/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

/* The YAML of MLflow's meta.yaml files: one mapping from names to scalars, some of which are
 * mappings to scalars themselves. Read and written through libyaml. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "mlmanager/error.h"

struct yaml_entry {
	const char *parent; /* the key of the mapping that it is in, NULL at the top */
	const char *key;
	const char *value; /* NULL for null */
};

struct yaml_map {
	const struct yaml_entry *entries;
	size_t count;
};

/**
 * Reads a document. Lists, anchors and what lies deeper than a mapping in a mapping is passed over;
 * a key that comes twice has its last value.
 *
 * Errors:  ECORRUPT (not YAML, or no mapping; the message begins with name and says where),
 *          ENOMEM, EUNSUPPORTED (libyaml is not installed).
 * Owns:    the entries live as long as the arena.
 */
mlm_status yaml_read(const char *text, size_t size, const char *name, struct arena *arena,
	struct yaml_map *map_out, mlm_error *err);

/** The value of a key at the top; NULL when it is missing or null. */
const char *yaml_get(const struct yaml_map *map, const char *key);

/* What is written: entries that follow each other with the same parent are one mapping. An entry
 * with key NULL makes its parent an empty one. */
struct yaml_value {
	const char *parent;
	const char *key;
	const char *text; /* NULL: null, or the number */
	int64_t number;
	bool is_number;
};

/** Writes a document into the arena. Errors: ENOMEM, EUNSUPPORTED, EINVAL (a text is not UTF-8). */
mlm_status yaml_write(const struct yaml_value *values, size_t count, struct arena *arena,
	const char **text_out, size_t *size_out, mlm_error *err);

#endif
