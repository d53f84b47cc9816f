/* SPDX-License-Identifier: Apache-2.0 */
#include "mlmanager/delivery.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/memory.h"
#include "core/adoption.h"
#include "core/adoption_thread.h"
#include "core/manager.h"
#include "core/store_uri.h"

#define LOOK_AGAIN_MS 50 /* while another process is sending */

struct delivering {
	struct staged_delivery *artifacts;
	mlm_delivery_fn report;
	void *payload;
	mlm_delivery_result result;
	uint64_t records; /* of the run under way */
	uint64_t points;
	uint64_t left; /* in this round */
	bool is_stopped;
};

/* Whether the server has all of the run now. */
static bool is_whole(const struct delivering *delivering, const struct store_delivery *delivery)
{
	size_t left;
	uint64_t bytes;
	if (delivery->kind != STORE_DELIVERED)
		return false;
	staged_delivery_count(delivering->artifacts, delivery->run_id, &left, &bytes);
	return left == 0;
}

static void count(
	struct delivering *delivering, const struct store_delivery *delivery, bool is_whole_run)
{
	if (delivery->records < delivering->records) /* another run */
		delivering->records = delivering->points = 0;
	delivering->result.records += delivery->records - delivering->records;
	delivering->result.points += delivery->points - delivering->points;
	delivering->records = delivery->records;
	delivering->points = delivery->points;
	if (delivery->kind == STORE_DELIVERED || delivery->kind == STORE_LEFT)
		delivering->records = delivering->points = 0;
	delivering->result.runs += is_whole_run;
	delivering->result.refused += delivery->kind == STORE_REFUSED;
	delivering->result.left += delivery->kind == STORE_LEFT;
}

static bool on_delivery(void *payload, const struct store_delivery *delivery)
{
	struct delivering *delivering = payload;
	bool is_whole_run = is_whole(delivering, delivery);
	bool is_part = delivery->kind == STORE_DELIVERED && !is_whole_run;
	count(delivering, delivery, is_whole_run);
	const mlm_delivery_event event = {
		.kind = is_part ? MLM_DELIVERY_PROGRESS : (mlm_delivery_kind)delivery->kind,
		.run_id = delivery->run_id ? delivery->run_id : "",
		.server_run_id = delivery->server_id,
		.name = delivery->name,
		.total_bytes = -1,
		.why = delivery->why ? delivery->why->message : "",
		.result = &delivering->result,
	};
	delivering->is_stopped =
		delivering->report && !delivering->report(delivering->payload, &event);
	return !delivering->is_stopped;
}

static mlm_delivery_kind kind_of(enum staged_event_kind kind)
{
	return kind == STAGED_REFUSED    ? MLM_DELIVERY_REFUSED
	       : kind == STAGED_LEFT     ? MLM_DELIVERY_LEFT
	       : kind == STAGED_RUN_SENT ? MLM_DELIVERY_RUN
					 : MLM_DELIVERY_PROGRESS;
}

static bool on_artifact(void *payload, const struct staged_event *told)
{
	struct delivering *delivering = payload;
	mlm_delivery_result *result = &delivering->result;
	char name[MLM_ARTIFACT_PATH_MAX + 16] = "";
	char why[2 * MLM_ERROR_MESSAGE_SIZE] = "";
	result->runs += told->kind == STAGED_RUN_SENT;
	result->artifacts += told->kind == STAGED_SENT;
	result->artifact_bytes += told->kind == STAGED_SENT ? (uint64_t)told->size_bytes : 0;
	result->refused += told->kind == STAGED_REFUSED && !told->was_refused;
	result->kept += told->kind == STAGED_REFUSED && told->was_refused;
	result->left += told->kind == STAGED_LEFT && told->is_first;
	if (told->path[0])
		snprintf(name, sizeof(name), "artifact '%s'", told->path);
	if (told->why)
		snprintf(why, sizeof(why), "%s", told->why->message);
	if (told->kind == STAGED_REFUSED && told->file[0])
		snprintf(why + strlen(why), sizeof(why) - strlen(why), "; it stays in '%s'",
			told->file);
	const mlm_delivery_event event = {
		.kind = kind_of(told->kind),
		.run_id = told->run_id,
		.server_run_id = told->server_id,
		.name = name,
		.done_bytes = told->done_bytes,
		.total_bytes = told->kind == STAGED_SENDING ? told->size_bytes : -1,
		.why = why,
		.result = result,
	};
	delivering->is_stopped =
		delivering->report && !delivering->report(delivering->payload, &event);
	return !delivering->is_stopped;
}

