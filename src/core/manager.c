/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/directory.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/patience.h"
#include "base/options.h"
#include "core/adoption.h"
#include "core/adoption_thread.h"

#define STORE_BUSY_MS   60000u /* how long a write waits for other writers */
#define FLUSHER_BUSY_MS 2000u /* it tries again by itself, and must hear of the end in time */
#define REMOTE_BUSY_MS  10000u /* how long a caller's request to a server is tried again */
/* What can be done without the server is tried again for so long, each time for so long. */
#define REMOTE_HURRY_MS    500u
#define REMOTE_REQUEST_MS  10000u
#define BEHIND_WAIT_MS     100u /* after a server has been waited for in vain */
#define JOURNAL_OPEN_TRIES 5

/* ---- every call's way in and out ---- */

mlm_status manager_refusal(mlm_manager *manager, mlm_error *err)
{
	if (!fork_guard_is_owner(manager->guard))
		return error_set(err, MLM_ESTATE, "manager",
			"this manager was opened before a fork and belongs to the parent process; "
			"open another one in the child");
	return error_set(err, MLM_ESTATE, "manager", "the manager is closed");
}

mlm_status manager_check(mlm_manager *manager, mlm_error *err)
{
	if (!manager)
		return error_set(err, MLM_ESTATE, "manager",
			"the manager is NULL; open one with mlm_manager_open()");
	if (!fork_guard_is_owner(manager->guard) || atomic_load(&manager->closed))
		return manager_refusal(manager, err);
	return MLM_OK;
}

mlm_status manager_enter(mlm_manager *manager, mlm_error *err)
{
	/* First, since in a child the mutex may be held by a thread that does not exist there. */
	mlm_status status = manager_check(manager, err);
	if (status != MLM_OK)
		return status;
	pthread_mutex_lock(&manager->mutex);
	if (!atomic_load(&manager->closed))
		return MLM_OK;
	pthread_mutex_unlock(&manager->mutex);
	return manager_refusal(manager, err);
}

mlm_status run_check(mlm_run *run, mlm_error *err)
{
	if (!run)
		return error_set(
			err, MLM_ESTATE, "run", "the run is NULL; start one with mlm_run_start()");
	return manager_check(run->manager, err);
}

mlm_status run_enter(mlm_run *run, mlm_error *err)
{
	mlm_status status = run_check(run, err);
	return status == MLM_OK ? manager_enter(run->manager, err) : status;
}

void manager_leave(mlm_manager *manager)
{
	pthread_mutex_unlock(&manager->mutex);
}

void manager_log(void *payload, mlm_log_level level, const char *line)
{
	mlm_manager *manager = payload;
	pthread_mutex_lock(&manager->log_mutex);
	manager->log(manager->log_payload, level, line);
	pthread_mutex_unlock(&manager->log_mutex);
}

/* ---- the journal and its flusher ---- */

static struct store_options options_of_store(const mlm_manager *manager, bool for_flusher)
{
	bool is_remote = manager->ops->is_remote;
	uint32_t flusher_ms = is_remote ? 0 : FLUSHER_BUSY_MS;
	uint32_t caller_ms = is_remote ? REMOTE_BUSY_MS : STORE_BUSY_MS;
	return (struct store_options){
		.uri = manager->place.address,
		.artifacts = manager->place.artifacts,
		.durability = manager->durability,
		.for_flusher = for_flusher,
		.inspect = manager->inspects,
		.allocator = &manager->allocator,
		.busy_timeout_ms = for_flusher ? flusher_ms : caller_ms,
		.spool = is_remote ? manager->place.journal_dir : NULL,
	};
}

struct artifact_options manager_artifact_options(const mlm_manager *manager, const char *uri)
{
	return (struct artifact_options){
		.uri = uri,
		.durability = manager->durability,
		.allocator = manager->allocator,
		.tracking_ops = manager->ops,
		.tracking = &manager->artifact_tracking,
	};
}

