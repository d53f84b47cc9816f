/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_POSTGRES_LIBRARY_H
#define STORE_POSTGRES_LIBRARY_H

/* libpq, loaded when the first PostgreSQL store is opened. */

#include <libpq-fe.h>

#include "mlmanager/error.h"

#define POSTGRES_LIBRARY_FUNCTIONS(X) \
	X(PQconnectStartParams)       \
	X(PQconnectPoll)              \
	X(PQconninfoParse)            \
	X(PQconninfoFree)             \
	X(PQfreemem)                  \
	X(PQfinish)                   \
	X(PQsocket)                   \
	X(PQstatus)                   \
	X(PQtransactionStatus)        \
	X(PQserverVersion)            \
	X(PQerrorMessage)             \
	X(PQsetNoticeProcessor)       \
	X(PQsetErrorVerbosity)        \
	X(PQexec)                     \
	X(PQexecParams)               \
	X(PQresultStatus)             \
	X(PQresultErrorField)         \
	X(PQclear)                    \
	X(PQntuples)                  \
	X(PQgetisnull)                \
	X(PQgetvalue)                 \
	X(PQgetlength)                \
	X(PQcmdTuples)

/* A pointer to each of libpq's functions that are used, under its own name. */
struct postgres_library {
#define X(function) __typeof__(&function) function;
	POSTGRES_LIBRARY_FUNCTIONS(X)
#undef X
};

extern struct postgres_library pq;

/** Errors: EUNSUPPORTED (libpq is not installed). */
mlm_status postgres_library_load(mlm_error *err);

#endif
