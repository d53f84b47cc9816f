/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mlruns.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "artifact/beneath.h"
#include "artifact/local_uri.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/yaml.h"
#include "core/mlruns_file.h"

#define TRASH         ".trash"
#define OWN           "mlmanager"
#define KEY_DEPTH_MAX 64 /* slashes in a key */
#define LEVELS_MAX    8 /* directories above mlruns/ in an archive */

static struct mlruns_source *source_of(struct transfer_source *base)
{
	return (struct mlruns_source *)base;
}

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "mlruns", "memory ran out");
}

static int open_directory(int parent, const char *name)
{
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* meta.yaml of a directory; *found_out false where there is none. name is for messages. */
static mlm_status read_meta(int directory, const char *name, struct arena *arena,
	struct yaml_map *meta_out, bool *found_out, mlm_error *err)
{
	char shown[300];
	const char *text;
	size_t size;
	*found_out = false;
	mlm_status status = mlruns_read_file(directory, "meta.yaml", arena, &text, &size, err);
	if (status != MLM_OK || !text)
		return status;
	*found_out = true;
	snprintf(shown, sizeof(shown), "%s/meta.yaml", name);
	return yaml_read(text, size, shown, arena, meta_out, err);
}

static int64_t number_of(const char *text, int64_t missing)
{
	char *end;
	if (!text || !text[0])
		return missing;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	return *end || errno ? missing : number;
}

/* ---- keys ---- */

struct keyed {
	const char *key;
	const char *path; /* of its file, below the run or experiment */
};

struct keys {
	struct keyed *items;
	size_t count;
	size_t capacity;
};

static mlm_status add_key(
	struct keys *keys, const char *key, const char *path, struct arena *arena, mlm_error *err)
{
	if (keys->count == keys->capacity) {
		size_t capacity = keys->capacity ? keys->capacity * 2 : 32;
		struct keyed *items = arena_array(arena, capacity, sizeof(*items));
		if (!items)
			return no_memory(err);
		if (keys->count > 0)
			memcpy(items, keys->items, keys->count * sizeof(*items));
		keys->items = items;
		keys->capacity = capacity;
	}
	struct keyed *item = &keys->items[keys->count];
	*item = (struct keyed){ arena_string(arena, key), arena_string(arena, path) };
	if (!item->key || !item->path)
		return no_memory(err);
	keys->count++;
	return MLM_OK;
}

/* The files of a directory and of those in it; path is the directory's, the key's part of it begins
 * at key_start. */
static mlm_status find_keys(struct mlruns_source *source, int directory, const char *path,
	size_t key_start, int depth, struct keys *keys, struct arena *arena, mlm_error *err)
{
	struct mlruns_names names;
	mlm_status status = mlruns_list_names(directory, arena, &names, err);
	for (size_t i = 0; i < names.count && status == MLM_OK; i++) {
		struct stat about;
		char *below = memory_format(
			source->base.transfer->allocator, "%s/%s", path, names.items[i]);
		if (!below)
			return no_memory(err);
		if (fstatat(directory, names.items[i], &about, AT_SYMLINK_NOFOLLOW) != 0)
			about.st_mode = 0;
		if (S_ISREG(about.st_mode)) {
			status = add_key(keys, below + key_start, below, arena, err);
		} else if (S_ISDIR(about.st_mode) && depth < KEY_DEPTH_MAX) {
			int fd = open_directory(directory, names.items[i]);
			status = find_keys(
				source, fd, below, key_start, depth + 1, keys, arena, err);
			close_fd(&fd);
		} else {
			status = run_transfer_problem(source->base.transfer, err,
				"'%.300s' is left out: it is neither a file nor a directory",
				below);
		}
		memory_free(source->base.transfer->allocator, below);
	}
	return status;
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Decodes the key in the first line of one of our own files, in place. Returns what follows the
 * line, or NULL where there is no such line. */
static const char *decode_key(char *text)
{
	char *end = strchr(text, '\n');
	if (!end || end == text)
		return NULL;
	*end = '\0';
	char *out = text;
	for (const char *c = text; *c; c++) {
		int high = *c == '%' ? digit_of(c[1]) : -1;
		int low = high >= 0 ? digit_of(c[2]) : -1;
		*out++ = low >= 0 ? (char)(high * 16 + low) : *c;
		c += low >= 0 ? 2 : 0;
	}
	*out = '\0';
	return end + 1;
}

#define KEY_LINE_MAX 4096u /* bytes of an encoded key */

/* Those of our own directory, whose keys are in the files. */
static mlm_status find_own_keys(struct mlruns_source *source, const char *kind, struct keys *keys,
	struct arena *arena, mlm_error *err)
{
	char path[64];
	struct mlruns_names names;
	snprintf(path, sizeof(path), OWN "/%s", kind);
	int directory = beneath_open_by_parts(source->run, path, O_RDONLY | O_DIRECTORY);
	mlm_status status = mlruns_list_names(directory, arena, &names, err);
	for (size_t i = 0; i < names.count && status == MLM_OK; i++) {
		char line[KEY_LINE_MAX + 1];
		char below[512];
		int fd = openat(
			directory, names.items[i], O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
		ssize_t got = fd >= 0 ? read(fd, line, KEY_LINE_MAX) : -1;
		close_fd(&fd);
		line[got > 0 ? got : 0] = '\0';
		bool is_key = decode_key(line) != NULL &&
			      snprintf(below, sizeof(below), "%s/%s", path, names.items[i]) <
				      (int)sizeof(below);
		status = is_key ? add_key(keys, line, below, arena, err)
				: run_transfer_problem(source->base.transfer, err,
					  "'%s/%.200s' is left out: its first line is no key", path,
					  names.items[i]);
	}
	close_fd(&directory);
	return status;
}

static bool is_own(const struct keyed *keyed)
{
	return strncmp(keyed->path, OWN "/", strlen(OWN "/")) == 0;
}

static mlm_status find_all_keys(struct mlruns_source *source, const char *kind, struct keys *keys,
	struct arena *arena, mlm_error *err)
{
	*keys = (struct keys){ NULL, 0, 0 };
	int directory = open_directory(source->run, kind);
	mlm_status status =
		find_keys(source, directory, kind, strlen(kind) + 1, 0, keys, arena, err);
	close_fd(&directory);
	return status == MLM_OK ? find_own_keys(source, kind, keys, arena, err) : status;
}

/* The texts in the files of keys. One that cannot be read is a problem of its own. */
static mlm_status read_texts(struct mlruns_source *source, int directory, const struct keys *keys,
	struct arena *arena, const mlm_text **texts_out, size_t *count_out, mlm_error *err)
{
	struct run_transfer *transfer = source->base.transfer;
	mlm_text *texts = arena_array(arena, keys->count + 1, sizeof(*texts));
	mlm_status status = texts ? MLM_OK : no_memory(err);
	*texts_out = texts;
	*count_out = 0;
	for (size_t i = 0; i < keys->count && status == MLM_OK; i++) {
		const struct keyed *keyed = &keys->items[i];
		const char *slash = strrchr(keyed->path, '/');
		char *parent = arena_copy(arena, keyed->path, (size_t)(slash - keyed->path));
		if (!parent)
			return no_memory(err);
		int fd = beneath_open_by_parts(directory, parent, O_RDONLY | O_DIRECTORY);
		const char *text = NULL;
		size_t size = 0;
		mlm_error why = MLM_ERROR_INIT;
		mlm_status read = mlruns_read_file(fd, slash + 1, arena, &text, &size, &why);
		close_fd(&fd);
		if (read == MLM_OK && text && strlen(text) != size)
			read = error_set(&why, MLM_ECORRUPT, "mlruns", "'%.200s' has a zero byte",
				keyed->path);
		if (read == MLM_OK && text && is_own(keyed))
			text = strchr(text, '\n') + 1;
		if (read == MLM_ENOMEM)
			return no_memory(err);
		if (read != MLM_OK)
			status = run_transfer_problem(
				transfer, err, "'%s' is left out: %s", keyed->path, why.message);
		else if (text)
			texts[(*count_out)++] = (mlm_text){ keyed->key, text };
	}
	return status;
}

/* ---- a run ---- */

static bool is_id(const char *text)
{
	size_t size = strlen(text);
	if (size == 0 || size >= MLM_ID_SIZE || !isalnum((unsigned char)text[0]))
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!isalnum((unsigned char)text[i]) && text[i] != '_' && text[i] != '-')
			return false;
	}
	return true;
}

static mlm_status read_input(struct mlruns_source *source, int inputs, const char *name,
	mlm_dataset_input *input, bool *found_out, mlm_error *err)
{
	struct arena *arena = source->run_arena;
	struct yaml_map meta, dataset;
	char path[300];
	*found_out = false;
	int directory = open_directory(inputs, name);
	bool has_meta = false;
	mlm_status status =
		directory >= 0 ? read_meta(directory, name, arena, &meta, &has_meta, err) : MLM_OK;
	close_fd(&directory);
	if (status != MLM_OK || !has_meta)
		return status;
	const char *type = yaml_get(&meta, "source_type");
	const char *id = yaml_get(&meta, "source_id");
	if (!type || strcmp(type, "DATASET") != 0 || !id || !is_id(id))
		return MLM_OK;
	snprintf(path, sizeof(path), "datasets/%s", id);
	directory = beneath_open_by_parts(source->experiment, path, O_RDONLY | O_DIRECTORY);
	has_meta = false;
	if (directory >= 0)
		status = read_meta(directory, path, arena, &dataset, &has_meta, err);
	close_fd(&directory);
	if (status != MLM_OK || !has_meta)
		return status;
	*input = (mlm_dataset_input){
		.name = yaml_get(&dataset, "name"),
		.digest = yaml_get(&dataset, "digest"),
		.source_type = yaml_get(&dataset, "source_type"),
		.source = yaml_get(&dataset, "source"),
		.schema = yaml_get(&dataset, "schema"),
		.profile = yaml_get(&dataset, "profile"),
	};
	mlm_text *tags = arena_array(arena, meta.count + 1, sizeof(*tags));
	if (!tags)
		return no_memory(err);
	for (size_t i = 0; i < meta.count; i++) {
		const struct yaml_entry *entry = &meta.entries[i];
		if (entry->parent && strcmp(entry->parent, "tags") == 0 && entry->value)
			tags[input->tag_count++] = (mlm_text){ entry->key, entry->value };
	}
	input->tags = tags;
	*found_out = input->name && input->digest;
	return MLM_OK;
}

static mlm_status read_inputs(struct mlruns_source *source, mlm_run_record *record, mlm_error *err)
{
	struct mlruns_names names;
	int directory = open_directory(source->run, "inputs");
	mlm_status status = mlruns_list_names(directory, source->run_arena, &names, err);
	mlm_dataset_input *inputs =
		arena_array(source->run_arena, names.count + 1, sizeof(*inputs));
	if (!inputs && status == MLM_OK)
		status = no_memory(err);
	for (size_t i = 0; i < names.count && status == MLM_OK; i++) {
		mlm_error why = MLM_ERROR_INIT;
		bool found;
		mlm_status read = read_input(source, directory, names.items[i],
			&inputs[record->dataset_input_count], &found, &why);
		if (read == MLM_ENOMEM)
			status = no_memory(err);
		else if (read != MLM_OK)
			status = run_transfer_problem(source->base.transfer, err,
				"run %s: an input is left out: %s", record->run_id, why.message);
		else
			record->dataset_input_count += found;
	}
	close_fd(&directory);
	record->dataset_inputs = inputs;
	return status;
}

static mlm_run_status status_of(const char *text)
{
	int64_t number = number_of(text, -1);
	if (number >= MLM_RUN_RUNNING && number <= MLM_RUN_KILLED)
		return (mlm_run_status)number;
	mlm_run_status status = text ? mlm_run_status_parse(text) : MLM_RUN_UNCHANGED;
	return status == MLM_RUN_UNCHANGED ? MLM_RUN_RUNNING : status;
}

static bool is_deleted(const struct yaml_map *meta)
{
	const char *stage = yaml_get(meta, "lifecycle_stage");
	return stage && strcmp(stage, "deleted") == 0;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static mlm_status find_artifacts(
	struct mlruns_source *source, const char *name, mlm_run_record *record, mlm_error *err)
{
	const mlm_allocator *allocator = source->base.transfer->allocator;
	int directory = open_directory(source->run, "artifacts");
	record->artifact_uri = "";
	if (directory < 0)
		return MLM_OK;
	close(directory);
	char *path = memory_format(
		allocator, "%s/%s/%s/artifacts", source->path, source->experiment_path, name);
	char *uri = path ? local_uri_of_path(allocator, path) : NULL;
	record->artifact_uri = uri ? arena_string(source->run_arena, uri) : NULL;
	memory_free(allocator, uri);
	memory_free(allocator, path);
	return record->artifact_uri ? MLM_OK : no_memory(err);
}

static mlm_status read_metrics(struct mlruns_source *source, mlm_run_record *record, mlm_error *err)
{
	struct keys keys;
	mlm_status status = find_all_keys(source, "metrics", &keys, source->run_arena, err);
	mlm_metric *metrics = arena_array(source->run_arena, keys.count + 1, sizeof(*metrics));
	const char **paths = arena_array(source->run_arena, keys.count + 1, sizeof(*paths));
	if (status != MLM_OK || !metrics || !paths)
		return status == MLM_OK ? no_memory(err) : status;
	for (size_t i = 0; i < keys.count; i++) {
		metrics[i].key = keys.items[i].key;
		metrics[i].key_size = strlen(keys.items[i].key);
		paths[i] = keys.items[i].path;
	}
	record->metrics = metrics;
	record->metric_count = keys.count;
	source->metric_paths = paths;
	return MLM_OK;
}

static mlm_status read_run(struct mlruns_source *source, const char *name,
	const mlm_experiment *experiment, const struct yaml_map *meta, mlm_run_record *record,
	mlm_error *err)
{
	struct arena *arena = source->run_arena;
	struct keys keys;
	*record = (mlm_run_record){
		.run_id = name,
		.experiment_id = experiment->experiment_id,
		.run_name = yaml_get(meta, "run_name"),
		.user_id = or_empty(yaml_get(meta, "user_id")),
		.status = status_of(yaml_get(meta, "status")),
		.lifecycle = is_deleted(meta) ? MLM_DELETED : MLM_ACTIVE,
		.start_time_ms = number_of(yaml_get(meta, "start_time"), 0),
		.end_time_ms = number_of(yaml_get(meta, "end_time"), -1),
		.deleted_time_ms = number_of(yaml_get(meta, "deleted_time"), -1),
	};
	mlm_status status = find_all_keys(source, "params", &keys, arena, err);
	if (status == MLM_OK)
		status = read_texts(source, source->run, &keys, arena, &record->params,
			&record->param_count, err);
	if (status == MLM_OK)
		status = find_all_keys(source, "tags", &keys, arena, err);
	if (status == MLM_OK)
		status = read_texts(
			source, source->run, &keys, arena, &record->tags, &record->tag_count, err);
	if (status == MLM_OK)
		status = read_metrics(source, record, err);
	if (status == MLM_OK)
		status = read_inputs(source, record, err);
	if (status == MLM_OK)
		status = find_artifacts(source, name, record, err);
	for (size_t i = 0; !record->run_name && i < record->tag_count; i++) {
		if (strcmp(record->tags[i].key, "mlflow.runName") == 0)
			record->run_name = record->tags[i].value;
	}
	record->run_name = or_empty(record->run_name);
	return status;
}

/* The run in source->run, if that is one. */
static mlm_status visit_run(struct mlruns_source *source, const char *name,
	const mlm_experiment *experiment, transfer_run_fn visit, void *payload, mlm_error *err)
{
	struct run_transfer *transfer = source->base.transfer;
	struct yaml_map meta;
	mlm_run_record record;
	mlm_error why = MLM_ERROR_INIT;
	bool found;
	arena_reset(source->run_arena);
	mlm_status status = read_meta(source->run, name, source->run_arena, &meta, &found, &why);
	if (status == MLM_OK && !found)
		return MLM_OK;
	const char *id = status == MLM_OK ? yaml_get(&meta, "run_id") : NULL;
	if (status == MLM_OK && !id)
		id = yaml_get(&meta, "run_uuid");
	if (status == MLM_OK && (!is_id(name) || !id || strcmp(id, name) != 0))
		status = error_set(&why, MLM_ECORRUPT, "mlruns",
			"its meta.yaml is that of the run '%.80s'", or_empty(id));
	if (status == MLM_OK)
		status = read_run(source, name, experiment, &meta, &record, &why);
	if (status != MLM_OK && run_transfer_is_local(transfer, status))
		return run_transfer_problem(
			transfer, err, "run %.80s: left out: %s", name, why.message);
	if (status != MLM_OK) {
		if (err)
			*err = why;
		return status;
	}
	return visit(payload, &record, err);
}

static mlm_status each_run(struct transfer_source *base, const mlm_experiment *experiment,
	transfer_run_fn visit, void *payload, mlm_error *err)
{
	static const char *const others[] = { "tags", "datasets", "traces", "models" };
	struct mlruns_source *source = source_of(base);
	struct mlruns_names names;
	mlm_status status = mlruns_list_names(source->experiment, source->arena, &names, err);
	for (size_t i = 0; i < names.count && status == MLM_OK; i++) {
		bool is_other = false;
		for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++)
			is_other = is_other || strcmp(names.items[i], others[k]) == 0;
		source->run = is_other ? -1 : open_directory(source->experiment, names.items[i]);
		if (source->run >= 0)
			status = visit_run(source, names.items[i], experiment, visit, payload, err);
		close_fd(&source->run);
	}
	return status;
}

/* ---- points ---- */

static const char *path_of_metric(
	const struct mlruns_source *source, const mlm_run_record *run, const char *key)
{
	for (size_t i = 0; i < run->metric_count; i++) {
		if (strcmp(run->metrics[i].key, key) == 0)
			return source->metric_paths[i];
	}
	return NULL;
}

static mlm_status get_points(struct transfer_source *base, const mlm_run_record *run,
	const char *key, struct store_cursor *cursor, struct store_point *points, size_t capacity,
	size_t *count_out, mlm_error *err)
{
	struct mlruns_source *source = source_of(base);
	const char *path = path_of_metric(source, run, key);
	struct stat about;
	*count_out = 0;
	int fd = path ? beneath_open_by_parts(source->run, path, O_RDONLY | O_NONBLOCK) : -1;
	if (fd < 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
		close_fd(&fd);
		return error_set(
			err, MLM_ECORRUPT, "mlruns", "the file of the metric '%s' is gone", key);
	}
	FILE *file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return no_memory(err);
	}
	if (strncmp(path, OWN "/", strlen(OWN "/")) == 0 && !cursor->token[0]) {
		for (int c = getc(file); c != '\n' && c != EOF;)
			c = getc(file);
	}
	mlm_status status = mlruns_read_points(file, key, cursor, points, capacity, count_out, err);
	fclose(file);
	return status;
}