/* Whoever empties a journal directory removes it, so it may vanish between making and opening. */
static mlm_status open_journal(mlm_manager *manager, mlm_error *err)
{
	struct journal_options options = {
		.directory = manager->place.journal_dir,
		.store = manager->place.uri,
		.bytes_max = manager->journal_bytes_max,
		.on_full = manager->on_full,
		.durability = manager->durability,
		.guard = manager->guard,
		.allocator = &manager->allocator,
	};
	mlm_status status = MLM_OK;
	for (int i = 0; i < JOURNAL_OPEN_TRIES; i++) {
		int errnum = directory_make(options.directory);
		if (errnum != 0)
			return error_set_errno(err, errnum, "journal",
				"cannot make the journal's directory '%s'", options.directory);
		status = journal_open(&options, &manager->journal, err);
		if (status != MLM_ENOTFOUND)
			break;
	}
	return status;
}

/* A store that was opened to be looked at is opened again, to be written to. */
static mlm_status stop_inspecting(mlm_manager *manager, mlm_error *err)
{
	if (!manager->inspects)
		return MLM_OK;
	struct store_options options = options_of_store(manager, false);
	options.inspect = false;
	struct store *store = NULL;
	mlm_status status = manager->ops->open(&options, &store, err);
	if (status != MLM_OK)
		return status;
	manager->ops->close(manager->store);
	manager->store = store;
	manager->inspects = false;
	return MLM_OK;
}

static mlm_status refuse_read_only(const mlm_manager *manager, const char *what, mlm_error *err)
{
	return error_set(err, MLM_EIO, "store", "the store '%s' is read-only; nothing can be %s",
		manager->place.uri, what);
}

mlm_status manager_open_another(
	mlm_manager *manager, bool for_writing, struct store **store_out, mlm_error *err)
{
	*store_out = NULL;
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
	if (status == MLM_OK && for_writing)
		status = stop_inspecting(manager, err);
	if (status == MLM_OK && for_writing && manager->ops->is_read_only(manager->store))
		status = refuse_read_only(manager, "written to it", err);
	if (status == MLM_OK) {
		/* What is copied does not wait in a queue: it is copied again another time. */
		struct store_options options = options_of_store(manager, false);
		options.spool = NULL;
		status = manager->ops->open(&options, store_out, err);
	}
	manager_leave(manager);
	return status;
}

/* Also of what earlier processes have left. */
static mlm_status need_sender(mlm_manager *manager, mlm_error *err)
{
	const struct artifact_sender_options options = {
		.artifacts = manager_artifact_options(manager, NULL),
		.report = run_note_artifact,
		.payload = manager,
	};
	if (manager->sender || !manager->ops->deliver)
		return MLM_OK;
	return artifact_sender_open(&options, &manager->sender, err);
}

mlm_status manager_need_journal(mlm_manager *manager, mlm_error *err)
{
	if (manager->journal)
		return MLM_OK;
	mlm_status ready = stop_inspecting(manager, err);
	if (ready != MLM_OK)
		return ready;
	if (manager->ops->is_read_only(manager->store))
		return refuse_read_only(manager, "logged to it", err);
	mlm_status status = need_sender(manager, err);
	if (status == MLM_OK)
		status = open_journal(manager, err);
	if (status != MLM_OK)
		return status;
	struct flusher_options options = {
		.journal = manager->journal,
		.ops = manager->ops,
		.store = options_of_store(manager, true),
		.refused = run_note_refused,
		.delivered = run_note_delivery,
		.payload = manager,
	};
	status = flusher_open(&options, &manager->flusher, err);
	if (status != MLM_OK) {
		journal_close(manager->journal, true);
		journal_free(manager->journal);
		manager->journal = NULL;
	}
	return status;
}

mlm_status manager_flush_inside(mlm_manager *manager, uint32_t timeout_ms, mlm_error *err)
{
	if (!manager->flusher)
		return MLM_OK;
	return flusher_wait(manager->flusher, manager->store, journal_published(manager->journal),
		timeout_ms, err);
}

static bool can_be_away(const mlm_manager *manager)
{
	return manager->ops && manager->ops->deliver;
}

bool manager_is_away(const mlm_manager *manager, mlm_status status)
{
	return can_be_away(manager) && (status == MLM_EAGAIN || status == MLM_ETIMEOUT) &&
	       !patience_is_over();
}

void manager_hurry_begin(mlm_manager *manager)
{
	if (!manager->ops->is_remote)
		return;
	manager->store->busy_timeout_ms = REMOTE_HURRY_MS;
	manager->store->request_timeout_ms = REMOTE_REQUEST_MS;
}

void manager_hurry_end(mlm_manager *manager)
{
	if (!manager->ops->is_remote)
		return;
	manager->store->busy_timeout_ms = REMOTE_BUSY_MS;
	manager->store->request_timeout_ms = 0;
}

