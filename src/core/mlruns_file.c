/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mlruns_file.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/decimal.h"
#include "base/error.h"

#define FILE_BYTES_MAX (1u << 20) /* of a param, a tag or a meta.yaml */
#define LINE_BYTES_MAX 256u /* of a metric's */
#define NAMES_MAX      1000000u /* in one directory */

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "mlruns", "memory ran out");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static mlm_status add_name(
	struct mlruns_names *names, const char *name, struct arena *arena, mlm_error *err)
{
	if (names->count == names->capacity) {
		size_t capacity = names->capacity ? names->capacity * 2 : 32;
		const char **items = arena_array(arena, capacity, sizeof(*items));
		if (!items)
			return no_memory(err);
		if (names->count > 0)
			memcpy(items, names->items, names->count * sizeof(*items));
		names->items = items;
		names->capacity = capacity;
	}
	const char *copy = arena_string(arena, name);
	if (!copy)
		return no_memory(err);
	names->items[names->count++] = copy;
	return MLM_OK;
}

mlm_status mlruns_list_names(
	int fd, struct arena *arena, struct mlruns_names *names_out, mlm_error *err)
{
	*names_out = (struct mlruns_names){ NULL, 0, 0 };
	int copy = fd >= 0 ? openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (copy < 0)
		return MLM_OK;
	DIR *directory = fdopendir(copy);
	if (!directory) {
		close(copy);
		return no_memory(err);
	}
	mlm_status status = MLM_OK;
	struct dirent *entry;
	while (status == MLM_OK && (entry = readdir(directory))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (names_out->count == NAMES_MAX)
			status = error_set(err, MLM_ECORRUPT, "mlruns",
				"a directory has more than %u entries", NAMES_MAX);
		else
			status = add_name(names_out, entry->d_name, arena, err);
	}
	closedir(directory);
	if (names_out->count > 1)
		qsort(names_out->items, names_out->count, sizeof(*names_out->items), by_name);
	return status;
}

mlm_status mlruns_read_file(int directory, const char *name, struct arena *arena,
	const char **text_out, size_t *size_out, mlm_error *err)
{
	*text_out = NULL;
	*size_out = 0;
	int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return MLM_OK;
	if (fd < 0)
		return error_set_errno(err, errno, "mlruns", "cannot read '%s'", name);
	mlm_status status = MLM_OK;
	struct stat about;
	char *text = NULL;
	size_t size = 0;
	if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
		status = error_set(err, MLM_ECORRUPT, "mlruns", "'%s' is not a file", name);
	else if (about.st_size > FILE_BYTES_MAX)
		status = error_set(err, MLM_ECORRUPT, "mlruns",
			"'%s' has %lld bytes; at most %u are read", name, (long long)about.st_size,
			FILE_BYTES_MAX);
	else if (!(text = arena_alloc(arena, (size_t)about.st_size + 1)))
		status = no_memory(err);
	while (status == MLM_OK && size < (size_t)about.st_size) {
		ssize_t got = read(fd, text + size, (size_t)about.st_size - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			status = error_set_errno(err, errno, "mlruns", "cannot read '%s'", name);
		if (got <= 0)
			break;
		size += (size_t)got;
	}
	close(fd);
	if (status != MLM_OK)
		return status;
	*text_out = text;
	*size_out = size;
	return MLM_OK;
}

/* "<milliseconds> <value>[ <step>[ <dataset> <digest>]]". */
static bool parse_line(const char *line, struct store_point *point)
{
	char *end;
	errno = 0;
	long long time_ms = strtoll(line, &end, 10);
	if (end == line || *end != ' ' || errno || time_ms < 0)
		return false;
	const char *rest = end + 1;
	if (isspace((unsigned char)*rest))
		return false;
	point->value = decimal_read(rest, &end);
	if (end == rest)
		return false;
	long long step = 0;
	if (*end == ' ') {
		rest = end + 1;
		errno = 0;
		step = strtoll(rest, &end, 10);
		if (end == rest || errno)
			return false;
	}
	if (*end && *end != ' ' && *end != '\n' && *end != '\r')
		return false;
	point->timestamp_ms = time_ms;
	point->step = step;
	return true;
}

mlm_status mlruns_read_points(FILE *file, const char *key, struct store_cursor *cursor,
	struct store_point *points, size_t capacity, size_t *count_out, mlm_error *err)
{
	char line[LINE_BYTES_MAX];
	long long offset = 0, number = 0;
	if (cursor->token[0] && sscanf(cursor->token, "%lld %lld", &offset, &number) != 2)
		return error_set(err, MLM_EINVAL, "mlruns", "'%s' is no cursor", cursor->token);
	if (offset > 0 && fseeko(file, (off_t)offset, SEEK_SET) != 0)
		return error_set_errno(err, errno, "mlruns", "cannot read the metric '%s'", key);
	size_t count = 0;
	while (count < capacity && fgets(line, sizeof(line), file)) {
		number++;
		if (line[0] == '\n')
			continue;
		points[count].series = 0;
		if (!parse_line(line, &points[count]))
			return error_set(err, MLM_ECORRUPT, "mlruns",
				"line %lld of the metric '%s' is not a time in milliseconds, a "
				"value and a step",
				number, key);
		count++;
	}
	if (ferror(file))
		return error_set_errno(err, errno, "mlruns", "cannot read the metric '%s'", key);
	if (count == capacity)
		snprintf(cursor->token, sizeof(cursor->token), "%lld %lld", (long long)ftello(file),
			number);
	else
		cursor->token[0] = '\0';
	*count_out = count;
	return MLM_OK;
}
