/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/archive.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/yaml.h"
#include "core/limits.h"
#include "core/mlruns.h"
#include "mlmanager/version.h"

#define TOP          "mlruns"
#define PATH_BYTES   4096u
#define PART_MAX     255u /* bytes of a name in a directory */
#define SPOOL_BYTES  (1u << 20) /* of a metric's lines in memory */
#define LINE_BYTES   80u
#define SOURCE_LOCAL 4 /* MLflow's number for where a run comes from */

struct writing {
	struct run_transfer *transfer;
	struct transfer_source *source;
	struct archive_writer *writer;
	const char *directory;
	struct arena *arena; /* for one experiment and, on top, one run */
	struct arena *run_arena;
	char experiment_path[PATH_BYTES / 4]; /* "mlruns/1" */
	char run_path[PATH_BYTES / 2]; /* "mlruns/1/<run id>" */
	const char **datasets; /* ids that the experiment's directory has already */
	size_t dataset_count;
	size_t dataset_capacity;
	char *spool; /* SPOOL_BYTES */
	size_t spooled; /* bytes in it */
	int spool_fd; /* of what did not fit; -1 until there is some */
	uint64_t spool_file_bytes;
};

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "mlruns", "memory ran out");
}

static mlm_status put_bytes(
	struct writing *writing, const char *path, const void *bytes, size_t size, mlm_error *err)
{
	mlm_status status = archive_writer_begin(writing->writer, path, size, err);
	if (status == MLM_OK)
		status = archive_writer_write(writing->writer, bytes, size, err);
	return status == MLM_OK ? archive_writer_end(writing->writer, err) : status;
}

__attribute__((format(printf, 4, 5))) static mlm_status join(
	char *path, size_t size, mlm_error *err, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(path, size, format, arguments);
	va_end(arguments);
	return length >= 0 && (size_t)length < size
		       ? MLM_OK
		       : error_set(
				 err, MLM_EINVAL, "mlruns", "the path '%.100s…' is too long", path);
}

static mlm_status put_yaml(struct writing *writing, const char *directory,
	const struct yaml_value *values, size_t count, mlm_error *err)
{
	char path[PATH_BYTES];
	const char *text;
	size_t size;
	mlm_status status = join(path, sizeof(path), err, "%s/meta.yaml", directory);
	if (status == MLM_OK)
		status = yaml_write(values, count, writing->run_arena, &text, &size, err);
	return status == MLM_OK ? put_bytes(writing, path, text, size, err) : status;
}

static struct yaml_value number_or_null(const char *key, int64_t number)
{
	return (struct yaml_value){ .key = key, .number = number, .is_number = number >= 0 };
}

static const char *stage_of(mlm_lifecycle lifecycle)
{
	return lifecycle == MLM_DELETED ? "deleted" : "active";
}

/* ---- keys ---- */

/* Whether a key can be a file's path next to those before and after it in sorted order: "a" is no
 * file where "a/b" makes it a directory. */
static bool fits(const char *key)
{
	mlm_error why = MLM_ERROR_INIT;
	if (limits_check_key(key, strlen(key), "key", &why) != MLM_OK)
		return false;
	for (const char *part = key; *part;) {
		size_t size = strcspn(part, "/");
		if (size > PART_MAX)
			return false;
		part += size + (part[size] == '/');
	}
	return true;
}