/* What is left of a wait that began then. */
static uint32_t left_of(uint32_t timeout_ms, int64_t begun_ns)
{
	int64_t spent_ms = (clock_monotonic_ns() - begun_ns) / 1000000;
	if (timeout_ms == MLM_FOREVER)
		return timeout_ms;
	return spent_ms < (int64_t)timeout_ms ? timeout_ms - (uint32_t)spent_ms : 0;
}

static uint32_t wait_of(const mlm_manager *manager)
{
	return manager->is_behind ? BEHIND_WAIT_MS : manager->server_wait_ms;
}

mlm_status manager_settle_inside(
	mlm_manager *manager, bool *left_out, mlm_error *why_out, mlm_error *err)
{
	*left_out = false;
	if (!can_be_away(manager))
		return manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
	mlm_status status = manager_flush_inside(manager, wait_of(manager), why_out);
	*left_out = manager_is_away(manager, status);
	if (status != MLM_OK && !*left_out && err)
		*err = *why_out;
	return *left_out ? MLM_OK : status;
}

/* Records first: artifacts want a run that is there. */
static mlm_status wait_delivered(
	mlm_manager *manager, bool with_artifacts, uint32_t timeout_ms, mlm_error *err)
{
	int64_t begun_ns = clock_monotonic_ns();
	mlm_status status = flusher_wait_delivered(manager->flusher, timeout_ms, err);
	if (status != MLM_OK || !with_artifacts || !manager->sender)
		return status;
	return artifact_sender_wait(manager->sender, left_of(timeout_ms, begun_ns), err);
}

bool manager_await_delivery_inside(mlm_manager *manager, const char *run_id, mlm_error *why_out)
{
	uint64_t bytes;
	if (!can_be_away(manager) || !manager->flusher)
		return true;
	/* What other runs have left, perhaps for ever, is not waited for. */
	bool with_artifacts = manager_count_staged(manager, run_id, &bytes) > 0;
	return wait_delivered(manager, with_artifacts, wait_of(manager), why_out) == MLM_OK;
}

mlm_status mlm_manager_flush(mlm_manager *manager, uint32_t timeout_ms, mlm_error *err)
{
	int64_t begun_ns = clock_monotonic_ns();
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = manager_flush_inside(manager, timeout_ms, err);
	if (status == MLM_OK && manager->flusher)
		status = wait_delivered(manager, true, left_of(timeout_ms, begun_ns), err);
	if (status == MLM_OK)
		status = run_take_remembered(manager, err);
	manager_leave(manager);
	return status;
}

/* ---- opening ---- */

static void log_to_stderr(void *payload, mlm_log_level level, const char *line)
{
	(void)payload;
	if (level == MLM_LOG_WARNING)
		fprintf(stderr, "mlmanager: %s\n", line);
}

static mlm_status check_options(const mlm_manager_options *options, mlm_error *err)
{
	const mlm_allocator *allocator = &options->allocator;
	bool has_all = allocator->allocate && allocator->reallocate && allocator->release;
	bool has_none = !allocator->allocate && !allocator->reallocate && !allocator->release;
	if (!has_all && !has_none)
		return error_set(err, MLM_EINVAL, "manager",
			"options.allocator has some of its functions; give allocate, reallocate "
			"and release, or none of them");
	if (options->journal_bytes_max && options->journal_bytes_max < JOURNAL_BYTES_MIN)
		return error_set(err, MLM_EINVAL, "manager",
			"journal_bytes_max is %llu; at least %llu bytes are needed",
			(unsigned long long)options->journal_bytes_max,
			(unsigned long long)JOURNAL_BYTES_MIN);
	if (options->durability != MLM_DURABILITY_PROCESS &&
		options->durability != MLM_DURABILITY_SYSTEM)
		return error_set(err, MLM_EINVAL, "manager",
			"durability is %d; it is one of enum mlm_durability",
			(int)options->durability);
	if (options->on_full != MLM_ON_FULL_ERROR && options->on_full != MLM_ON_FULL_BLOCK)
		return error_set(err, MLM_EINVAL, "manager",
			"on_full is %d; it is one of enum mlm_on_full", (int)options->on_full);
	return MLM_OK;
}

