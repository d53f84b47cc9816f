/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_BARE_APPEND_H
#define BENCH_BARE_APPEND_H

/* The least that keeping a point can cost: the clock and 32 bytes into memory. What log_metric is
 * measured against. */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct bare_record {
	int64_t time_ns;
	uint64_t id;
	int64_t step;
	double value;
};

/* Mapped from a file and write-populated, as the journal is, or private. NULL on failure. */
static inline struct bare_record *bare_map(const char *path, size_t records)
{
	size_t bytes = records * sizeof(struct bare_record);
	if (!path) {
		void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		return map == MAP_FAILED ? NULL : map;
	}
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || posix_fallocate(fd, 0, (off_t)bytes) != 0)
		return NULL;
	unlink(path);
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED || madvise(map, bytes, MADV_POPULATE_WRITE) != 0)
		return NULL;
	return map;
}

static inline void bare_append(struct bare_record **cursor, uint64_t id, int64_t step, double value)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	struct bare_record *record = (*cursor)++;
	record->time_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	record->id = id;
	record->step = step;
	record->value = value;
}

#endif
