/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

/* vsnprintf cuts at a byte; a message must stay valid UTF-8 for whoever prints it as JSON. */
static void drop_partial_character(char *text, size_t size)
{
	size_t end = size;
	while (end > 0 && ((unsigned char)text[end - 1] & 0xC0) == 0x80)
		end--;
	if (end == 0)
		return;
	unsigned char lead = (unsigned char)text[end - 1];
	size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
	if (size - (end - 1) < want)
		text[end - 1] = '\0';
}

/* A message repeats what the caller gave, which may be any bytes, or cut within a character. */
static void replace_wrong_bytes(char *text)
{
	size_t size = strlen(text);
	for (size_t i = 0; i < size;) {
		utf8proc_int32_t c;
		utf8proc_ssize_t used = utf8proc_iterate(
			(const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(size - i), &c);
		if (used <= 0)
			text[i] = '?';
		i += used > 0 ? (size_t)used : 1;
	}
}

__attribute__((format(printf, 2, 0))) static void format_message(
	mlm_error *err, const char *format, va_list arguments)
{
	int length = vsnprintf(err->message, sizeof(err->message), format, arguments);
	if (length >= (int)sizeof(err->message))
		drop_partial_character(err->message, sizeof(err->message) - 1);
	replace_wrong_bytes(err->message);
}

mlm_status error_set(mlm_error *err, mlm_status status, const char *area, const char *format, ...)
{
	if (!err)
		return status;
	err->status = status;
	err->detail = 0;
	err->area = area;
	err->position = err->size = err->entry = 0;
	va_list arguments;
	va_start(arguments, format);
	format_message(err, format, arguments);
	va_end(arguments);
	return status;
}

mlm_status error_set_null(mlm_error *err, const char *area, const char *argument)
{
	return error_set(err, MLM_EINVAL, area, "%s is NULL", argument);
}

static mlm_status status_of_errno(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return MLM_EFULL;
	case ENOMEM:
		return MLM_ENOMEM;
	case ENOENT:
		return MLM_ENOTFOUND;
	default:
		return MLM_EIO;
	}
}

mlm_status error_set_errno(mlm_error *err, int errnum, const char *area, const char *format, ...)
{
	mlm_status status = status_of_errno(errnum);
	if (!err)
		return status;
	err->status = status;
	err->detail = errnum;
	err->area = area;
	err->position = err->size = err->entry = 0;
	va_list arguments;
	va_start(arguments, format);
	format_message(err, format, arguments);
	va_end(arguments);
	size_t used = strlen(err->message);
	snprintf(err->message + used, sizeof(err->message) - used, ": %s", strerror(errnum));
	replace_wrong_bytes(err->message);
	return status;
}

const char *mlm_status_name(mlm_status status)
{
	switch (status) {
	case MLM_OK:
		return "ok";
	case MLM_EINVAL:
		return "invalid";
	case MLM_ESTATE:
		return "state";
	case MLM_ENOTFOUND:
		return "not_found";
	case MLM_EEXISTS:
		return "exists";
	case MLM_EAUTH:
		return "auth";
	case MLM_EAGAIN:
		return "again";
	case MLM_ETIMEOUT:
		return "timeout";
	case MLM_EIO:
		return "io";
	case MLM_EPEER:
		return "peer";
	case MLM_ECORRUPT:
		return "corrupt";
	case MLM_ENOMEM:
		return "memory";
	case MLM_EUNSUPPORTED:
		return "unsupported";
	case MLM_EFULL:
		return "full";
	}
	return "unknown";
}