static mlm_status adopt_orphans(mlm_manager *manager, mlm_error *err)
{
	if (manager->ops->is_read_only(manager->store))
		return MLM_OK;
	if (manager->ops->is_remote) {
		const struct adoption_thread_options options = {
			.directory = manager->place.journal_dir,
			.ops = manager->ops,
			.store = options_of_store(manager, true),
			.log = manager_log,
			.log_payload = manager,
		};
		return adoption_thread_start(&options, &manager->adoption, err);
	}
	struct adoption_report report;
	mlm_status status = adoption_run(
		manager->place.journal_dir, manager->store, manager_log, manager, &report, err);
	if (status == MLM_OK)
		rmdir(manager->place.journal_dir); /* succeeds only when it is empty */
	return status;
}

static mlm_status follow_environment(mlm_manager *manager, mlm_error *err)
{
	const char *name = getenv("MLFLOW_EXPERIMENT_NAME");
	const char *id = getenv("MLFLOW_EXPERIMENT_ID");
	const char *run_id = getenv("MLFLOW_RUN_ID");
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = MLM_OK;
	const char *which = "MLFLOW_EXPERIMENT_NAME";
	if (name && name[0]) {
		status = mlm_experiment_set_active(manager, name, &why);
	} else if (id && id[0]) {
		which = "MLFLOW_EXPERIMENT_ID";
		status = mlm_experiment_set_active_id(manager, id, &why);
	}
	if (status == MLM_OK && run_id && run_id[0]) {
		which = "MLFLOW_RUN_ID";
		status = mlm_run_set_active(manager, run_id, NULL, &why);
	}
	if (status == MLM_OK)
		return MLM_OK;
	if (status == MLM_ENOTFOUND || status == MLM_ESTATE)
		status = MLM_EINVAL;
	return error_set(err, status, "manager", "environment variable %s: %s", which, why.message);
}

static mlm_status open_store(
	mlm_manager *manager, const mlm_manager_options *options, mlm_error *err)
{
	mlm_status status = store_place_resolve(options, &manager->place, err);
	if (status != MLM_OK)
		return status;
	status = store_ops_find(manager->place.uri, &manager->ops, err);
	if (status != MLM_OK)
		return status;
	if (manager->ops->is_remote)
		manager->ops = &spool_store_ops;
	if ((options->inspect || options->must_exist) && manager->place.path &&
		access(manager->place.path, F_OK) != 0)
		return error_set(err, MLM_ENOTFOUND, "manager", "there is no store '%s'",
			manager->place.path);
	if (manager->place.is_network)
		manager_log(manager, MLM_LOG_WARNING,
			"the store lies on a network file system: one host at a time may write to "
			"it; for several use a tracking server");
	struct store_options store_options = options_of_store(manager, false);
	store_options.must_exist = options->must_exist;
	status = manager->ops->open(&store_options, &manager->store, err);
	if (status != MLM_OK)
		return status;
	manager->artifact_tracking = options_of_store(manager, true);
	manager->artifact_tracking.busy_timeout_ms =
		manager->ops->is_remote ? REMOTE_BUSY_MS : STORE_BUSY_MS;
	if (!options->inspect)
		status = adopt_orphans(manager, err);
	if (status != MLM_OK || options->ignore_environment)
		return status;
	return follow_environment(manager, err);
}

static mlm_status open_manager(
	const mlm_manager_options *options, mlm_manager **manager_out, mlm_error *err)
{
	mlm_manager *manager = memory_new(&options->allocator, sizeof(*manager));
	if (!manager)
		return error_set(err, MLM_ENOMEM, "manager", "memory ran out");
	manager->allocator = options->allocator;
	mlm_status status = fork_guard_new(&manager->guard, err);
	if (status != MLM_OK) {
		memory_free(&options->allocator, manager);
		return status;
	}
	/* Recursive: ending a run logs its timers through the public calls. */
	pthread_mutexattr_t recursive;
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&manager->mutex, &recursive);
	pthread_mutexattr_destroy(&recursive);
	pthread_mutex_init(&manager->refused_mutex, NULL);
	pthread_mutex_init(&manager->log_mutex, NULL);
	manager->durability = options->durability;
	manager->on_full = options->on_full;
	manager->journal_bytes_max = options->journal_bytes_max ? options->journal_bytes_max
								: MLM_JOURNAL_BYTES_MAX_DEFAULT;
	manager->samples_system =
		options->system_metrics ||
		environment_is_true(getenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"));
	manager->inspects = options->inspect;
	manager->server_wait_ms =
		options->server_wait_ms ? options->server_wait_ms : MLM_SERVER_WAIT_MS_DEFAULT;
	manager->log = options->log ? options->log : log_to_stderr;
	manager->log_payload = options->log_payload;
	status = open_store(manager, options, err);
	if (status != MLM_OK) {
		mlm_manager_free(manager);
		return status;
	}
	*manager_out = manager;
	return MLM_OK;
}

