/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_store.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/decimal.h"
#include "base/error.h"

#define RETRY_MS_FIRST 5
#define RETRY_MS_MAX   200
#define CONNECT_MS_MAX 10000 /* how long a call waits for a server that is away */
/* How long sent bytes may go unanswered by the other machine before the connection is lost, and
 * how long nothing at all may come before it is asked. */
#define UNANSWERED_MS "30000"
#define ASK_S         "30"
#define ASK_AGAIN_S   "10"
#define ASK_TIMES     "3"

mlm_status postgres_out_of_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "postgresql", "memory ran out");
}

/* ---- values ---- */

static int next_value(struct postgres_values *values)
{
	int i = values->count++;
	values->texts[i] = NULL;
	values->sizes[i] = 0;
	values->formats[i] = 0;
	return i;
}

void postgres_add_text(struct postgres_values *values, const char *text)
{
	values->texts[next_value(values)] = text;
}

void postgres_add_integer(struct postgres_values *values, int64_t integer)
{
	int i = next_value(values);
	snprintf(values->digits[i], sizeof(values->digits[i]), "%" PRId64, integer);
	values->texts[i] = values->digits[i];
}

void postgres_add_binary(struct postgres_values *values, const void *bytes, size_t size)
{
	int i = next_value(values);
	values->texts[i] = bytes;
	values->sizes[i] = (int)size;
	values->formats[i] = 1;
}

/* ---- what went wrong ---- */

/* The first line without its "ERROR:  " and SQLSTATE, which libpq puts before it. */
static void first_line(const char *message, char line_out[256])
{
	const char *text = strstr(message, ":  ");
	text = text ? text + 3 : message;
	if (strlen(text) > 7 && text[5] == ':' && text[6] == ' ')
		text += 7;
	size_t size = strcspn(text, "\n");
	snprintf(line_out, 256, "%.*s", (int)(size < 255 ? size : 255), text);
}

/* SQLSTATE of a message in libpq's verbose form, "FATAL:  28P01: …"; "" when there is none: nobody
 * answered. */
static void state_of_message(const char *message, char state_out[6])
{
	state_out[0] = '\0';
	const char *text = strstr(message, ":  ");
	if (!text || strlen(text) < 9 || text[8] != ':')
		return;
	for (int i = 0; i < 5; i++) {
		if (!isupper((unsigned char)text[3 + i]) && !isdigit((unsigned char)text[3 + i]))
			return;
	}
	memcpy(state_out, text + 3, 5);
	state_out[5] = '\0';
}

static bool has_class(const char *state, const char *class)
{
	return strncmp(state, class, strlen(class)) == 0;
}

static mlm_status status_of_state(const char *state, enum postgres_fault *fault_out)
{
	static const struct {
		const char *class;
		mlm_status status;
		enum postgres_fault fault;
	} known[] = {
		{ "40", MLM_EAGAIN, POSTGRES_CONFLICT },
		{ "55P03", MLM_EAGAIN, POSTGRES_CONFLICT },
		{ "08", MLM_EAGAIN, POSTGRES_LOST },
		{ "57P", MLM_EAGAIN, POSTGRES_LOST },
		{ "57014", MLM_EAGAIN,
			POSTGRES_CONFLICT }, /* cancelled, by a timeout or a person */
		{ "53100", MLM_EFULL, POSTGRES_FINAL },
		{ "53", MLM_EAGAIN, POSTGRES_LOST }, /* no memory, no connection left */
		{ "28", MLM_EAUTH, POSTGRES_FINAL },
		{ "3D", MLM_ENOTFOUND, POSTGRES_FINAL },
		{ "42501", MLM_EIO, POSTGRES_FINAL },
		{ "25006", MLM_EIO, POSTGRES_FINAL },
		{ "42", MLM_ECORRUPT, POSTGRES_FINAL },
		{ "23505", MLM_EEXISTS, POSTGRES_FINAL },
		{ "23", MLM_ECORRUPT, POSTGRES_FINAL },
		{ "22", MLM_EINVAL, POSTGRES_FINAL },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (has_class(state, known[i].class)) {
			*fault_out = known[i].fault;
			return known[i].status;
		}
	}
	*fault_out = POSTGRES_FINAL;
	return MLM_EPEER;
}

