/* SPDX-License-Identifier: Apache-2.0 */
/* paced DIRECTORY [quick]: what a frame loop sees. Frames of 50 metrics at 1000 Hz, every call
 * timed by itself, the flusher draining meanwhile; in turns with the same loop on private memory
 * that has been touched before, while the flusher has nothing to do.
 *
 * Where it may, the calling thread asks for a real-time priority, as the loops of engines do: a
 * scheduler that gives the core to somebody else in the middle of a call is not the library's. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "bare_append.h"
#include "figure.h"
#include "fixture.h"

#define FRAME_METRICS 50
#define FRAME_NS      1000000
#define SLICE_FRAMES  2000
#define SLICES        12
#define SLICES_QUICK  3

static inline uint64_t ticks_now(void)
{
#if defined(__x86_64__)
	/* The fence keeps the call's own loads and stores between the two readings. */
	_mm_lfence();
	return __rdtsc();
#else
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
#endif
}

static uint32_t ticks_since(uint64_t start)
{
	uint64_t elapsed = ticks_now() - start;
	return elapsed > UINT32_MAX ? UINT32_MAX : (uint32_t)elapsed;
}

static double ticks_per_ns(void)
{
	double start = figure_seconds();
	uint64_t ticks = ticks_now();
	figure_sleep_us(50000);
	uint64_t elapsed = ticks_now() - ticks;
	return (double)elapsed / ((figure_seconds() - start) * 1e9);
}

struct samples {
	uint32_t *ticks;
	size_t count;
};

static struct samples samples_new(size_t capacity)
{
	struct samples samples = { malloc(capacity * sizeof(uint32_t)), 0 };
	if (!samples.ticks)
		fixture_die("paced: no memory");
	memset(samples.ticks, 1, capacity * sizeof(uint32_t));
	return samples;
}

static void wait_for_frame(struct timespec *at)
{
	at->tv_nsec += FRAME_NS;
	if (at->tv_nsec >= 1000000000) {
		at->tv_nsec -= 1000000000;
		at->tv_sec++;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, at, NULL);
}

static void our_slice(mlm_run *run, struct samples *samples)
{
	mlm_error err = MLM_ERROR_INIT;
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	for (int frame = 0; frame < SLICE_FRAMES; frame++) {
		wait_for_frame(&at);
		for (int i = 0; i < FRAME_METRICS; i++) {
			uint64_t start = ticks_now();
			mlm_status status = mlm_run_log_metric(run, fixture_keys[i % FIXTURE_KEYS],
				0, frame * 0.37, MLM_STEP_NEXT, MLM_TIME_NOW, &err);
			samples->ticks[samples->count++] = ticks_since(start);
			fixture_must(status, &err);
		}
	}
}

static void private_slice(struct bare_record **cursor, struct samples *samples)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	for (int frame = 0; frame < SLICE_FRAMES; frame++) {
		wait_for_frame(&at);
		for (int i = 0; i < FRAME_METRICS; i++) {
			uint64_t start = ticks_now();
			bare_append(cursor, (uint64_t)(i % FIXTURE_KEYS), frame, frame * 0.37);
			samples->ticks[samples->count++] = ticks_since(start);
		}
	}
}

/* p99.99 of the middle slice: a neighbour on the machine hits some, the library all. */
static double usual_tail(const struct samples *samples, size_t slices)
{
	double tails[SLICES];
	size_t size = samples->count / slices;
	for (size_t i = 0; i < slices; i++)
		tails[i] = figure_quantile(samples->ticks + i * size, size, 0.9999);
	return figure_median(tails, slices);
}

static bool ask_for_priority(void)
{
	struct sched_param priority = { .sched_priority = 1 };
	return sched_setscheduler(0, SCHED_FIFO, &priority) == 0;
}

static double clock_cost_ns(double per_ns)
{
	uint32_t costs[1001];
	for (size_t i = 0; i < 1001; i++)
		costs[i] = ticks_since(ticks_now());
	return figure_quantile(costs, 1001, 0.5) / per_ns;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		fixture_die("usage: paced DIRECTORY [quick]");
	size_t slices = argc > 2 && strcmp(argv[2], "quick") == 0 ? SLICES_QUICK : SLICES;
	size_t count = slices * SLICE_FRAMES * FRAME_METRICS;
	char path[FIXTURE_PATH_SIZE];
	fixture_path(path, argv[1], "paced");
	mlm_error err = MLM_ERROR_INIT;
	mlm_manager *manager = fixture_open(path);
	mlm_run *run = fixture_run(manager);
	/* Every key once, as an engine does at load: the first use allocates. */
	for (size_t i = 0; i < FIXTURE_KEYS; i++)
		fixture_must(mlm_run_log_metric(
				     run, fixture_keys[i], 0, 0, MLM_STEP_NEXT, MLM_TIME_NOW, &err),
			&err);
	struct bare_record *cursor = bare_map(NULL, count);
	if (!cursor)
		fixture_die("paced: no memory");
	struct samples ours = samples_new(count);
	struct samples limit = samples_new(count);
	double per_ns = ticks_per_ns();
	bool has_priority = ask_for_priority(); /* not the library's threads: they run by now */
	for (size_t i = 0; i < slices; i++) {
		our_slice(run, &ours);
		fixture_must(mlm_manager_flush(manager, MLM_FOREVER, &err), &err);
		private_slice(&cursor, &limit);
	}
	const char *beside = "private memory, same loop";
	double to_us = 1 / per_ns / 1000;
	double our_tail = usual_tail(&ours, slices) * to_us;
	double limit_tail = usual_tail(&limit, slices) * to_us;
	figure_print("paced log_metric, median", "us",
		figure_quantile(ours.ticks, ours.count, 0.5) * to_us,
		figure_quantile(limit.ticks, limit.count, 0.5) * to_us, beside, "");
	figure_print("paced log_metric, p99.99", "us", our_tail, limit_tail, beside, "ours < 5");
	figure_print("paced log_metric, worst", "us",
		figure_quantile(ours.ticks, ours.count, 1) * to_us,
		figure_quantile(limit.ticks, limit.count, 1) * to_us, beside,
		"ours <= max(1000, raw)");
	figure_note(
		"paced: %zu calls each, %d a frame at %d Hz, %s; the clock's %.0f ns are in every "
		"one; p99.99 is that of the middle one of %zu slices",
		count, FRAME_METRICS, 1000000000 / FRAME_NS,
		has_priority ? "SCHED_FIFO" : "usual scheduling", clock_cost_ns(per_ns), slices);
	fixture_close(manager);
	fixture_remove(path);
	free(ours.ticks);
	free(limit.ticks);
	return 0;
}