/* Journals first: what they hold of runs that wait goes into the queue, behind these. */
static mlm_status adopt(mlm_manager *manager, mlm_error *err)
{
	struct adoption_report report;
	adoption_thread_stop(manager->adoption);
	manager->adoption = NULL;
	return adoption_run(
		manager->place.journal_dir, manager->store, manager_log, manager, &report, err);
}

static mlm_status deliver(mlm_manager *manager, struct delivering *delivering, mlm_error *err)
{
	static const struct timespec pause = { .tv_nsec = LOOK_AGAIN_MS * 1000000 };
	bool is_taken = true;
	mlm_status status = MLM_OK;
	while (is_taken) {
		mlm_error why = MLM_ERROR_INIT;
		status = manager->ops->deliver(
			manager->store, on_delivery, delivering, &is_taken, &why);
		if (status != MLM_OK && !is_taken && err)
			*err = why;
		if (is_taken)
			nanosleep(&pause, NULL);
	}
	return status;
}

static mlm_status deliver_artifacts(struct delivering *delivering, mlm_error *err)
{
	static const struct timespec pause = { .tv_nsec = LOOK_AGAIN_MS * 1000000 };
	for (;;) {
		bool is_taken;
		mlm_error why = MLM_ERROR_INIT;
		mlm_status status = staged_delivery_run(
			delivering->artifacts, on_artifact, delivering, &is_taken, &why);
		if (!is_taken) {
			if (status != MLM_OK && err)
				*err = why;
			return status;
		}
		nanosleep(&pause, NULL);
	}
}

static mlm_status deliver_records(
	mlm_manager *manager, struct delivering *delivering, mlm_error *err)
{
	mlm_error why = MLM_ERROR_INIT;
	bool is_left = false;
	mlm_status status = manager_settle_inside(manager, &is_left, &why, err);
	if (status == MLM_OK)
		status = adopt(manager, err);
	if (status == MLM_OK)
		status = deliver(manager, delivering, err);
	if (status == MLM_OK && is_left) {
		status = MLM_EAGAIN;
		if (err)
			*err = why;
	}
	return status;
}

mlm_status mlm_manager_deliver(mlm_manager *manager, mlm_delivery_fn report, void *payload,
	mlm_delivery_result *result_out, mlm_error *err)
{
	struct delivering delivering = { .report = report, .payload = payload };
	if (result_out)
		*result_out = (mlm_delivery_result){ 0 };
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	if (!manager->ops->deliver) {
		status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
		manager_leave(manager);
		return status;
	}
	const struct artifact_options options = manager_artifact_options(manager, NULL);
	status = staged_delivery_open(&options, &delivering.artifacts, err);
	if (status == MLM_OK)
		status = staged_delivery_tell_refused(
			delivering.artifacts, on_artifact, &delivering, err);
	if (status == MLM_OK)
		status = deliver_records(manager, &delivering, err);
	manager_leave(manager);
	/* Records first, since artifacts want a run that is there; records that wait hold none of a
	 * run up that is. Outside, since a file may take minutes. */
	if (status == MLM_OK || (status == MLM_EAGAIN && !delivering.is_stopped)) {
		mlm_status sent = deliver_artifacts(&delivering, status == MLM_OK ? err : NULL);
		status = status == MLM_OK ? sent : status;
	}
	staged_delivery_close(delivering.artifacts);
	if (result_out)
		*result_out = delivering.result;
	return status;
}

