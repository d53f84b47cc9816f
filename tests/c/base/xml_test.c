/* SPDX-License-Identifier: Apache-2.0 */

#include "base/xml.h"

#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

struct seen {
	char text[500];
	const char *refused;
};

static mlm_status note(void *payload, const char *name, const char *text, mlm_error *why)
{
	struct seen *seen = payload;
	size_t used = strlen(seen->text);
	if (seen->refused && strcmp(name, seen->refused) == 0) {
		*why = (mlm_error){ .status = MLM_ESTATE, .area = "test", .message = "enough" };
		return MLM_ESTATE;
	}
	snprintf(seen->text + used, sizeof(seen->text) - used, "%s=%s;", name, text);
	return MLM_OK;
}

static mlm_status read_text(const char *text, struct seen *seen)
{
	return xml_read(NULL, text, strlen(text), note, seen, &err);
}

TEST(xml_read__tells_of_each_element_as_it_ends)
{
	struct seen seen = { .text = "" };
	MUST(read_text(
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a xmlns:s=\"urn:x\"><s:b c=\"d\">"
		"1 &lt; 2 &#xE9;</s:b><e/><f><![CDATA[<g>]]></f></a>",
		&seen));
	CHECK_STRING(seen.text, "b=1 < 2 \xC3\xA9;e=;f=<g>;a=;");
}

TEST(xml_read__ecorrupt_for_what_is_none)
{
	static const char *const texts[] = { "", "no xml", "<a>", "<a></b>", "<a>&nbsp;</a>",
		"{\"a\": 1}", "<a></a><b></b>" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct seen seen = { .text = "" };
		CHECK_STATUS(read_text(texts[i], &seen), MLM_ECORRUPT);
	}
	CHECK_CONTAINS(err.message, "line 1");
}

TEST(xml_read__ecorrupt_for_documents_that_grow)
{
	static char deep[4 * XML_DEPTH_MAX];
	struct seen seen = { .text = "" };
	CHECK_STATUS(read_text("<!DOCTYPE a [<!ENTITY b \"bbbbbbbbbb\">]><a>&b;</a>", &seen),
		MLM_ECORRUPT);
	CHECK_CONTAINS(err.message, "document type");
	for (int i = 0; i <= XML_DEPTH_MAX; i++)
		memcpy(deep + 3 * i, "<a>", 4);
	CHECK_STATUS(read_text(deep, &seen), MLM_ECORRUPT);
	CHECK_CONTAINS(err.message, "32 levels");
	char *large = malloc(XML_TEXT_BYTES_MAX + 10);
	memset(large, 'x', XML_TEXT_BYTES_MAX + 9);
	memcpy(large, "<a>", 3);
	memcpy(large + XML_TEXT_BYTES_MAX + 5, "</a>", 5);
	CHECK_STATUS(read_text(large, &seen), MLM_ECORRUPT);
	CHECK_CONTAINS(err.message, "65536 bytes");
	free(large);
	CHECK_STRING(seen.text, "");
}

TEST(xml_read__passes_on_what_the_element_function_says)
{
	struct seen seen = { .refused = "b" };
	CHECK_STATUS(read_text("<a><c>1</c><b>2</b><d>3</d></a>", &seen), MLM_ESTATE);
	CHECK_STRING(err.message, "enough");
	CHECK_STRING(seen.text, "c=1;");
}

int main(void)
{
	RUN(xml_read__tells_of_each_element_as_it_ends);
	RUN(xml_read__ecorrupt_for_what_is_none);
	RUN(xml_read__ecorrupt_for_documents_that_grow);
	RUN(xml_read__passes_on_what_the_element_function_says);
	return check_done();
}