/* The keys of one kind of one run, to ask whether one is the directory of another. */
struct key_set {
	const char **keys; /* sorted */
	size_t count;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *key_at(const void *items, size_t item_size, size_t i)
{
	/* A metric and a text begin with their key. */
	const char *const *key = (const void *)((const char *)items + i * item_size);
	return *key;
}

static mlm_status make_set(struct key_set *set, const void *items, size_t item_size, size_t count,
	struct arena *arena, mlm_error *err)
{
	set->keys = arena_array(arena, count + 1, sizeof(*set->keys));
	set->count = count;
	if (!set->keys)
		return no_memory(err);
	for (size_t i = 0; i < count; i++)
		set->keys[i] = key_at(items, item_size, i);
	qsort(set->keys, count, sizeof(*set->keys), by_text);
	return MLM_OK;
}

/* Whether another key begins with this one and a slash. */
static bool is_directory(const struct key_set *set, const char *key)
{
	size_t size = strlen(key);
	size_t low = 0, high = set->count;
	/* The first that is not below "key/". */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *other = set->keys[middle];
		int order = strncmp(other, key, size);
		bool is_before = order < 0 || (order == 0 && (unsigned char)other[size] < '/');
		if (is_before)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->count && strncmp(set->keys[low], key, size) == 0 &&
	       set->keys[low][size] == '/';
}

/* The path of the key's file, and the line that stands in it first: "" where the path says it. */
static mlm_status place_key(struct writing *writing, const struct key_set *set, const char *kind,
	const char *key, size_t number, char path[PATH_BYTES], const char **line_out,
	mlm_error *err)
{
	static const char digits[] = "0123456789ABCDEF";
	*line_out = "";
	if (fits(key) && !is_directory(set, key))
		return join(path, PATH_BYTES, err, "%s/%s/%s", writing->run_path, kind, key);
	char *line = arena_alloc(writing->run_arena, strlen(key) * 3 + 2);
	if (!line)
		return no_memory(err);
	char *out = line;
	for (const char *c = key; *c; c++) {
		unsigned char byte = (unsigned char)*c;
		if (byte < 0x20 || byte == '%' || byte == 0x7f) {
			*out++ = '%';
			*out++ = digits[byte >> 4];
			*out++ = digits[byte & 15];
		} else {
			*out++ = *c;
		}
	}
	*out = '\n';
	*line_out = line;
	return join(
		path, PATH_BYTES, err, "%s/mlmanager/%s/%06zu", writing->run_path, kind, number);
}

static mlm_status put_texts(struct writing *writing, const char *kind, const mlm_text *texts,
	size_t count, mlm_error *err)
{
	char path[PATH_BYTES];
	struct key_set set;
	mlm_status status = make_set(&set, texts, sizeof(*texts), count, writing->run_arena, err);
	for (size_t i = 0; i < count && status == MLM_OK; i++) {
		const char *line;
		status = place_key(writing, &set, kind, texts[i].key, i, path, &line, err);
		size_t line_size = strlen(line), size = strlen(texts[i].value);
		if (status == MLM_OK)
			status = archive_writer_begin(writing->writer, path, line_size + size, err);
		if (status == MLM_OK)
			status = archive_writer_write(writing->writer, line, line_size, err);
		if (status == MLM_OK)
			status = archive_writer_write(writing->writer, texts[i].value, size, err);
		if (status == MLM_OK)
			status = archive_writer_end(writing->writer, err);
	}
	return status;
}

static mlm_status put_experiment_tags(
	struct writing *writing, const mlm_experiment *experiment, mlm_error *err)
{
	char path[PATH_BYTES];
	struct key_set set;
	mlm_status status = make_set(&set, experiment->tags, sizeof(*experiment->tags),
		experiment->tag_count, writing->run_arena, err);
	for (size_t i = 0; i < experiment->tag_count && status == MLM_OK; i++) {
		const mlm_text *tag = &experiment->tags[i];
		/* Nothing else may lie beside the runs: MLflow takes it for a broken one. */
		if (!fits(tag->key) || is_directory(&set, tag->key)) {
			status = run_transfer_problem(writing->transfer, err,
				"experiment '%s': the tag '%s' is left out, since MLflow's "
				"directories cannot hold it",
				experiment->name, tag->key);
			continue;
		}
		status = join(
			path, sizeof(path), err, "%s/tags/%s", writing->experiment_path, tag->key);
		if (status == MLM_OK)
			status = put_bytes(writing, path, tag->value, strlen(tag->value), err);
	}
	return status;
}

/* ---- metrics: an archive wants to know how long a file is before it gets it ---- */

static mlm_status spill(struct writing *writing, mlm_error *err)
{
	if (writing->spool_fd < 0)
		writing->spool_fd = open(writing->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (writing->spool_fd < 0) {
		/* Not every file system has unnamed files. */
		char path[PATH_BYTES];
		snprintf(path, sizeof(path), "%s/.mlmanager-export-XXXXXX", writing->directory);
		writing->spool_fd = mkostemp(path, O_CLOEXEC);
		if (writing->spool_fd >= 0)
			unlink(path);
	}
	for (size_t done = 0; done < writing->spooled;) {
		ssize_t written = writing->spool_fd < 0
					  ? -1
					  : write(writing->spool_fd, writing->spool + done,
						    writing->spooled - done);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return error_set_errno(err, errno, "mlruns",
				"cannot keep a metric in a file in '%s'", writing->directory);
		done += (size_t)written;
	}
	writing->spool_file_bytes += writing->spooled;
	writing->spooled = 0;
	return MLM_OK;
}

static size_t print_point(char *line, const struct store_point *point)
{
	char value[DECIMAL_BYTES];
	decimal_print_exact(point->value, value);
	return (size_t)snprintf(line, LINE_BYTES, "%" PRId64 " %s %" PRId64 "\n",
		point->timestamp_ms, value, point->step);
}

static mlm_status spool_points(
	struct writing *writing, const mlm_run_record *run, const char *key, mlm_error *err)
{
	struct store_point *points = writing->transfer->points;
	struct store_cursor cursor = { "" };
	mlm_status status = MLM_OK;
	do {
		size_t count = 0;
		status = writing->source->ops->get_points(writing->source, run, key, &cursor,
			points, TRANSFER_POINTS_MAX, &count, err);
		for (size_t i = 0; i < count && status == MLM_OK; i++) {
			if (writing->spooled + LINE_BYTES > SPOOL_BYTES)
				status = spill(writing, err);
			writing->spooled +=
				print_point(writing->spool + writing->spooled, &points[i]);
		}
		writing->transfer->result.points += count;
		if (status == MLM_OK && cursor.token[0])
			status = run_transfer_report(
				writing->transfer, MLM_TRANSFER_PROGRESS, run->run_name, err);
	} while (status == MLM_OK && cursor.token[0]);
	return status;
}

static mlm_status put_spooled(struct writing *writing, const char *path, const char *line,
	const char *name, mlm_error *err)
{
	uint64_t file_bytes = writing->spool_file_bytes;
	size_t memory_bytes = writing->spooled;
	mlm_status status = MLM_OK;
	if (file_bytes > 0) { /* what is in memory follows it there */
		status = spill(writing, err);
		file_bytes = writing->spool_file_bytes;
		memory_bytes = 0;
	}
	if (status == MLM_OK)
		status = archive_writer_begin(
			writing->writer, path, strlen(line) + file_bytes + memory_bytes, err);
	if (status == MLM_OK)
		status = archive_writer_write(writing->writer, line, strlen(line), err);
	if (status == MLM_OK && file_bytes == 0)
		status = archive_writer_write(writing->writer, writing->spool, memory_bytes, err);
	for (uint64_t done = 0; status == MLM_OK && done < file_bytes;) {
		ssize_t got = pread(writing->spool_fd, writing->spool, SPOOL_BYTES, (off_t)done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return error_set_errno(err, got < 0 ? errno : EIO, "mlruns",
				"cannot read a metric back from a file in '%s'",
				writing->directory);
		status = archive_writer_write(writing->writer, writing->spool, (size_t)got, err);
		done += (uint64_t)got;
		/* Who waits may stop it here as well. */
		if (status == MLM_OK)
			status = run_transfer_report(
				writing->transfer, MLM_TRANSFER_PROGRESS, name, err);
	}
	return status == MLM_OK ? archive_writer_end(writing->writer, err) : status;
}

static mlm_status put_metrics(struct writing *writing, const mlm_run_record *run, mlm_error *err)
{
	char path[PATH_BYTES];
	struct key_set set;
	mlm_status status = make_set(&set, run->metrics, sizeof(*run->metrics), run->metric_count,
		writing->run_arena, err);
	for (size_t i = 0; i < run->metric_count && status == MLM_OK; i++) {
		const char *line;
		writing->spooled = 0;
		writing->spool_file_bytes = 0;
		if (writing->spool_fd >= 0 && (ftruncate(writing->spool_fd, 0) != 0 ||
						      lseek(writing->spool_fd, 0, SEEK_SET) != 0))
			return error_set_errno(err, errno, "mlruns", "cannot reuse a file in '%s'",
				writing->directory);
		status = spool_points(writing, run, run->metrics[i].key, err);
		if (status == MLM_OK)
			status = place_key(
				writing, &set, "metrics", run->metrics[i].key, i, path, &line, err);
		if (status == MLM_OK)
			status = put_spooled(writing, path, line, run->run_name, err);
	}
	return status;
}

/* ---- inputs ---- */

/* Names for directories, which nobody but the meta.yaml files refers to: any will do that differs
 * where the texts do. */
static void hash_texts(const char *a, const char *b, char id_out[33])
{
	uint64_t hashes[2] = { 14695981039346656037u, 1099511628211u };
	const char *const texts[] = { a, b };
	for (size_t t = 0; t < 2; t++) {
		for (const char *c = texts[t];; c++) {
			for (size_t i = 0; i < 2; i++)
				hashes[i] = (hashes[i] ^ ((unsigned char)*c + i * 131)) *
					    1099511628211u;
			if (!*c)
				break;
		}
	}
	snprintf(id_out, 33, "%016" PRIx64 "%016" PRIx64, hashes[0], hashes[1]);
}

static mlm_status put_dataset(
	struct writing *writing, const mlm_dataset_input *input, const char *id, mlm_error *err)
{
	char path[PATH_BYTES];
	for (size_t i = 0; i < writing->dataset_count; i++) {
		if (strcmp(writing->datasets[i], id) == 0)
			return MLM_OK;
	}
	if (writing->dataset_count == writing->dataset_capacity) {
		size_t capacity = writing->dataset_capacity ? writing->dataset_capacity * 2 : 16;
		const char **datasets = arena_array(writing->arena, capacity, sizeof(*datasets));
		if (!datasets)
			return no_memory(err);
		if (writing->dataset_count > 0)
			memcpy(datasets, writing->datasets,
				writing->dataset_count * sizeof(*datasets));
		writing->datasets = datasets;
		writing->dataset_capacity = capacity;
	}
	writing->datasets[writing->dataset_count] = arena_string(writing->arena, id);
	if (!writing->datasets[writing->dataset_count++])
		return no_memory(err);
	const struct yaml_value values[] = {
		{ .key = "digest", .text = input->digest },
		{ .key = "name", .text = input->name },
		{ .key = "profile", .text = input->profile },
		{ .key = "schema", .text = input->schema },
		{ .key = "source", .text = input->source },
		{ .key = "source_type", .text = input->source_type },
	};
	mlm_status status =
		join(path, sizeof(path), err, "%s/datasets/%s", writing->experiment_path, id);
	return status == MLM_OK
		       ? put_yaml(writing, path, values, sizeof(values) / sizeof(values[0]), err)
		       : status;
}

static mlm_status put_input(struct writing *writing, const mlm_run_record *run,
	const mlm_dataset_input *input, mlm_error *err)
{
	char dataset[33], id[33], path[PATH_BYTES];
	hash_texts(input->name, input->digest, dataset);
	hash_texts(dataset, run->run_id, id);
	mlm_status status = put_dataset(writing, input, dataset, err);
	size_t count = 0;
	struct yaml_value *values =
		arena_array(writing->run_arena, input->tag_count + 5, sizeof(*values));
	if (!values && status == MLM_OK)
		status = no_memory(err);
	if (status != MLM_OK)
		return status;
	values[count++] = (struct yaml_value){ .key = "source_type", .text = "DATASET" };
	values[count++] = (struct yaml_value){ .key = "source_id", .text = dataset };
	values[count++] = (struct yaml_value){ .key = "destination_type", .text = "RUN" };
	values[count++] = (struct yaml_value){ .key = "destination_id", .text = run->run_id };
	if (input->tag_count == 0)
		values[count++] = (struct yaml_value){ .parent = "tags" };
	for (size_t i = 0; i < input->tag_count; i++)
		values[count++] = (struct yaml_value){
			.parent = "tags", .key = input->tags[i].key, .text = input->tags[i].value
		};
	status = join(path, sizeof(path), err, "%s/inputs/%s", writing->run_path, id);
	return status == MLM_OK ? put_yaml(writing, path, values, count, err) : status;
}

/* ---- artifacts ---- */

struct artifacts {
	struct writing *writing;
	const mlm_run_record *run;
	struct artifact_store *store;
	struct transfer_file file;
	mlm_status failed; /* of the archive, which ends it all */
};

static mlm_status pass_on(void *payload, const void *bytes, size_t size, mlm_error *err)
{
	struct artifacts *artifacts = payload;
	artifacts->failed = archive_writer_write(artifacts->writing->writer, bytes, size, err);
	if (artifacts->failed == MLM_OK)
		artifacts->failed = transfer_file_moved(&artifacts->file, size, err);
	return artifacts->failed;
}

static mlm_status put_artifact(void *payload, const mlm_artifact *entry, mlm_error *err)
{
	struct artifacts *artifacts = payload;
	struct writing *writing = artifacts->writing;
	char path[PATH_BYTES];
	const mlm_artifact_writer into = { pass_on, artifacts };
	mlm_status status =
		join(path, sizeof(path), err, "%s/artifacts/%s", writing->run_path, entry->path);
	if (status == MLM_OK)
		status = archive_writer_begin(
			writing->writer, path, (uint64_t)entry->size_bytes, err);
	artifacts->file = (struct transfer_file){
		.transfer = writing->transfer,
		.text = artifacts->run->run_name,
		.what = "artifact",
		.path = entry->path,
		.total_bytes = entry->size_bytes,
	};
	/* Once it has begun there is no way back: half a file would look like a whole one. */
	if (status == MLM_OK)
		status = artifact_get(artifacts->store, entry->path, &into, err);
	if (status == MLM_OK)
		status = archive_writer_end(writing->writer, err);
	artifacts->failed = status;
	if (status != MLM_OK)
		return status;
	writing->transfer->result.artifacts++;
	writing->transfer->result.artifact_bytes += (uint64_t)entry->size_bytes;
	artifacts->failed = run_transfer_report(
		writing->transfer, MLM_TRANSFER_PROGRESS, artifacts->run->run_name, err);
	return artifacts->failed;
}

static mlm_status put_artifacts(struct writing *writing, const mlm_run_record *run, mlm_error *err)
{
	char path[PATH_BYTES];
	struct artifacts artifacts = { .writing = writing, .run = run };
	struct artifact_options options = writing->source->artifacts;
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = join(path, sizeof(path), err, "%s/artifacts", writing->run_path);
	if (status == MLM_OK)
		status = archive_writer_directory(writing->writer, path, err);
	options.uri = run->artifact_uri;
	if (status != MLM_OK || !options.uri || !options.uri[0])
		return status;
	status = artifact_open(&options, &artifacts.store, &why);
	if (status == MLM_OK)
		status = artifact_walk(artifacts.store, "", put_artifact, &artifacts, &why);
	artifact_close(artifacts.store);
	if (status != MLM_OK && artifacts.failed == MLM_OK)
		return run_transfer_problem(writing->transfer, err,
			"run %s: artifacts left out: %s", run->run_id, why.message);
	if (status != MLM_OK && err)
		*err = why;
	return status;
}

/* ---- runs and experiments ---- */

static mlm_status put_run_meta(struct writing *writing, const mlm_run_record *run, mlm_error *err)
{
	char artifacts[PATH_BYTES];
	/* Relative, as nobody knows yet where the archive will be unpacked. */
	mlm_status status =
		join(artifacts, sizeof(artifacts), err, "%s/artifacts", writing->run_path);
	const struct yaml_value values[] = {
		{ .key = "artifact_uri", .text = artifacts },
		number_or_null("deleted_time", run->deleted_time_ms),
		number_or_null("end_time", run->end_time_ms),
		{ .key = "entry_point_name", .text = "" },
		{ .key = "experiment_id", .text = run->experiment_id },
		{ .key = "lifecycle_stage", .text = stage_of(run->lifecycle) },
		{ .key = "run_id", .text = run->run_id },
		{ .key = "run_name", .text = run->run_name ? run->run_name : "" },
		{ .key = "run_uuid", .text = run->run_id },
		{ .key = "source_name", .text = "" },
		{ .key = "source_type", .number = SOURCE_LOCAL, .is_number = true },
		{ .key = "source_version", .text = "" },
		{ .key = "start_time", .number = run->start_time_ms, .is_number = true },
		{ .key = "status",
			.number = run->status ? run->status : MLM_RUN_RUNNING,
			.is_number = true },
		{ .key = "user_id", .text = run->user_id ? run->user_id : "" },
	};
	return status == MLM_OK ? put_yaml(writing, writing->run_path, values,
					  sizeof(values) / sizeof(values[0]), err)
				: status;
}

/* What MLflow takes for a run only if it is there, even empty. */
static mlm_status put_directories(struct writing *writing, mlm_error *err)
{
	static const char *const kinds[] = { "metrics", "params", "tags" };
	char path[PATH_BYTES];
	mlm_status status = MLM_OK;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && status == MLM_OK; i++) {
		status = join(path, sizeof(path), err, "%s/%s", writing->run_path, kinds[i]);
		if (status == MLM_OK)
			status = archive_writer_directory(writing->writer, path, err);
	}
	return status;
}

static mlm_status check_id(const char *id, const char *what, mlm_error *err)
{
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
	if (!id[0] || id[0] == '-' || strlen(id) >= MLM_ID_SIZE || id[strspn(id, allowed)])
		return error_set(err, MLM_EINVAL, "mlruns",
			"the %s id '%.80s' cannot be the name of a directory", what, id);
	return MLM_OK;
}

static mlm_status on_run(void *payload, const mlm_run_record *run, mlm_error *err)
{
	struct writing *writing = payload;
	arena_reset(writing->run_arena);
	mlm_status status = check_id(run->run_id, "run", err);
	if (status == MLM_OK)
		status = join(writing->run_path, sizeof(writing->run_path), err, "%s/%s",
			writing->experiment_path, run->run_id);
	if (status == MLM_OK)
		status = put_run_meta(writing, run, err);
	if (status == MLM_OK)
		status = put_directories(writing, err);
	if (status == MLM_OK)
		status = put_texts(writing, "params", run->params, run->param_count, err);
	if (status == MLM_OK)
		status = put_texts(writing, "tags", run->tags, run->tag_count, err);
	if (status == MLM_OK)
		status = put_metrics(writing, run, err);
	for (size_t i = 0; i < run->dataset_input_count && status == MLM_OK; i++)
		status = put_input(writing, run, &run->dataset_inputs[i], err);
	if (status == MLM_OK)
		status = put_artifacts(writing, run, err);
	if (status != MLM_OK)
		return status;
	writing->transfer->result.runs++;
	writing->transfer->result.new_runs++;
	return run_transfer_report(writing->transfer, MLM_TRANSFER_RUN, run->run_name, err);
}

static mlm_status on_experiment(void *payload, const mlm_experiment *experiment, mlm_error *err)
{
	struct writing *writing = payload;
	arena_reset(writing->arena);
	arena_reset(writing->run_arena);
	writing->datasets = NULL;
	writing->dataset_count = 0;
	writing->dataset_capacity = 0;
	mlm_status status = check_id(experiment->experiment_id, "experiment", err);
	if (status == MLM_OK)
		status = join(writing->experiment_path, sizeof(writing->experiment_path), err,
			"%s/%s%s", TOP, experiment->lifecycle == MLM_DELETED ? ".trash/" : "",
			experiment->experiment_id);
	const struct yaml_value values[] = {
		{ .key = "artifact_location", .text = writing->experiment_path },
		number_or_null("creation_time", experiment->creation_time_ms),
		{ .key = "experiment_id", .text = experiment->experiment_id },
		number_or_null("last_update_time", experiment->last_update_time_ms),
		{ .key = "lifecycle_stage", .text = stage_of(experiment->lifecycle) },
		{ .key = "name", .text = experiment->name },
	};
	if (status == MLM_OK)
		status = put_yaml(writing, writing->experiment_path, values,
			sizeof(values) / sizeof(values[0]), err);
	if (status == MLM_OK)
		status = put_experiment_tags(writing, experiment, err);
	if (status == MLM_OK)
		status = run_transfer_report(
			writing->transfer, MLM_TRANSFER_EXPERIMENT, experiment->name, err);
	if (status == MLM_OK)
		status = writing->source->ops->each_run(
			writing->source, experiment, on_run, writing, err);
	writing->transfer->result.experiments++;
	return status;
}

static mlm_status put_own(struct writing *writing, mlm_error *err)
{
	const char *text;
	size_t size;
	const struct yaml_value values[] = {
		{ .key = "version", .text = MLRUNS_VERSION },
		{ .key = "written_by", .text = "mlmanager" },
		{ .key = "written_with", .text = mlm_version() },
		{ .key = "written_at", .number = clock_now_ms(), .is_number = true },
	};
	mlm_status status = yaml_write(
		values, sizeof(values) / sizeof(values[0]), writing->arena, &text, &size, err);
	return status == MLM_OK ? put_bytes(writing, TOP "/mlmanager.yaml", text, size, err)
				: status;
}

mlm_status mlruns_write(struct transfer_source *source, struct archive_writer *writer,
	const char *directory, mlm_error *err)
{
	const mlm_allocator *allocator = source->transfer->allocator;
	struct writing writing = {
		.transfer = source->transfer,
		.source = source,
		.writer = writer,
		.directory = directory,
		.arena = arena_new(allocator),
		.run_arena = arena_new(allocator),
		.spool = memory_new(allocator, SPOOL_BYTES),
		.spool_fd = -1,
	};
	mlm_status status = writing.arena && writing.run_arena && writing.spool
				    ? put_own(&writing, err)
				    : no_memory(err);
	if (status == MLM_OK)
		status = source->ops->each_experiment(source, on_experiment, &writing, err);
	if (writing.spool_fd >= 0)
		close(writing.spool_fd);
	memory_free(allocator, writing.spool);
	arena_free(writing.run_arena);
	arena_free(writing.arena);
	return status;
}
