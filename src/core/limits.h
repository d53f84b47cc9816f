/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_LIMITS_H
#define CORE_LIMITS_H

/* MLflow's rules for names and lengths (mlflow/utils/validation.py), checked before anything is
 * written. Lengths are characters, as there. */

#include <stddef.h>

#include "base/arena.h"
#include "mlmanager/experiment.h"
#include "mlmanager/metric.h"

/** A metric, param or tag key; what is "metric key", "param key", … for the message. size is in
 * bytes. Errors: EINVAL. */
mlm_status limits_check_key(const char *key, size_t size, const char *what, mlm_error *err);

/** A param's or tag's value of at most max characters, valid UTF-8. Where
 * MLFLOW_TRUNCATE_LONG_VALUES is true a longer one is cut: *value_out is then a copy in the arena,
 * else value itself. Errors: EINVAL, ENOMEM. */
mlm_status limits_check_value(const char *key, const char *value, size_t max, const char *what,
	struct arena *arena, const char **value_out, mlm_error *err);

/** A text that the machine gave, a path or a login, which no caller could correct: a copy in the
 * arena with U+FFFD for bytes that are not UTF-8, cut to max characters. NULL: memory ran out. */
const char *limits_clean_text(const char *text, size_t max, struct arena *arena);

/** Errors: EINVAL. */
mlm_status limits_check_experiment_name(const char *name, mlm_error *err);

/** Errors: EINVAL. */
mlm_status limits_check_artifact_location(const char *location, mlm_error *err);

/** Checks count texts and copies the array (not the strings, unless cut) into the arena.
 * max is MLM_PARAM_VALUE_MAX or one of the MLM_…TAG_VALUE_MAX; kind is "param" or "tag". */
mlm_status limits_check_texts(const mlm_text *texts, size_t count, size_t max, const char *kind,
	struct arena *arena, const mlm_text **texts_out, mlm_error *err);

#endif