size_t manager_count_staged(mlm_manager *manager, const char *run_id, uint64_t *bytes_out)
{
	struct staged_delivery *delivery;
	struct artifact_options options = manager_artifact_options(manager, NULL);
	size_t count = 0;
	*bytes_out = 0;
	if (staged_delivery_open(&options, &delivery, NULL) != MLM_OK)
		return 0;
	staged_delivery_count(delivery, run_id, &count, bytes_out);
	staged_delivery_close(delivery);
	return count;
}

void manager_describe_staged(mlm_manager *manager, char *text_out, size_t size)
{
	static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB" };
	uint64_t bytes;
	size_t count = manager_count_staged(manager, NULL, &bytes);
	double amount = (double)bytes;
	size_t unit = 0;
	for (; amount >= 999.5 && unit < 4; unit++)
		amount /= 1000;
	manager->staged_told = count;
	text_out[0] = '\0';
	if (count > 0)
		snprintf(text_out, size, "%zu artifact%s (%.*f %s)", count, count == 1 ? "" : "s",
			unit && amount < 9.95 ? 1 : 0, amount, units[unit]);
}

void manager_tell_staged(mlm_manager *manager)
{
	char artifacts[64];
	char line[2 * MLM_ERROR_MESSAGE_SIZE];
	uint64_t bytes;
	if (!manager->is_behind ||
		manager_count_staged(manager, NULL, &bytes) <= manager->staged_told)
		return;
	manager_describe_staged(manager, artifacts, sizeof(artifacts));
	snprintf(line, sizeof(line), "%s wait in '%s' for the server %s", artifacts,
		manager->place.journal_dir, manager->place.uri);
	manager_log(manager, MLM_LOG_WARNING, line);
}

/* ---- all servers ---- */

/* The store that a journal's head, or the spool's lock, names. "" when it names none. */
static void read_store(const char *path, char *store_out, size_t size)
{
	char line[4096];
	FILE *file = fopen(path, "re");
	store_out[0] = '\0';
	while (file && !store_out[0] && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "store ", 6) == 0)
			snprintf(store_out, size, "%s", line + 6);
	}
	if (file)
		fclose(file);
}

/* What a directory of journals belongs to. */
static void find_store(const char *directory, char *store_out, size_t size)
{
	DIR *entries = opendir(directory);
	store_out[0] = '\0';
	if (!entries)
		return;
	for (struct dirent *entry; !store_out[0] && (entry = readdir(entries));) {
		const char *end = strrchr(entry->d_name, '.');
		if (strcmp(entry->d_name, STORE_SPOOL_LOCK) != 0 &&
			!(end && strcmp(end, ".head") == 0))
			continue;
		char *path = memory_format(NULL, "%s/%s", directory, entry->d_name);
		if (path)
			read_store(path, store_out, size);
		memory_free(NULL, path);
	}
	closedir(entries);
}

mlm_status mlm_delivery_servers(
	void (*visit)(void *payload, const char *store), void *payload, mlm_error *err)
{
	char store[4096];
	if (!visit)
		return error_set_null(err, "delivery", "visit");
	char *root = store_state_directory(NULL);
	if (!root)
		return error_set(err, MLM_ENOMEM, "delivery", "memory ran out");
	DIR *entries = opendir(root);
	mlm_status status = MLM_OK;
	if (!entries && errno != ENOENT)
		status = error_set_errno(err, errno, "delivery", "cannot read '%s'", root);
	for (struct dirent *entry; entries && (entry = readdir(entries));) {
		if (entry->d_name[0] == '.')
			continue;
		char *path = memory_format(NULL, "%s/%s", root, entry->d_name);
		if (!path) {
			status = error_set(err, MLM_ENOMEM, "delivery", "memory ran out");
			break;
		}
		find_store(path, store, sizeof(store));
		memory_free(NULL, path);
		if (strncmp(store, "http", 4) == 0)
			visit(payload, store);
	}
	if (entries)
		closedir(entries);
	memory_free(NULL, root);
	return status;
}
