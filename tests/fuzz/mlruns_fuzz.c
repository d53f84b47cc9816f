/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "artifact/beneath.h"
#include "base/archive.h"
#include "core/mlruns.h"

/* The input is one file of a small directory of MLflow's, its first byte says which; or it is an
 * archive, which is unpacked. Then all that is found is read. */

#define RUN       "7/0123456789abcdef0123456789abcdef"
#define BYTES_MAX 1000000u

static const char *const files[] = { "7/meta.yaml", RUN "/meta.yaml", RUN "/metrics/loss",
	RUN "/mlmanager/metrics/0", RUN "/mlmanager/params/0", RUN "/inputs/i/meta.yaml",
	"7/datasets/d/meta.yaml", RUN "/tags/a/b" };
#define FILE_COUNT (sizeof(files) / sizeof(files[0]))

static char directory[64];
static struct run_transfer transfer;
static struct mlruns_source source;

static void remove_directory(void)
{
	rmdir(directory);
}

static void put(const char *name, const void *bytes, size_t size)
{
	char path[300];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	for (char *slash = path + strlen(directory) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	close(fd);
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

static void put_valid(void)
{
	put_text("7/meta.yaml", "experiment_id: '7'\nname: e\n");
	put_text(RUN "/meta.yaml", "run_id: 0123456789abcdef0123456789abcdef\nstatus: 3\n");
	put_text(RUN "/metrics/loss", "1 0.5 0\n");
	put_text(RUN "/params/lr", "0.1");
	put_text(RUN "/inputs/i/meta.yaml", "source_type: DATASET\nsource_id: d\ntags: {a: b}\n");
	put_text("7/datasets/d/meta.yaml", "name: n\ndigest: d\nsource: s\nsource_type: t\n");
}

static mlm_status on_run(void *payload, const mlm_run_record *run, mlm_error *err)
{
	(void)payload;
	for (size_t i = 0; i < run->metric_count; i++) {
		struct store_cursor cursor = { "" };
		struct store_point points[3];
		size_t count;
		do {
			if (source.base.ops->get_points(&source.base, run, run->metrics[i].key,
				    &cursor, points, 3, &count, err) != MLM_OK)
				break;
			if (count > 3)
				abort();
		} while (cursor.token[0]);
	}
	for (size_t i = 0; i < run->dataset_input_count; i++) {
		if (!run->dataset_inputs[i].name || !run->dataset_inputs[i].digest)
			abort();
	}
	for (size_t i = 0; i < run->param_count; i++) {
		if (strlen(run->params[i].key) + strlen(run->params[i].value) > 2000000)
			abort();
	}
	return MLM_OK;
}

static mlm_status on_experiment(void *payload, const mlm_experiment *experiment, mlm_error *err)
{
	return source.base.ops->each_run(&source.base, experiment, on_run, payload, err);
}

static void read_all(void)
{
	mlm_error err = MLM_ERROR_INIT;
	if (run_transfer_begin(&transfer, NULL, NULL, &err) != MLM_OK)
		abort();
	if (mlruns_source_open(&source, &transfer, directory, "input", &err) == MLM_OK)
		source.base.ops->each_experiment(&source.base, on_experiment, NULL, &err);
	mlruns_source_close(&source);
	run_transfer_end(&transfer);
}

static void unpack(const uint8_t *data, size_t size)
{
	mlm_error err = MLM_ERROR_INIT;
	int fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	archive_extract(fd, "input", directory, BYTES_MAX, NULL, NULL, &err);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (!directory[0]) {
		snprintf(directory, sizeof(directory), "/dev/shm/mlmanager-fuzz-XXXXXX");
		if (!mkdtemp(directory) || atexit(remove_directory) != 0)
			abort();
	}
	size_t which = data[0] % (FILE_COUNT + 1);
	if (which == FILE_COUNT) {
		unpack(data + 1, size - 1);
	} else {
		put_valid();
		put(files[which], data + 1, size - 1);
	}
	read_all();
	int root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	beneath_empty(root);
	close(root);
	return 0;
}