static mlm_status failed(
	struct postgres_store *store, const char *doing, const PGresult *result, mlm_error *err)
{
	char line[256];
	const char *state = result ? pq.PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	if (!state || pq.PQstatus(store->connection) != CONNECTION_OK) {
		first_line(pq.PQerrorMessage(store->connection), line);
		store->fault = POSTGRES_LOST;
		return error_set(err, MLM_EAGAIN, "postgresql",
			"%s: the connection to '%s' was lost: %s", doing, store->place, line);
	}
	const char *text = pq.PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	mlm_status status = status_of_state(state, &store->fault);
	return error_set(err, status, "postgresql", "%s in '%s': %s", doing, store->place,
		text ? text : state);
}

/* ---- the connection ---- */

static void ignore_notice(void *payload, const char *message)
{
	(void)payload;
	(void)message;
}

static mlm_status wait_for_connection(
	PGconn *connection, int64_t deadline_ns, PostgresPollingStatusType *polled_out)
{
	PostgresPollingStatusType polled = PGRES_POLLING_WRITING;
	while (polled == PGRES_POLLING_READING || polled == PGRES_POLLING_WRITING) {
		struct pollfd wait = {
			.fd = pq.PQsocket(connection),
			.events = polled == PGRES_POLLING_READING ? POLLIN : POLLOUT,
		};
		int64_t left_ms = (deadline_ns - clock_monotonic_ns()) / 1000000;
		if (left_ms <= 0)
			return MLM_ETIMEOUT;
		int ready = poll(&wait, 1, (int)left_ms);
		if (ready < 0 && errno != EINTR)
			return MLM_EIO;
		if (ready == 0)
			return MLM_ETIMEOUT;
		if (ready > 0)
			polled = pq.PQconnectPoll(connection);
	}
	*polled_out = polled;
	return MLM_OK;
}

static mlm_status connect_once(struct postgres_store *store, int64_t deadline_ns, mlm_error *err)
{
	/* What comes before the URI is for it to change. */
	const char *const names[] = { "fallback_application_name", "tcp_user_timeout",
		"keepalives_idle", "keepalives_interval", "keepalives_count", "dbname",
		"client_encoding", NULL };
	const char *const values[] = { "mlmanager", UNANSWERED_MS, ASK_S, ASK_AGAIN_S, ASK_TIMES,
		store->conninfo, "UTF8", NULL };
	PGconn *connection = pq.PQconnectStartParams(names, values, 1);
	if (!connection)
		return postgres_out_of_memory(err);
	pq.PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
	pq.PQsetNoticeProcessor(connection, ignore_notice, NULL);
	PostgresPollingStatusType polled = PGRES_POLLING_FAILED;
	mlm_status status = MLM_OK;
	if (pq.PQstatus(connection) != CONNECTION_BAD)
		status = wait_for_connection(connection, deadline_ns, &polled);
	if (status == MLM_OK && polled == PGRES_POLLING_OK) {
		store->connection = connection;
		return MLM_OK;
	}
	char state[6];
	char line[256];
	state_of_message(pq.PQerrorMessage(connection), state);
	first_line(pq.PQerrorMessage(connection), line);
	if (status != MLM_OK || !state[0]) {
		store->fault = POSTGRES_AWAY;
		if (status == MLM_ETIMEOUT)
			snprintf(line, sizeof(line), "no answer in time");
		status = MLM_EAGAIN;
	} else {
		status = status_of_state(state, &store->fault);
	}
	pq.PQfinish(connection);
	return error_set(
		err, status, "postgresql", "could not connect to '%s': %s", store->place, line);
}

static void pause_ms(uint32_t milliseconds)
{
	struct timespec pause = { .tv_sec = milliseconds / 1000,
		.tv_nsec = (long)(milliseconds % 1000) * 1000000 };
	nanosleep(&pause, NULL);
}

static uint32_t longer(uint32_t wait_ms)
{
	return wait_ms * 2 < RETRY_MS_MAX ? wait_ms * 2 : RETRY_MS_MAX;
}

static void give_back(struct postgres_store *store)
{
	/* One that was taken before a fork is the parent's. */
	if (store->connection && store->owner == getpid())
		postgres_pool_give(store->pool, store->connection);
	store->connection = NULL;
}

