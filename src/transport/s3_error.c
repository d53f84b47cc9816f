/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/s3_error.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/xml.h"

static void copy_printable(const char *text, char *out, size_t size)
{
	size_t at = 0;
	for (; *text && at + 1 < size; text++)
		out[at++] = iscntrl((unsigned char)*text) ? ' ' : *text;
	while (at && (out[at - 1] == ' ' || out[at - 1] == '.'))
		at--;
	out[at] = '\0';
}

static mlm_status take(void *payload, const char *name, const char *text, mlm_error *err)
{
	struct s3_error *error = payload;
	(void)err;
	if (strcmp(name, "Code") == 0)
		copy_printable(text, error->code, sizeof(error->code));
	else if (strcmp(name, "Message") == 0)
		copy_printable(text, error->message, sizeof(error->message));
	else if (strcmp(name, "Region") == 0)
		copy_printable(text, error->region, sizeof(error->region));
	/* The outermost element comes last. */
	error->is_error = strcmp(name, "Error") == 0;
	return MLM_OK;
}

mlm_status s3_error_read(const mlm_allocator *allocator, const char *bytes, size_t size,
	struct s3_error *error_out, mlm_error *err)
{
	*error_out = (struct s3_error){ .is_error = false };
	if (size == 0)
		return MLM_OK;
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = xml_read(allocator, bytes, size, take, error_out, &why);
	if (status == MLM_ECORRUPT) {
		*error_out = (struct s3_error){ .is_error = false };
		return MLM_OK;
	}
	if (status != MLM_OK && err)
		*err = why;
	return status;
}
