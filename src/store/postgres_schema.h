/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_POSTGRES_SCHEMA_H
#define STORE_POSTGRES_SCHEMA_H

/* The statements that make an empty store, NUL-ended; the build derives them from
 * store/image/. */
extern const char postgres_schema_sql[];

#endif
