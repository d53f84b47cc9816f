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
	mlm_delivery_fn report;
	void *payload;
	mlm_delivery_result result;
	uint64_t records; /* of the run under way */
	uint64_t points;
	uint64_t left; /* in this round */
	bool is_stopped;
};

static void count(struct delivering *delivering, const struct store_delivery *delivery)
{
	if (delivery->records < delivering->records) /* another run */
		delivering->records = delivering->points = 0;
	delivering->result.records += delivery->records - delivering->records;
	delivering->result.points += delivery->points - delivering->points;
	delivering->records = delivery->records;
	delivering->points = delivery->points;
	if (delivery->kind == STORE_DELIVERED || delivery->kind == STORE_LEFT)
		delivering->records = delivering->points = 0;
	delivering->result.runs += delivery->kind == STORE_DELIVERED;
	delivering->result.refused += delivery->kind == STORE_REFUSED;
	delivering->result.left += delivery->kind == STORE_LEFT;
}

static bool on_delivery(void *payload, const struct store_delivery *delivery)
{
	struct delivering *delivering = payload;
	count(delivering, delivery);
	const mlm_delivery_event event = {
		.kind = (mlm_delivery_kind)delivery->kind,
		.run_id = delivery->run_id ? delivery->run_id : "",
		.server_run_id = delivery->server_id,
		.name = delivery->name,
		.why = delivery->why ? delivery->why->message : "",
		.result = &delivering->result,
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

mlm_status mlm_manager_deliver(mlm_manager *manager, mlm_delivery_fn report, void *payload,
	mlm_delivery_result *result_out, mlm_error *err)
{
	struct delivering delivering = { .report = report, .payload = payload };
	if (result_out)
		*result_out = (mlm_delivery_result){ 0 };
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	if (manager->ops->deliver) {
		mlm_error why = MLM_ERROR_INIT;
		bool is_left = false;
		status = manager_settle_inside(manager, &is_left, &why, err);
		if (status == MLM_OK)
			status = adopt(manager, err);
		if (status == MLM_OK)
			status = deliver(manager, &delivering, err);
		if (status == MLM_OK && is_left) {
			status = MLM_EAGAIN;
			if (err)
				*err = why;
		}
	} else {
		status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
	}
	manager_leave(manager);
	if (result_out)
		*result_out = delivering.result;
	return status;
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
