/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/s3_answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/xml.h"

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "s3", "memory ran out");
}

static mlm_status keep(
	const mlm_allocator *allocator, const char *text, char **kept, mlm_error *err)
{
	memory_free(allocator, *kept);
	*kept = memory_string(allocator, text);
	return *kept ? MLM_OK : no_memory(err);
}

static mlm_status read(const mlm_allocator *allocator, const char *bytes, size_t size,
	xml_element_fn element, void *payload, mlm_error *err)
{
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = xml_read(allocator, bytes, size, element, payload, &why);
	if (status == MLM_ECORRUPT && strcmp(why.area, "xml") == 0)
		return error_set(err, MLM_EPEER, "s3", "the service does not answer as S3 does: %s",
			why.message);
	if (status != MLM_OK && err)
		*err = why;
	return status;
}

struct page {
	const mlm_allocator *allocator;
	s3_key_fn visit;
	void *payload;
	char *key;
	char *prefix;
	int64_t size_bytes;
	bool is_truncated;
	bool is_listing;
	char *token;
};

static mlm_status take_of_page(void *payload, const char *name, const char *text, mlm_error *err)
{
	struct page *page = payload;
	mlm_status status = MLM_OK;
	if (strcmp(name, "Key") == 0)
		return keep(page->allocator, text, &page->key, err);
	if (strcmp(name, "Prefix") == 0)
		return keep(page->allocator, text, &page->prefix, err);
	if (strcmp(name, "NextContinuationToken") == 0)
		return keep(page->allocator, text, &page->token, err);
	if (strcmp(name, "Size") == 0) {
		page->size_bytes = strtoll(text, NULL, 10);
	} else if (strcmp(name, "IsTruncated") == 0) {
		page->is_truncated = strcmp(text, "true") == 0;
	} else if (strcmp(name, "Contents") == 0 && page->key) {
		int64_t size_bytes = page->size_bytes < 0 ? 0 : page->size_bytes;
		status = page->visit(page->payload, page->key, size_bytes, err);
	} else if (strcmp(name, "CommonPrefixes") == 0 && page->prefix) {
		status = page->visit(page->payload, page->prefix, -1, err);
	}
	page->is_listing = strcmp(name, "ListBucketResult") == 0;
	return status;
}

mlm_status s3_answer_keys(const mlm_allocator *allocator, const char *bytes, size_t size,
	s3_key_fn visit, void *payload, char **token_out, mlm_error *err)
{
	struct page page = { .allocator = allocator, .visit = visit, .payload = payload };
	*token_out = NULL;
	mlm_status status = read(allocator, bytes, size, take_of_page, &page, err);
	if (status == MLM_OK && (!page.is_listing || (page.is_truncated && !page.token)))
		status = error_set(err, MLM_EPEER, "s3",
			"the service does not answer as S3 does: %s",
			page.is_listing ? "a listing breaks off" : "this is no listing");
	if (status == MLM_OK && page.is_truncated)
		*token_out = page.token;
	else
		memory_free(allocator, page.token);
	memory_free(allocator, page.key);
	memory_free(allocator, page.prefix);
	return status;
}

struct wanted {
	const mlm_allocator *allocator;
	const char *element;
	char *text;
};

static mlm_status take_wanted(void *payload, const char *name, const char *text, mlm_error *err)
{
	struct wanted *wanted = payload;
	if (wanted->text || strcmp(name, wanted->element) != 0)
		return MLM_OK;
	return keep(wanted->allocator, text, &wanted->text, err);
}

mlm_status s3_answer_text(const mlm_allocator *allocator, const char *bytes, size_t size,
	const char *element, char **text_out, mlm_error *err)
{
	struct wanted wanted = { .allocator = allocator, .element = element };
	*text_out = NULL;
	mlm_status status = read(allocator, bytes, size, take_wanted, &wanted, err);
	if (status == MLM_OK)
		*text_out = wanted.text;
	else
		memory_free(allocator, wanted.text);
	return status;
}