mlm_status mlm_manager_open(
	const mlm_manager_options *options, mlm_manager **manager_out, mlm_error *err)
{
	if (!manager_out)
		return error_set_null(err, "manager", "manager_out");
	static const struct options_layout layout =
		OPTIONS_LAYOUT(mlm_manager_options, server_wait_ms);
	mlm_manager_options taken;
	*manager_out = NULL;
	mlm_status status = options_take(&taken, options, &layout, err);
	if (status == MLM_OK)
		status = check_options(&taken, err);
	return status == MLM_OK ? open_manager(&taken, manager_out, err) : status;
}

const char *mlm_manager_store(const mlm_manager *manager)
{
	return manager ? manager->place.uri : NULL;
}

/* ---- closing ---- */

static void keep_first(mlm_status *first, mlm_error *err, mlm_status status, const mlm_error *why)
{
	if (*first != MLM_OK || status == MLM_OK)
		return;
	*first = status;
	if (err)
		*err = *why;
}

/* Ends one run of a manager that closes. *left_out: the store would not. */
static mlm_status end_run(mlm_run *run, mlm_run_status status, bool *left_out, mlm_error *err)
{
	mlm_status result = run_end_inside(run, status, err);
	if (atomic_load(&run->is_open)) {
		*left_out = *left_out || run->started_here;
		run_leave_stack(run);
	}
	return result;
}

static mlm_status end_runs(
	mlm_manager *manager, mlm_run_status end_status, bool *left_out, mlm_error *err)
{
	mlm_status first = MLM_OK;
	mlm_error why = MLM_ERROR_INIT;
	/* From the top, then those that set_active put aside. One that the store would not end has
	 * waited for it as long as a call may. */
	while (manager->active && !*left_out) {
		mlm_run *run = manager->active;
		mlm_status status = end_run(
			run, run->started_here ? end_status : MLM_RUN_UNCHANGED, left_out, &why);
		keep_first(&first, err, status, &why);
	}
	for (mlm_run *run = manager->runs; run && !*left_out; run = run->next)
		if (run->started_here && atomic_load(&run->is_open))
			keep_first(&first, err, end_run(run, end_status, left_out, &why), &why);
	return first;
}

/* Whatever is still open: what the store did not take, the journal tells the next opener. */
static void abandon_runs(mlm_manager *manager, bool *left_out)
{
	for (mlm_run *run = manager->runs; run; run = run->next) {
		system_metrics_stop(run->system_metrics);
		run->system_metrics = NULL;
		if (!atomic_load(&run->is_open))
			continue;
		*left_out = *left_out || run->started_here;
		run_leave_stack(run);
	}
}

static mlm_status close_journal(mlm_manager *manager, bool keeps, uint32_t wait_ms, mlm_error *err)
{
	if (!manager->journal)
		return MLM_OK;
	mlm_status status = manager_flush_inside(manager, wait_ms, err);
	/* Who ended the runs has said what is left. */
	bool is_away = manager_is_away(manager, status);
	flusher_close(manager->flusher, true);
	manager->flusher = NULL;
	char id[JOURNAL_ID_HEX + 1];
	memcpy(id, manager->journal->id_hex, sizeof(id));
	bool is_empty = status == MLM_OK && !keeps;
	bool has_drained = atomic_load(&manager->journal->drained) > JOURNAL_HEADER_BYTES;
	journal_close(manager->journal, is_empty);
	if (!is_empty)
		return is_away ? MLM_OK : status;
	rmdir(manager->place.journal_dir); /* succeeds only when it is empty */
	if (has_drained && manager->ops->forget_journal)
		manager->ops->forget_journal(manager->store, id, NULL);
	return MLM_OK;
}

