/* SPDX-License-Identifier: Apache-2.0 */
#include "core/system_sample.h"

#include <inttypes.h>
#include <math.h>

#include "check.h"

TEST(system_sample_parse_cpu__fields)
{
	struct system_cpu cpu;
	CHECK(system_sample_parse_cpu(
		"cpu  10 20 30 400 50 6 7 8 9 10\ncpu0 1 2 3 4\nintr 5\n", &cpu));
	CHECK_INT(cpu.ticks[0], 10);
	CHECK_INT(cpu.ticks[3], 400);
	CHECK_INT(cpu.ticks[7], 8);
	CHECK(system_sample_parse_cpu("cpu 1 2 3 4\n", &cpu));
	CHECK_INT(cpu.ticks[4], 0);
	CHECK(!system_sample_parse_cpu("cpu 1 2 3\n", &cpu));
	CHECK(!system_sample_parse_cpu("cpu0 1 2 3 4\n", &cpu));
	CHECK(!system_sample_parse_cpu("", &cpu));
	CHECK_INT(cpu.ticks[3], 4);
}

TEST(system_sample_cpu_percent__idle_and_backward_counters)
{
	struct system_cpu before = { { 100, 0, 100, 1000, 50, 0, 0, 10 } };
	struct system_cpu after = before;
	CHECK(system_sample_cpu_percent(&before, &after) == 0);
	after.ticks[0] += 30; /* user */
	after.ticks[3] += 60; /* idle */
	after.ticks[4] += 10; /* iowait is idle too */
	CHECK(system_sample_cpu_percent(&before, &after) == 30);
	after.ticks[7] -= 5; /* steal that runs backwards does not count */
	CHECK(system_sample_cpu_percent(&before, &after) == 30);
	after.ticks[2] += 100;
	CHECK(system_sample_cpu_percent(&before, &after) == 65);
}

TEST(system_sample_parse_memory__available_or_estimated)
{
	struct system_memory memory;
	CHECK(system_sample_parse_memory("MemTotal:       1000 kB\nMemFree:         100 kB\n"
					 "MemAvailable:    600 kB\nSwapCached: 9 kB\n",
		&memory));
	CHECK_INT(memory.total_bytes, 1000 * 1024);
	CHECK_INT(memory.used_bytes, 400 * 1024);
	CHECK(system_sample_parse_memory(
		"MemTotal: 1000 kB\nMemFree: 100 kB\nSwapCached: 9 kB\nCached: 250 kB\n", &memory));
	CHECK_INT(memory.used_bytes, 650 * 1024);
	CHECK(system_sample_parse_memory(
		"MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 5000 kB\n", &memory));
	CHECK_INT(memory.used_bytes, 900 * 1024);
	CHECK(!system_sample_parse_memory("MemFree: 100 kB\n", &memory));
	CHECK(!system_sample_parse_memory("MemTotal: 1000 kB\n", &memory));
	CHECK(!system_sample_parse_memory("MemTotal: lots\nMemFree: 1 kB\n", &memory));
}

TEST(system_sample_parse_network__sums_interfaces)
{
	static const char text[] =
		"Inter-|   Receive                    |  Transmit\n"
		" face |bytes packets errs drop fifo frame compressed multicast|bytes packets\n"
		"    lo:    3000   29 0 0 0 0 0 0     3000   29 0 0 0 0 0 0\n"
		"  eth0:5000000000 11 0 0 0 0 0 0   660000 6558 0 0 0 0 0 0\n"
		"eth0:1: 1 1 1 1 1 1 1 1 2 1 1 1 1 1 1 1\n"
		"  cut: 7 7 7\n";
	struct system_network network;
	CHECK(system_sample_parse_network(text, &network));
	CHECK_INT(network.received_bytes, 5000003001);
	CHECK_INT(network.sent_bytes, 663002);
	CHECK(!system_sample_parse_network("Inter-| Receive\n face |bytes\n", &network));
	CHECK(!system_sample_parse_network("", &network));
	CHECK_INT(network.sent_bytes, 663002);
}

/* The kernel's own files, against what else it tells. */
TEST(system_sample__this_machine)
{
	struct system_cpu cpu;
	CHECK(system_sample_cpu(&cpu) && cpu.ticks[3] > 0);
	struct system_memory memory;
	CHECK(system_sample_memory(&memory));
	CHECK(memory.used_bytes > 0 && memory.used_bytes < memory.total_bytes);
	struct system_network network;
	CHECK(system_sample_network(NULL, &network));
	struct system_disk disk;
	CHECK(system_sample_disk(".", &disk));
	unsigned long long used, available;
	FILE *df = popen("df -B1 --output=used,avail . | tail -n 1", "r");
	CHECK(df && fscanf(df, "%llu %llu", &used, &available) == 2);
	if (df)
		pclose(df);
	CHECK(fabs((double)disk.used_bytes - (double)used) < 1e9);
	CHECK(fabs((double)disk.available_bytes - (double)available) < 1e9);
	CHECK(!system_sample_disk("./no/such/place", &disk));
}

/* With an argument, prints the readings once: tests/peers/system_metrics.py compares them. */
static int print_readings(void)
{
	struct system_memory memory;
	struct system_network network;
	struct system_disk disk;
	struct system_cpu cpu;
	if (!system_sample_memory(&memory) || !system_sample_network(NULL, &network) ||
		!system_sample_disk("/", &disk) || !system_sample_cpu(&cpu))
		return 1;
	uint64_t total = 0;
	for (int i = 0; i < SYSTEM_CPU_FIELDS; i++)
		total += cpu.ticks[i];
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
	       " %" PRIu64 "\n",
		memory.total_bytes, memory.used_bytes, network.received_bytes, network.sent_bytes,
		disk.used_bytes, disk.available_bytes, total, cpu.ticks[3] + cpu.ticks[4]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--print") == 0)
		return print_readings();
	RUN(system_sample_parse_cpu__fields);
	RUN(system_sample_cpu_percent__idle_and_backward_counters);
	RUN(system_sample_parse_memory__available_or_estimated);
	RUN(system_sample_parse_network__sums_interfaces);
	RUN(system_sample__this_machine);
	return check_done();
}
