/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "artifact/s3_answer.h"
#include "base/xml.h"
#include "transport/s3_error.h"

/* Whatever a service answers, reading it ends with a status, and what is told has its limits. */

static void require(bool holds)
{
	if (!holds)
		abort();
}

static mlm_status take(void *payload, const char *key, int64_t size_bytes, mlm_error *err)
{
	(void)payload;
	(void)err;
	require(strlen(key) <= XML_TEXT_BYTES_MAX && size_bytes >= -1);
	return MLM_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	mlm_error err = MLM_ERROR_INIT;
	struct s3_error error;
	char *token, *text;
	mlm_status status = s3_answer_keys(NULL, bytes, size, take, NULL, &token, &err);
	require(status == MLM_OK || (!token && err.message[0]));
	free(token);
	status = s3_answer_text(NULL, bytes, size, "UploadId", &text, &err);
	require(status == MLM_OK || !text);
	free(text);
	require(s3_error_read(NULL, bytes, size, &error, &err) == MLM_OK);
	return 0;
}
