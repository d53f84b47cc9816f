/* SPDX-License-Identifier: Apache-2.0 */
#include "core/system_sample.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/memory.h"

#define STAT_TEXT_SIZE    512 /* the first line of /proc/stat is all that is read of it */
#define MEMORY_TEXT_SIZE  16384
#define NETWORK_TEXT_SIZE (256u << 10) /* about 2000 interfaces; what follows is not counted */

enum { CPU_IDLE = 3, CPU_IOWAIT = 4 };

bool system_sample_parse_cpu(const char *text, struct system_cpu *cpu_out)
{
	if (strncmp(text, "cpu ", 4) != 0)
		return false;
	struct system_cpu cpu = { { 0 } };
	const char *at = text + 4;
	int fields = 0;
	while (fields < SYSTEM_CPU_FIELDS) {
		at += strspn(at, " ");
		if (*at < '0' || *at > '9')
			break;
		char *end;
		cpu.ticks[fields++] = strtoull(at, &end, 10);
		at = end;
	}
	/* Kernels before 2.6.11 have fewer columns, but all have these. */
	if (fields <= CPU_IDLE)
		return false;
	*cpu_out = cpu;
	return true;
}

double system_sample_cpu_percent(const struct system_cpu *before, const struct system_cpu *after)
{
	uint64_t total = 0, idle = 0;
	for (int i = 0; i < SYSTEM_CPU_FIELDS; i++) {
		/* Some counters run backwards now and then (iowait, steal). */
		if (after->ticks[i] <= before->ticks[i])
			continue;
		uint64_t passed = after->ticks[i] - before->ticks[i];
		total += passed;
		if (i == CPU_IDLE || i == CPU_IOWAIT)
			idle += passed;
	}
	return total ? 100.0 * (double)(total - idle) / (double)total : 0;
}

/* The bytes that line "name: N kB" tells; false without such a line. */
static bool find_kilobytes(const char *text, const char *name, uint64_t *bytes_out)
{
	size_t size = strlen(name);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, size) != 0 || line[size] != ':')
			continue;
		uint64_t kilobytes;
		if (sscanf(line + size + 1, "%" SCNu64, &kilobytes) != 1)
			return false;
		*bytes_out = kilobytes * 1024;
		return true;
	}
	return false;
}

bool system_sample_parse_memory(const char *text, struct system_memory *memory_out)
{
	uint64_t total, unused, available, cached;
	if (!find_kilobytes(text, "MemTotal", &total) || !find_kilobytes(text, "MemFree", &unused))
		return false;
	if (!find_kilobytes(text, "MemAvailable", &available) || available == 0)
		available = unused + (find_kilobytes(text, "Cached", &cached) ? cached : 0);
	/* A container may show the machine's available memory and its own total. */
	if (available > total)
		available = unused < total ? unused : total;
	memory_out->total_bytes = total;
	memory_out->used_bytes = total - available;
	return true;
}

bool system_sample_parse_network(const char *text, struct system_network *network_out)
{
	struct system_network sum = { 0, 0 };
	bool found = false;
	for (const char *line = text; *line;) {
		const char *end = strchr(line, '\n');
		/* The name of an alias has a colon itself, so the last one counts. */
		const char *colon = end ? memrchr(line, ':', (size_t)(end - line)) : NULL;
		uint64_t received, sent;
		/* Eight columns each: bytes, packets, and what went wrong with them. */
		if (colon && sscanf(colon + 1, "%" SCNu64 "%*u%*u%*u%*u%*u%*u%*u%" SCNu64,
				     &received, &sent) == 2) {
			sum.received_bytes += received;
			sum.sent_bytes += sent;
			found = true;
		}
		if (!end)
			break;
		line = end + 1;
	}
	if (found)
		*network_out = sum;
	return found;
}

/* Reads a file of /proc up to size - 1 bytes. */
static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	size_t used = 0;
	ssize_t got;
	while (used < size - 1 && (got = read(fd, text + used, size - 1 - used)) > 0)
		used += (size_t)got;
	close(fd);
	text[used] = '\0';
	return used > 0;
}

bool system_sample_cpu(struct system_cpu *cpu_out)
{
	char text[STAT_TEXT_SIZE];
	return read_text("/proc/stat", text, sizeof(text)) &&
	       system_sample_parse_cpu(text, cpu_out);
}

bool system_sample_memory(struct system_memory *memory_out)
{
	char text[MEMORY_TEXT_SIZE];
	return read_text("/proc/meminfo", text, sizeof(text)) &&
	       system_sample_parse_memory(text, memory_out);
}

bool system_sample_network(const mlm_allocator *allocator, struct system_network *network_out)
{
	char *text = memory_resize(allocator, NULL, NETWORK_TEXT_SIZE, 1);
	bool ok = text && read_text("/proc/net/dev", text, NETWORK_TEXT_SIZE) &&
		  system_sample_parse_network(text, network_out);
	memory_free(allocator, text);
	return ok;
}

bool system_sample_disk(const char *path, struct system_disk *disk_out)
{
	struct statvfs disk;
	if (statvfs(path, &disk) != 0)
		return false;
	uint64_t block = disk.f_frsize;
	disk_out->used_bytes = (disk.f_blocks - disk.f_bfree) * block;
	disk_out->available_bytes = disk.f_bavail * block;
	return true;
}
