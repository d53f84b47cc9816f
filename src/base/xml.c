/* SPDX-License-Identifier: Apache-2.0 */
#include "base/xml.h"

#include <expat.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/library.h"
#include "base/memory.h"

static struct {
	XML_Parser (*create)(const XML_Char *);
	void (*free)(XML_Parser);
	void (*set_user_data)(XML_Parser, void *);
	void (*set_element_handler)(XML_Parser, XML_StartElementHandler, XML_EndElementHandler);
	void (*set_text_handler)(XML_Parser, XML_CharacterDataHandler);
	void (*set_doctype_handler)(XML_Parser, XML_StartDoctypeDeclHandler);
	enum XML_Status (*parse)(XML_Parser, const char *, int, int);
	enum XML_Status (*stop)(XML_Parser, XML_Bool);
	enum XML_Error (*error_code)(XML_Parser);
	const XML_LChar *(*error_text)(enum XML_Error);
	XML_Size (*line)(XML_Parser);
} expat;

static const char *const names[] = { "libexpat.so.1", NULL };
static const struct library_function functions[] = {
	{ "XML_ParserCreate", &expat.create },
	{ "XML_ParserFree", &expat.free },
	{ "XML_SetUserData", &expat.set_user_data },
	{ "XML_SetElementHandler", &expat.set_element_handler },
	{ "XML_SetCharacterDataHandler", &expat.set_text_handler },
	{ "XML_SetStartDoctypeDeclHandler", &expat.set_doctype_handler },
	{ "XML_Parse", &expat.parse },
	{ "XML_StopParser", &expat.stop },
	{ "XML_GetErrorCode", &expat.error_code },
	{ "XML_ErrorString", &expat.error_text },
	{ "XML_GetCurrentLineNumber", &expat.line },
};
static struct library library = { .package = "libexpat1",
	.purpose = "reading XML",
	.names = names,
	.functions = functions,
	.function_count = sizeof(functions) / sizeof(functions[0]) };

struct reading {
	XML_Parser parser;
	xml_element_fn element;
	void *payload;
	char *text; /* XML_TEXT_BYTES_MAX + 1 */
	size_t text_size;
	int depth;
	mlm_status status;
	mlm_error *err;
};

static void stop(struct reading *reading, mlm_status status)
{
	reading->status = status;
	expat.stop(reading->parser, XML_FALSE);
}

static void on_start(void *payload, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *reading = payload;
	(void)name;
	(void)attributes;
	reading->text_size = 0;
	if (++reading->depth > XML_DEPTH_MAX)
		stop(reading, error_set(reading->err, MLM_ECORRUPT, "xml",
				      "an XML document has more than %d levels", XML_DEPTH_MAX));
}

static void on_end(void *payload, const XML_Char *name)
{
	struct reading *reading = payload;
	const char *colon = strrchr(name, ':');
	reading->text[reading->text_size] = '\0';
	reading->depth--;
	mlm_status status = reading->element(
		reading->payload, colon ? colon + 1 : name, reading->text, reading->err);
	if (status != MLM_OK)
		stop(reading, status);
	reading->text_size = 0;
}

static void on_text(void *payload, const XML_Char *text, int size)
{
	struct reading *reading = payload;
	if (reading->text_size + (size_t)size > XML_TEXT_BYTES_MAX) {
		stop(reading, error_set(reading->err, MLM_ECORRUPT, "xml",
				      "an element of an XML document has more than %u bytes",
				      XML_TEXT_BYTES_MAX));
		return;
	}
	memcpy(reading->text + reading->text_size, text, (size_t)size);
	reading->text_size += (size_t)size;
}

/* Entities make large texts of small ones, and no service that is asked here has any. */
static void on_doctype(void *payload, const XML_Char *name, const XML_Char *system_id,
	const XML_Char *public_id, int has_internal_subset)
{
	struct reading *reading = payload;
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	stop(reading, error_set(reading->err, MLM_ECORRUPT, "xml",
			      "an XML document has a document type, which is not read"));
}

static mlm_status parse(struct reading *reading, const char *bytes, size_t size)
{
	expat.set_user_data(reading->parser, reading);
	expat.set_element_handler(reading->parser, on_start, on_end);
	expat.set_text_handler(reading->parser, on_text);
	expat.set_doctype_handler(reading->parser, on_doctype);
	if (size > INT_MAX)
		return error_set(
			reading->err, MLM_ECORRUPT, "xml", "an XML document is over 2 GiB");
	enum XML_Status status = expat.parse(reading->parser, bytes, (int)size, XML_TRUE);
	if (reading->status != MLM_OK)
		return reading->status;
	if (status != XML_STATUS_OK) {
		enum XML_Error code = expat.error_code(reading->parser);
		return code == XML_ERROR_NO_MEMORY
			       ? error_set(reading->err, MLM_ENOMEM, "xml", "memory ran out")
			       : error_set(reading->err, MLM_ECORRUPT, "xml",
					 "it is no XML: %s in line %lu", expat.error_text(code),
					 (unsigned long)expat.line(reading->parser));
	}
	return MLM_OK;
}

mlm_status xml_read(const mlm_allocator *allocator, const char *bytes, size_t size,
	xml_element_fn element, void *payload, mlm_error *err)
{
	struct reading reading = { .element = element, .payload = payload, .err = err };
	mlm_status status = library_load(&library, err);
	if (status != MLM_OK)
		return status;
	reading.text = memory_new(allocator, XML_TEXT_BYTES_MAX + 1);
	reading.parser = reading.text ? expat.create(NULL) : NULL;
	status = reading.parser ? parse(&reading, bytes, size)
				: error_set(err, MLM_ENOMEM, "xml", "memory ran out");
	if (reading.parser)
		expat.free(reading.parser);
	memory_free(allocator, reading.text);
	return status;
}