/* ---- experiments ---- */

static mlm_status read_experiment(struct mlruns_source *source, const char *name, bool is_trash,
	const struct yaml_map *meta, mlm_experiment *experiment, mlm_error *err)
{
	struct keys keys = { NULL, 0, 0 };
	const char *id = yaml_get(meta, "experiment_id");
	*experiment = (mlm_experiment){
		.experiment_id = name,
		.name = yaml_get(meta, "name"),
		.artifact_location = "",
		.lifecycle = is_trash || is_deleted(meta) ? MLM_DELETED : MLM_ACTIVE,
		.creation_time_ms = number_of(yaml_get(meta, "creation_time"), -1),
		.last_update_time_ms = number_of(yaml_get(meta, "last_update_time"), -1),
	};
	if (!experiment->name || !id || strcmp(id, name) != 0)
		return error_set(err, MLM_ECORRUPT, "mlruns",
			"its meta.yaml is that of the experiment '%.80s' with the id '%.80s'",
			or_empty(experiment->name), or_empty(id));
	int directory = open_directory(source->experiment, "tags");
	mlm_status status =
		find_keys(source, directory, "tags", strlen("tags/"), 0, &keys, source->arena, err);
	close_fd(&directory);
	return status == MLM_OK ? read_texts(source, source->experiment, &keys, source->arena,
					  &experiment->tags, &experiment->tag_count, err)
				: status;
}

