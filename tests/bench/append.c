/* SPDX-License-Identifier: Apache-2.0 */
/* append DIRECTORY [quick]: log_metric from C, in bursts with pauses as a simulation's frames have
 * them, each burst followed by one of bare appends. */
#include <stdlib.h>
#include <string.h>

#include "bare_append.h"
#include "figure.h"
#include "fixture.h"

#define BURST      1000
#define PAUSE_US   1500
#define ROUNDS     1500
#define BATCH_KEYS 10

static struct bare_record *cursor;

static double bare_burst(void)
{
	double start = figure_seconds();
	for (int i = 0; i < BURST; i++)
		bare_append(&cursor, (uint64_t)(i % FIXTURE_KEYS), i, i * 0.37);
	return (figure_seconds() - start) * 1e9 / BURST;
}

static double our_burst(mlm_run *run)
{
	mlm_error err = MLM_ERROR_INIT;
	double start = figure_seconds();
	for (int i = 0; i < BURST; i++)
		fixture_must(mlm_run_log_metric(run, fixture_keys[i % FIXTURE_KEYS], 0, i * 0.37,
				     MLM_STEP_NEXT, MLM_TIME_NOW, &err),
			&err);
	return (figure_seconds() - start) * 1e9 / BURST;
}

/* time_ms 0: each point has its own time. */
static double handle_burst(mlm_metric_handle *const handles[FIXTURE_KEYS], int64_t time_ms)
{
	mlm_error err = MLM_ERROR_INIT;
	double start = figure_seconds();
	for (int i = 0; i < BURST; i++)
		fixture_must(mlm_metric_handle_log(handles[i % FIXTURE_KEYS], i * 0.37,
				     MLM_STEP_NEXT, time_ms ? time_ms : MLM_TIME_NOW, &err),
			&err);
	return (figure_seconds() - start) * 1e9 / BURST;
}

static double our_batch_burst(mlm_run *run)
{
	mlm_error err = MLM_ERROR_INIT;
	mlm_metric metrics[BATCH_KEYS];
	double start = figure_seconds();
	for (int i = 0; i < BURST / BATCH_KEYS; i++) {
		for (int k = 0; k < BATCH_KEYS; k++)
			metrics[k] = (mlm_metric){ fixture_keys[k], 0, i * 0.37, MLM_STEP_NEXT,
				MLM_TIME_NOW };
		fixture_must(mlm_run_log_metrics(run, metrics, BATCH_KEYS, &err), &err);
	}
	return (figure_seconds() - start) * 1e9 / BURST;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		fixture_die("usage: append DIRECTORY [quick]");
	size_t rounds = argc > 2 && strcmp(argv[2], "quick") == 0 ? ROUNDS / 5 : ROUNDS;
	char path[FIXTURE_PATH_SIZE];
	fixture_path(path, argv[1], "append");
	mlm_manager *manager = fixture_open(path);
	mlm_run *run = fixture_run(manager);
	fixture_path(path, argv[1], "append-bare");
	cursor = bare_map(path, rounds * BURST);
	double *bare = calloc(rounds, sizeof(*bare));
	double *ours = calloc(rounds, sizeof(*ours));
	double *batch = calloc(rounds, sizeof(*batch));
	double *handle = calloc(rounds, sizeof(*handle));
	double *frame = calloc(rounds, sizeof(*frame));
	mlm_metric_handle *handles[FIXTURE_KEYS];
	mlm_error err = MLM_ERROR_INIT;
	for (int i = 0; i < FIXTURE_KEYS; i++)
		fixture_must(
			mlm_metric_handle_get(run, fixture_keys[i], 0, &handles[i], &err), &err);
	if (!cursor || !bare || !ours || !batch || !handle || !frame)
		fixture_die("append: no memory or disk for the bare append");
	for (size_t i = 0; i < rounds; i++) {
		bare[i] = bare_burst();
		figure_sleep_us(PAUSE_US);
		ours[i] = our_burst(run);
		figure_sleep_us(PAUSE_US);
		handle[i] = handle_burst(handles, 0);
		figure_sleep_us(PAUSE_US);
		frame[i] = handle_burst(handles, 1700000000000 + (int64_t)i);
		figure_sleep_us(PAUSE_US);
		batch[i] = our_batch_burst(run);
		figure_sleep_us(PAUSE_US);
	}
	double limit = figure_median(bare, rounds);
	figure_print("log_metric from C", "ns", figure_median(ours, rounds), limit,
		"bare mapped append with clock", "ratio <= 2");
	figure_print("metric handle from C", "ns", figure_median(handle, rounds), limit,
		"bare mapped append with clock", "ratio <= 1.8");
	figure_print("metric handle from C, one time a frame", "ns", figure_median(frame, rounds),
		limit, "bare mapped append with clock", "ratio <= 1.2");
	figure_print("log_metrics of 10 from C, a point", "ns", figure_median(batch, rounds), limit,
		"bare mapped append with clock", "");
	fixture_close(manager);
	fixture_path(path, argv[1], "append");
	fixture_remove(path);
	free(bare);
	free(ours);
	free(batch);
	free(handle);
	free(frame);
	return 0;
}
