/* SPDX-License-Identifier: Apache-2.0 */
#include "store/artifact_uri.h"

#include <ctype.h>
#include <string.h>

#include "base/memory.h"

static int has_scheme(const char *text)
{
	if (!isalpha((unsigned char)*text))
		return 0;
	while (isalnum((unsigned char)*text) || *text == '+' || *text == '-' || *text == '.')
		text++;
	return *text == ':';
}

char *artifact_uri_append(const mlm_allocator *allocator, const char *root, const char *tail)
{
	/* In a plain path both characters are part of a name. */
	size_t path_size = has_scheme(root) ? strcspn(root, "?#") : strlen(root);
	const char *rest = root + path_size;
	char last = path_size > 0 ? root[path_size - 1] : '/';
	const char *slash = last == '/' || last == ':' ? "" : "/";
	return memory_format(allocator, "%.*s%s%s%s", (int)path_size, root, slash, tail, rest);
}