static mlm_status visit_directory(struct mlruns_source *source, const char *name, bool is_trash,
	transfer_experiment_fn visit, void *payload, mlm_error *err)
{
	struct run_transfer *transfer = source->base.transfer;
	struct yaml_map meta;
	mlm_experiment experiment;
	mlm_error why = MLM_ERROR_INIT;
	bool found;
	mlm_status status = read_meta(source->experiment, name, source->arena, &meta, &found, &why);
	if (status == MLM_OK && !found)
		return MLM_OK;
	if (status == MLM_OK)
		status = read_experiment(source, name, is_trash, &meta, &experiment, &why);
	if (status != MLM_OK && run_transfer_is_local(transfer, status))
		return run_transfer_problem(transfer, err,
			"experiment directory '%.80s': left out: %s", name, why.message);
	if (status != MLM_OK) {
		if (err)
			*err = why;
		return status;
	}
	snprintf(source->experiment_path, sizeof(source->experiment_path), "%s%s",
		is_trash ? TRASH "/" : "", name);
	return visit(payload, &experiment, err);
}

static mlm_status visit_directories(struct mlruns_source *source, int parent, bool is_trash,
	transfer_experiment_fn visit, void *payload, mlm_error *err)
{
	struct arena *arena = arena_new(source->base.transfer->allocator);
	struct mlruns_names names = { NULL, 0, 0 };
	mlm_status status = arena ? mlruns_list_names(parent, arena, &names, err) : no_memory(err);
	for (size_t i = 0; i < names.count && status == MLM_OK; i++) {
		arena_reset(source->arena);
		source->experiment = open_directory(parent, names.items[i]);
		if (source->experiment >= 0)
			status = visit_directory(
				source, names.items[i], is_trash, visit, payload, err);
		close_fd(&source->experiment);
	}
	arena_free(arena);
	return status;
}

