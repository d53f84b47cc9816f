/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_XML_H
#define BASE_XML_H

/* Reading small XML documents, as web services answer with, through expat. */

#include <stddef.h>

#include "mlmanager/allocator.h"
#include "mlmanager/error.h"

#define XML_DEPTH_MAX      32
#define XML_TEXT_BYTES_MAX (64u << 10) /* of one element */

/** An element that has ended: its name without a prefix, and the text after the last tag in it,
 * both borrowed for the call. Another status than MLM_OK ends the reading with it. */
typedef mlm_status (*xml_element_fn)(
	void *payload, const char *name, const char *text, mlm_error *err);

/**
 * Reads a document and tells of each element, inner ones first.
 *
 * Errors: ECORRUPT (no XML, cut off, with a document type, or beyond a limit), EUNSUPPORTED (expat
 * is not installed), ENOMEM, and what element() says.
 */
mlm_status xml_read(const mlm_allocator *allocator, const char *bytes, size_t size,
	xml_element_fn element, void *payload, mlm_error *err);

#endif