static void lose(struct postgres_store *store)
{
	if (store->connection && store->owner == getpid())
		postgres_pool_lose(store->pool, store->connection);
	store->connection = NULL;
}

/* Whatever the server's settings, numbers read back equal. */
static mlm_status set_up(struct postgres_store *store, mlm_error *err)
{
	mlm_status status = postgres_query(store, "could not set up the connection",
		"SET extra_float_digits = 1", NULL, NULL, err);
	if (status == MLM_OK)
		return MLM_OK;
	pq.PQfinish(store->connection);
	store->connection = NULL;
	return status;
}

static mlm_status connect_until(struct postgres_store *store, int64_t deadline_ns, mlm_error *err)
{
	uint32_t wait_ms = RETRY_MS_FIRST;
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status;
	for (;;) {
		status = connect_once(store, deadline_ns, &why);
		if (status == MLM_OK)
			status = set_up(store, &why);
		if (status == MLM_OK)
			return MLM_OK;
		bool may_come = store->fault == POSTGRES_LOST ||
				(store->fault == POSTGRES_AWAY && !store->is_opening);
		bool is_over = clock_monotonic_ns() + (int64_t)wait_ms * 1000000 >= deadline_ns;
		if (!may_come || is_over)
			break;
		pause_ms(wait_ms);
		wait_ms = longer(wait_ms);
	}
	if (err)
		*err = why;
	return status;
}

/* Gets the store a connection, unless it has one. */
static mlm_status take_connection(struct postgres_store *store, int64_t deadline_ns, mlm_error *err)
{
	int64_t away_ns = clock_monotonic_ns() + (int64_t)CONNECT_MS_MAX * 1000000;
	if (store->connection)
		return MLM_OK;
	if (!postgres_pool_take(store->pool, deadline_ns, &store->connection))
		return error_set(err, MLM_EAGAIN, "postgresql",
			"all %d connections of this process to '%s' are in use",
			POSTGRES_CONNECTIONS_MAX, store->place);
	store->owner = getpid();
	if (store->connection)
		return MLM_OK;
	mlm_status status =
		connect_until(store, deadline_ns < away_ns ? deadline_ns : away_ns, err);
	if (status != MLM_OK)
		postgres_pool_give(store->pool, NULL);
	return status;
}

/* ---- statements ---- */

mlm_status postgres_query_with(struct postgres_store *store, const char *doing, const char *sql,
	int count, const char *const *texts, const int *sizes, const int *formats, bool is_binary,
	PGresult **result_out, mlm_error *err)
{
	if (result_out)
		*result_out = NULL;
	PGresult *result = count < 0 ? pq.PQexec(store->connection, sql)
				     : pq.PQexecParams(store->connection, sql, count, NULL, texts,
					       sizes, formats, is_binary);
	ExecStatusType got = result ? pq.PQresultStatus(result) : PGRES_FATAL_ERROR;
	if (got != PGRES_TUPLES_OK && got != PGRES_COMMAND_OK) {
		mlm_status status = failed(store, doing, result, err);
		pq.PQclear(result);
		return status;
	}
	if (result_out)
		*result_out = result;
	else
		pq.PQclear(result);
	return MLM_OK;
}

mlm_status postgres_query(struct postgres_store *store, const char *doing, const char *sql,
	const struct postgres_values *values, PGresult **result_out, mlm_error *err)
{
	if (!values)
		return postgres_query_with(
			store, doing, sql, -1, NULL, NULL, NULL, false, result_out, err);
	return postgres_query_with(store, doing, sql, values->count, values->texts, values->sizes,
		values->formats, false, result_out, err);
}

mlm_status postgres_change(struct postgres_store *store, const char *doing, const char *sql,
	const struct postgres_values *values, int64_t *rows_out, mlm_error *err)
{
	PGresult *result;
	mlm_status status = postgres_query(store, doing, sql, values, &result, err);
	if (status != MLM_OK)
		return status;
	if (rows_out)
		*rows_out = strtoll(pq.PQcmdTuples(result), NULL, 10);
	pq.PQclear(result);
	return MLM_OK;
}

/* ---- transactions ---- */