static mlm_status each_experiment(
	struct transfer_source *base, transfer_experiment_fn visit, void *payload, mlm_error *err)
{
	struct mlruns_source *source = source_of(base);
	mlm_status status = visit_directories(source, source->root, false, visit, payload, err);
	int trash = open_directory(source->root, TRASH);
	if (status == MLM_OK)
		status = visit_directories(source, trash, true, visit, payload, err);
	close_fd(&trash);
	return status;
}

/* ---- opening ---- */

static const struct transfer_source_ops ops = {
	.each_experiment = each_experiment,
	.each_run = each_run,
	.get_points = get_points,
};

/* Whether one of these is an experiment's directory; else *only_out is the sole directory there. */
static bool has_experiment(int root, const struct mlruns_names *names, const char **only_out)
{
	size_t directories = 0;
	bool found = false;
	for (size_t i = 0; i < names->count && !found; i++) {
		int directory = open_directory(root, names->items[i]);
		if (directory < 0)
			continue;
		if (strcmp(names->items[i], TRASH) == 0) {
			found = true;
		} else if (faccessat(directory, "meta.yaml", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
			found = true;
		} else {
			directories++;
			*only_out = names->items[i];
		}
		close(directory);
	}
	if (directories != 1)
		*only_out = NULL;
	return found;
}

/* Goes down from an archive's top to where the experiments are. */
static mlm_status find_root(struct mlruns_source *source, const char *given, mlm_error *err)
{
	const mlm_allocator *allocator = source->base.transfer->allocator;
	for (int level = 0; level < LEVELS_MAX; level++) {
		struct mlruns_names names;
		const char *only = NULL;
		arena_reset(source->arena);
		mlm_status status = mlruns_list_names(source->root, source->arena, &names, err);
		if (status != MLM_OK)
			return status;
		if (has_experiment(source->root, &names, &only))
			return MLM_OK;
		int mlruns = open_directory(source->root, "mlruns");
		if (mlruns >= 0)
			only = "mlruns";
		else
			mlruns = only ? open_directory(source->root, only) : -1;
		if (mlruns < 0)
			break;
		char *path = memory_format(allocator, "%s/%s", source->path, only);
		close_fd(&source->root);
		source->root = mlruns;
		memory_free(allocator, source->path);
		source->path = path;
		if (!path)
			return no_memory(err);
	}
	return error_set(err, MLM_ECORRUPT, "mlruns",
		"'%s' holds no experiment as MLflow's file store has them "
		"(<experiment id>/meta.yaml)",
		given);
}

mlm_status mlruns_source_open(struct mlruns_source *source, struct run_transfer *transfer,
	const char *path, const char *given, mlm_error *err)
{
	*source = (struct mlruns_source){
		.base = { .ops = &ops, .transfer = transfer },
		.root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.experiment = -1,
		.run = -1,
	};
	if (source->root < 0)
		return error_set_errno(err, errno, "mlruns", "cannot read '%s'", given);
	source->path = memory_string(transfer->allocator, path);
	source->arena = arena_new(transfer->allocator);
	source->run_arena = arena_new(transfer->allocator);
	if (!source->path || !source->arena || !source->run_arena)
		return no_memory(err);
	return find_root(source, given, err);
}

void mlruns_source_close(struct mlruns_source *source)
{
	close_fd(&source->root);
	arena_free(source->arena);
	arena_free(source->run_arena);
	memory_free(source->base.transfer->allocator, source->path);
}
