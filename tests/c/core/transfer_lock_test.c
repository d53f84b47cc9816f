/* SPDX-License-Identifier: Apache-2.0 */
#include "core/transfer_lock.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "store/store_directory.h"

static mlm_error err = MLM_ERROR_INIT;
static struct store_place place;
static struct transfer_lock lock;
static int waits;

/* Of who has waited twice: the holder is done. */
static bool release_it(void *payload, const mlm_transfer_event *event)
{
	(void)payload;
	CHECK_INT(event->kind, MLM_TRANSFER_PROGRESS);
	CHECK_CONTAINS(event->text, "another transfer");
	if (++waits == 2)
		transfer_lock_release(&lock);
	return true;
}

static bool stop_it(void *payload, const mlm_transfer_event *event)
{
	(void)payload;
	(void)event;
	return false;
}

static mlm_status take(struct transfer_lock *taken, mlm_transfer_fn report)
{
	struct run_transfer transfer = { .options = { .report = report } };
	return transfer_lock_take(taken, &transfer, &place, &err);
}

TEST(transfer_lock_take__waits_until_the_other_is_done_and_leaves_nothing)
{
	struct transfer_lock second;
	MUST(take(&lock, NULL));
	MUST(take(&second, release_it));
	CHECK_INT(waits, 2);
	CHECK(access(place.journal_dir, F_OK) == 0);
	transfer_lock_release(&second);
	CHECK(access(place.journal_dir, F_OK) != 0);
	transfer_lock_release(&second);
}

TEST(transfer_lock_take__estate_when_the_caller_waits_no_more)
{
	struct transfer_lock second;
	MUST(take(&lock, NULL));
	CHECK_STATUS(take(&second, stop_it), MLM_ESTATE);
	transfer_lock_release(&second);
	CHECK(access(lock.path, F_OK) == 0);
	transfer_lock_release(&lock);
}

TEST(transfer_lock_take__takes_the_lock_of_the_dead)
{
	int how;
	pid_t child = fork();
	if (child == 0) {
		MUST(take(&lock, NULL));
		kill(getpid(), SIGKILL);
	}
	CHECK(waitpid(child, &how, 0) == child && WIFSIGNALED(how));
	MUST(take(&lock, stop_it));
	transfer_lock_release(&lock);
	CHECK(access(place.journal_dir, F_OK) != 0);
}

TEST(transfer_lock_ask__is_known_to_who_comes_after_a_kill)
{
	int how;
	pid_t child = fork();
	if (child == 0) {
		MUST(take(&lock, NULL));
		MUST(transfer_lock_ask(&lock, "feed", &err));
		kill(getpid(), SIGKILL);
	}
	CHECK(waitpid(child, &how, 0) == child && WIFSIGNALED(how));
	MUST(take(&lock, stop_it));
	CHECK(transfer_lock_is_unsettled(&lock, "feed"));
	CHECK(!transfer_lock_is_unsettled(&lock, "beef"));
	/* Nor does who ends without an answer forget it. */
	transfer_lock_release(&lock);
	MUST(take(&lock, stop_it));
	CHECK(transfer_lock_is_unsettled(&lock, "feed"));
	lock.asked.since_ms -= STORE_SETTLE_MS;
	CHECK(!transfer_lock_is_unsettled(&lock, "feed"));
	lock.asked.since_ms += STORE_SETTLE_MS;
	transfer_lock_answered(&lock);
	CHECK(!transfer_lock_is_unsettled(&lock, "feed"));
	transfer_lock_release(&lock);
	CHECK(access(place.journal_dir, F_OK) != 0);
}

TEST(transfer_lock_take__eio_where_nothing_can_be_made)
{
	char directory_in_file[] = "/dev/null/journals";
	struct store_place nowhere = { .journal_dir = directory_in_file };
	struct run_transfer transfer = { .result = { 0 } };
	CHECK_STATUS(transfer_lock_take(&lock, &transfer, &nowhere, &err), MLM_EIO);
	CHECK_CONTAINS(err.message, "/dev/null/journals");
	transfer_lock_release(&lock);
}

int main(void)
{
	directory_make();
	struct store_path path = path_of("journals");
	place.journal_dir = path.text;
	RUN(transfer_lock_take__waits_until_the_other_is_done_and_leaves_nothing);
	RUN(transfer_lock_take__estate_when_the_caller_waits_no_more);
	RUN(transfer_lock_take__takes_the_lock_of_the_dead);
	RUN(transfer_lock_ask__is_known_to_who_comes_after_a_kill);
	RUN(transfer_lock_take__eio_where_nothing_can_be_made);
	directory_remove();
	return check_done();
}