mlm_status mlm_manager_close(mlm_manager *manager, int end_status, mlm_error *err)
{
	if (!manager)
		return MLM_OK;
	if (!fork_guard_is_owner(manager->guard)) {
		/* The connections are the parent's: closing one here would take its files from
		 * under it. The child gives back what is only its own copy. */
		atomic_store(&manager->closed, true);
		return MLM_OK;
	}
	pthread_mutex_lock(&manager->mutex);
	mlm_status first = MLM_OK;
	if (!atomic_load(&manager->closed)) {
		mlm_error why = MLM_ERROR_INIT;
		uint32_t wait_ms = MANAGER_CLOSE_WAIT_MS;
		mlm_status status = MLM_OK;
		/* First, so that a store that is held costs these seconds and no more. One that is
		 * away takes the end of runs all the same. */
		if (!can_be_away(manager)) {
			status = manager_flush_inside(manager, wait_ms, &why);
			wait_ms = status == MLM_OK ? wait_ms : 0;
		}
		bool left = false;
		if (status == MLM_OK)
			status = end_runs(manager, (mlm_run_status)end_status, &left, &why);
		keep_first(&first, err, status, &why);
		abandon_runs(manager, &left);
		manager_tell_staged(manager);
		if (can_be_away(manager))
			wait_ms = manager->is_behind ? 0 : manager->server_wait_ms;
		status = close_journal(manager, left, wait_ms, &why);
		keep_first(&first, err, status, &why);
		status = run_take_remembered(manager, &why);
		keep_first(&first, err, status, &why);
		artifact_sender_close(manager->sender);
		manager->sender = NULL;
		adoption_thread_stop(manager->adoption);
		manager->adoption = NULL;
		if (manager->store)
			manager->ops->close(manager->store);
		manager->store = NULL;
		manager->experiment_id[0] = '\0';
		atomic_store(&manager->closed, true);
	}
	pthread_mutex_unlock(&manager->mutex);
	return first;
}

void mlm_manager_free(mlm_manager *manager)
{
	if (!manager)
		return;
	bool is_owner = fork_guard_is_owner(manager->guard);
	mlm_manager_close(manager, 0, NULL);
	if (!is_owner) {
		journal_close(manager->journal, false);
		/* Its connection was closed by the fork. */
		if (manager->store)
			manager->ops->close(manager->store);
	} else {
		pthread_mutex_destroy(&manager->mutex);
		pthread_mutex_destroy(&manager->refused_mutex);
		pthread_mutex_destroy(&manager->log_mutex);
	}
	journal_free(manager->journal);
	for (mlm_run *run = manager->runs; run;) {
		mlm_run *next = run->next;
		run_free(run);
		run = next;
	}
	fork_guard_free(manager->guard);
	store_place_clear(&manager->place);
	mlm_allocator allocator = manager->allocator;
	memory_free(&allocator, manager);
}

/* ---- doctor ---- */

struct doctor_log {
	mlm_doctor_fn report;
	void *payload;
};

static void report_adoption(void *payload, mlm_log_level level, const char *line)
{
	const struct doctor_log *doctor = payload;
	doctor->report(doctor->payload, level == MLM_LOG_INFO, line);
}

mlm_status mlm_manager_doctor(
	mlm_manager *manager, bool repair, mlm_doctor_fn report, void *payload, mlm_error *err)
{
	if (!report)
		return error_set_null(err, "manager", "report");
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	if (!manager->ops->check) {
		manager_leave(manager);
		return error_set(err, MLM_EUNSUPPORTED, "manager",
			"the store '%s' is a server's, which looks after it; doctor checks "
			"databases",
			manager->place.uri);
	}
	status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
	if (status == MLM_OK && repair)
		status = stop_inspecting(manager, err);
	if (status == MLM_OK && repair && !manager->ops->is_read_only(manager->store)) {
		/* Owners may have died since this manager was opened. */
		struct doctor_log doctor = { report, payload };
		struct adoption_report adopted;
		status = adoption_run(manager->place.journal_dir, manager->store, report_adoption,
			&doctor, &adopted, err);
	} else if (status == MLM_OK) {
		status = adoption_report_orphans(manager->place.journal_dir, report, payload, err);
	}
	if (status == MLM_OK)
		status = adoption_report_damaged(manager->place.journal_dir, report, payload, err);
	if (status == MLM_OK)
		status = manager->ops->check(manager->store, repair, report, payload, err);
	manager_leave(manager);
	return status;
}