/* Nobody who holds a lock is waited for longer than the store may wait. */
static mlm_status begin(struct postgres_store *store, bool is_write, mlm_error *err)
{
	char sql[128];
	uint32_t wait_ms = store->base.busy_timeout_ms;
	snprintf(sql, sizeof(sql), "BEGIN ISOLATION LEVEL %s; SET LOCAL lock_timeout = %d",
		is_write ? "READ COMMITTED READ WRITE" : "REPEATABLE READ READ ONLY",
		(int)(wait_ms == 0            ? 1
			: wait_ms < INT32_MAX ? wait_ms
					      : INT32_MAX));
	return postgres_query(store, "could not begin", sql, NULL, NULL, err);
}

static mlm_status attempt(struct postgres_store *store, bool is_write, postgres_body body,
	void *payload, mlm_error *err)
{
	mlm_status status = begin(store, is_write, err);
	if (status == MLM_OK)
		status = body(store, payload, err);
	if (status == MLM_OK) {
		status = postgres_query(store, "could not commit", "COMMIT", NULL, NULL, err);
		if (status != MLM_OK && store->fault == POSTGRES_LOST)
			store->is_retry = true;
		return status;
	}
	enum postgres_fault fault = store->fault;
	if (fault != POSTGRES_LOST && pq.PQtransactionStatus(store->connection) != PQTRANS_IDLE &&
		postgres_query(store, "", "ROLLBACK", NULL, NULL, NULL) != MLM_OK)
		lose(store);
	store->fault = fault;
	return status;
}

mlm_status postgres_transact(struct postgres_store *store, bool is_write, postgres_body body,
	void *payload, mlm_error *err)
{
	if (is_write && store->read_only)
		return error_set(err, MLM_EIO, "postgresql",
			"the database '%s' may only be read; nothing can be written to it",
			store->place);
	int64_t deadline_ns = clock_monotonic_ns() + (int64_t)store->base.busy_timeout_ms * 1000000;
	uint32_t wait_ms = RETRY_MS_FIRST;
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status;
	store->is_retry = false;
	for (;;) {
		status = take_connection(store, deadline_ns, &why);
		if (status != MLM_OK)
			break;
		store->fault = POSTGRES_FINAL;
		status = attempt(store, is_write, body, payload, &why);
		if (status == MLM_OK)
			break;
		if (store->fault == POSTGRES_LOST)
			lose(store);
		bool is_over = clock_monotonic_ns() + (int64_t)wait_ms * 1000000 >= deadline_ns;
		if (store->fault == POSTGRES_FINAL || is_over)
			break;
		pause_ms(wait_ms);
		wait_ms = longer(wait_ms);
	}
	give_back(store);
	if (status != MLM_OK && err)
		*err = why;
	return status;
}

mlm_status postgres_read_answer(
	struct store *base, struct arena *memory, postgres_body body, void *payload, mlm_error *err)
{
	if (!memory)
		return postgres_out_of_memory(err);
	mlm_status status = postgres_transact(postgres_store_of(base), false, body, payload, err);
	if (status != MLM_OK)
		arena_free(memory);
	return status;
}

/* ---- cells ---- */

const char *postgres_text(const PGresult *result, int row, int column)
{
	return pq.PQgetisnull(result, row, column) ? NULL : pq.PQgetvalue(result, row, column);
}

int64_t postgres_integer(const PGresult *result, int row, int column, int64_t null)
{
	const char *text = postgres_text(result, row, column);
	return text ? strtoll(text, NULL, 10) : null;
}

double postgres_real(const PGresult *result, int row, int column)
{
	const char *text = postgres_text(result, row, column);
	return text ? decimal_read(text, NULL) : 0;
}

bool postgres_boolean(const PGresult *result, int row, int column)
{
	const char *text = postgres_text(result, row, column);
	return text && text[0] == 't';
}

const char *postgres_copy(
	struct arena *arena, const PGresult *result, int row, int column, bool *failed_out)
{
	if (pq.PQgetisnull(result, row, column))
		return NULL;
	const char *copy = arena_copy(arena, pq.PQgetvalue(result, row, column),
		(size_t)pq.PQgetlength(result, row, column));
	if (!copy)
		*failed_out = true;
	return copy;
}
