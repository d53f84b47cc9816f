/* SPDX-License-Identifier: Apache-2.0 */
#include "core/transfer_make.h"

#include "check.h"
#include "store/faulty_store.h"
#include "store/store_directory.h"

static mlm_error err = MLM_ERROR_INIT;
static struct store *store;
static struct store_place place;
static struct transfer_lock lock;
static unsigned waits;

static const struct store_new_run new_run = {
	.run_id = "0123456789abcdef0123456789abcdef",
	.experiment_id = "0",
	.run_name = "made",
	.user_id = "ada",
	.source_name = "",
	.start_time_ms = 1,
	.may_exist = true,
};

/* What the server meets at one call. */
static unsigned fault_at;
static enum fault fault_then;

static enum fault meet_at(void)
{
	return faulty_calls == fault_at ? fault_then : FAULT_NONE;
}

static void begin(enum fault fault)
{
	static unsigned rooms;
	char name[32];
	snprintf(name, sizeof(name), "server%u.db", ++rooms);
	struct store_path uri = uri_of(name);
	const struct store_options options = { .uri = uri.text, .artifacts = "/none" };
	MUST(faulty_store_ops.open(&options, &store, &err));
	struct run_transfer transfer = { .options = { .report = NULL } };
	MUST(transfer_lock_take(&lock, &transfer, &place, &err));
	waits = 0;
	faulty_calls = 0;
	fault_at = 1;
	fault_then = fault;
	faulty_next = meet_at;
}

static void end(void)
{
	transfer_lock_release(&lock);
	faulty_store_ops.close(store);
}

static mlm_status make(mlm_transfer_fn report, char id_out[MLM_ID_SIZE])
{
	struct run_transfer transfer = { .options = { .report = report } };
	return transfer_make_run(store, &new_run, &transfer, &lock, id_out, &err);
}

static size_t made(void)
{
	const char *experiment_id = "0";
	mlm_query query = MLM_QUERY_INIT;
	mlm_run_list *list;
	query.experiment_ids = &experiment_id;
	query.experiment_count = 1;
	MUST(sqlite_store_ops.search_runs(faulty_inner(store), &query, &list, &err));
	size_t count = list->count;
	arena_free(list->memory);
	return count;
}

#define REPORT(name, what)                                               \
	static bool name(void *payload, const mlm_transfer_event *event) \
	{                                                                \
		(void)payload;                                           \
		CHECK_INT(event->kind, MLM_TRANSFER_PROGRESS);           \
		CHECK_CONTAINS(event->text, "waiting");                  \
		waits++;                                                 \
		what;                                                    \
		return waits < 50;                                       \
	}

REPORT(let_it_arrive, if (waits == 2) MUST(faulty_arrive(store, &err)))
REPORT(let_time_pass, lock.asked.since_ms -= STORE_SETTLE_MS)
REPORT(stop_it, waits = 50)

TEST(transfer_make_run__makes_it_once_and_finds_it_again)
{
	char first[MLM_ID_SIZE], second[MLM_ID_SIZE];
	begin(FAULT_NONE);
	MUST(make(NULL, first));
	MUST(make(NULL, second));
	CHECK_STRING(first, second);
	CHECK_INT(made(), 1);
	CHECK_STRING(lock.asked.run_id, "");
	end();
}

TEST(transfer_make_run__waits_for_a_request_that_is_under_way)
{
	char id[MLM_ID_SIZE];
	begin(FAULT_LATE);
	MUST(make(let_it_arrive, id));
	CHECK(id[0]);
	CHECK(waits >= 2);
	CHECK_INT(made(), 1);
	end();
}

TEST(transfer_make_run__asks_again_when_it_never_came)
{
	char id[MLM_ID_SIZE];
	begin(FAULT_LATE);
	MUST(make(let_time_pass, id));
	CHECK_INT(made(), 1);
	CHECK_INT(waits, 1);
	end();
}

TEST(transfer_make_run__eagain_and_estate_leave_what_is_known)
{
	char id[MLM_ID_SIZE];
	begin(FAULT_AWAY);
	CHECK_STATUS(make(NULL, id), MLM_EAGAIN);
	CHECK_STRING(lock.asked.run_id, "");
	end();
	begin(FAULT_LATE);
	CHECK_STATUS(make(stop_it, id), MLM_ESTATE);
	CHECK_STRING(lock.asked.run_id, new_run.run_id);
	end();
}

int main(void)
{
	directory_make();
	struct store_path path = path_of("journals");
	place.journal_dir = path.text;
	RUN(transfer_make_run__makes_it_once_and_finds_it_again);
	RUN(transfer_make_run__waits_for_a_request_that_is_under_way);
	RUN(transfer_make_run__asks_again_when_it_never_came);
	RUN(transfer_make_run__eagain_and_estate_leave_what_is_known);
	directory_remove();
	return check_done();
}
