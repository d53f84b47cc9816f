/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_SYSTEM_SAMPLE_H
#define CORE_SYSTEM_SAMPLE_H

/* What this machine is doing, read from the kernel: the numbers that psutil gives, and with it
 * MLflow. The parsers take the text of a file in /proc. */

#include <stdbool.h>
#include <stdint.h>

#include "mlmanager/allocator.h"

/* Clock ticks since boot, all processors together: user, nice, system, idle, iowait, irq, softirq,
 * steal. Time spent for guests is part of user and nice. */
#define SYSTEM_CPU_FIELDS 8
struct system_cpu {
	uint64_t ticks[SYSTEM_CPU_FIELDS];
};

struct system_memory {
	uint64_t total_bytes;
	uint64_t used_bytes; /* total less what could be given to a program without swapping */
};

/* Since boot, all interfaces of this network namespace together, loopback included. */
struct system_network {
	uint64_t received_bytes;
	uint64_t sent_bytes;
};

struct system_disk {
	uint64_t used_bytes;
	uint64_t available_bytes; /* to a user who is not root */
};

/** Reads the line "cpu" of /proc/stat. False, and *cpu_out untouched, where there is none. */
bool system_sample_parse_cpu(const char *text, struct system_cpu *cpu_out);

/** The share of time between two readings that the processors were not idle, 0 to 100; 0 when no
 * tick passed. */
double system_sample_cpu_percent(const struct system_cpu *before, const struct system_cpu *after);

/** Reads /proc/meminfo. Kernels that do not say MemAvailable get it estimated from what is free and
 * cached. False, and *memory_out untouched, without MemTotal and MemFree. */
bool system_sample_parse_memory(const char *text, struct system_memory *memory_out);

/** Sums /proc/net/dev. Lines that are not an interface's are passed over; false when none is. */
bool system_sample_parse_network(const char *text, struct system_network *network_out);

/** Each reads and parses now; false when the kernel does not give it. */
bool system_sample_cpu(struct system_cpu *cpu_out);
bool system_sample_memory(struct system_memory *memory_out);
bool system_sample_network(const mlm_allocator *allocator, struct system_network *network_out);
bool system_sample_disk(const char *path, struct system_disk *disk_out);

#endif
