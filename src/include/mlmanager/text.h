/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_TEXT_H
#define MLMANAGER_TEXT_H

/* A param or a tag: both strings are NUL-ended UTF-8. */
typedef struct mlm_text {
	const char *key;
	const char *value;
} mlm_text;

#endif
