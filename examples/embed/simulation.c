/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulation at 240 steps a second that logs 50 metrics a step, and what that costs it.
 *
 *     simulation [--steps N] [--boxes N] [--realtime] [--store URI]
 *
 * Boxes tumble in a turning drum (Chipmunk2D). The steps of every other simulated second are
 * logged, N in all, so that steps with and without logging meet the same physics and the same
 * moods of the machine. Nothing of the logging happens on this thread but the 50 appends: the
 * library's threads bring them into the store.
 */
#include <chipmunk/chipmunk.h>
#include <errno.h>
#include <limits.h>
#include <mlmanager/metric_handle.h>
#include <mlmanager/mlmanager.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STEPS_PER_SECOND 240
#define METRICS          50
#define WORLD_METRICS    10 /* of the world; the others are of single boxes, 4 each */
#define BOXES_MIN        10
#define DRUM_HALF        12.0
#define DRUM_RAD_PER_S   0.7
#define WARM_UP_STEPS    2400

struct options {
	long steps;
	long boxes;
	bool realtime;
	const char *store;
};

struct world {
	cpSpace *space;
	cpBody *drum;
	cpBody **boxes;
	long box_count;
	long contacts; /* arbiters of the last step */
};

static int64_t now_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

_Noreturn static void die(const char *what, const char *why)
{
	fprintf(stderr, "simulation: %s: %s\n", what, why);
	exit(1);
}

static void must(mlm_status status, const mlm_error *err)
{
	if (status != MLM_OK)
		die(mlm_status_name(status), err->message);
}

static void *need(void *memory)
{
	if (!memory)
		die("memory", strerror(ENOMEM));
	return memory;
}

/* ---- the world ---- */

static void add_drum(struct world *world)
{
	static const cpVect corners[] = { { -DRUM_HALF, -DRUM_HALF }, { DRUM_HALF, -DRUM_HALF },
		{ DRUM_HALF, DRUM_HALF }, { -DRUM_HALF, DRUM_HALF } };
	world->drum = cpSpaceAddBody(world->space, cpBodyNewKinematic());
	cpBodySetAngularVelocity(world->drum, DRUM_RAD_PER_S);
	for (int i = 0; i < 4; i++) {
		cpShape *wall = cpSpaceAddShape(world->space,
			cpSegmentShapeNew(world->drum, corners[i], corners[(i + 1) % 4], 0.5));
		cpShapeSetFriction(wall, 0.8);
		cpShapeSetElasticity(wall, 0.3);
	}
}

static void make_world(struct world *world, long box_count)
{
	world->space = cpSpaceNew();
	world->box_count = box_count;
	world->boxes = need(calloc((size_t)box_count, sizeof(*world->boxes)));
	cpSpaceSetGravity(world->space, cpv(0, -9.81));
	cpSpaceSetIterations(world->space, 10);
	add_drum(world);
	for (long i = 0; i < box_count; i++) {
		cpBody *box = cpBodyNew(1, cpMomentForBox(1, 0.9, 0.9));
		world->boxes[i] = cpSpaceAddBody(world->space, box);
		cpBodySetPosition(box, cpv((double)(i % 20) - 9.5, (double)(i / 20) - 9.5));
		cpShape *shape = cpSpaceAddShape(world->space, cpBoxShapeNew(box, 0.9, 0.9, 0.02));
		cpShapeSetFriction(shape, 0.6);
		cpShapeSetElasticity(shape, 0.3);
	}
}

static void count_contact(cpBody *body, cpArbiter *arbiter, void *payload)
{
	(void)body;
	*(long *)payload += cpArbiterGetCount(arbiter);
}

static void step_world(struct world *world)
{
	cpSpaceStep(world->space, 1.0 / STEPS_PER_SECOND);
	world->contacts = 0;
	for (long i = 0; i < world->box_count; i++)
		cpBodyEachArbiter(world->boxes[i], count_contact, &world->contacts);
}

static const char *const world_names[WORLD_METRICS] = { "energy/kinetic", "energy/potential",
	"speed/mean", "speed/max", "spin/mean", "height/mean", "height/max", "momentum/x",
	"momentum/y", "contacts" };

static void measure(const struct world *world, double values[METRICS])
{
	memset(values, 0, METRICS * sizeof(*values));
	double share = 1.0 / (double)world->box_count;
	for (long i = 0; i < world->box_count; i++) {
		const cpBody *box = world->boxes[i];
		cpVect at = cpBodyGetPosition(box);
		cpVect velocity = cpBodyGetVelocity(box);
		double speed = cpvlength(velocity);
		values[0] += cpBodyKineticEnergy(box) / 2;
		values[1] += 9.81 * (at.y + DRUM_HALF);
		values[2] += speed * share;
		values[3] = speed > values[3] ? speed : values[3];
		values[4] += cpBodyGetAngularVelocity(box) * share;
		values[5] += at.y * share;
		values[6] = i == 0 || at.y > values[6] ? at.y : values[6];
		values[7] += velocity.x;
		values[8] += velocity.y;
		if (i < (METRICS - WORLD_METRICS) / 4) {
			double *own = values + WORLD_METRICS + 4 * i;
			own[0] = at.x;
			own[1] = at.y;
			own[2] = cpBodyGetAngle(box);
			own[3] = speed;
		}
	}
	values[9] = (double)world->contacts;
}

static void free_shape(cpBody *body, cpShape *shape, void *payload)
{
	(void)body;
	(void)payload;
	cpShapeFree(shape);
}

static void free_world(struct world *world)
{
	cpBodyEachShape(world->drum, free_shape, NULL);
	for (long i = 0; i < world->box_count; i++)
		cpBodyEachShape(world->boxes[i], free_shape, NULL);
	for (long i = 0; i < world->box_count; i++)
		cpBodyFree(world->boxes[i]);
	cpBodyFree(world->drum);
	cpSpaceFree(world->space);
	free(world->boxes);
}

/* ---- logging ---- */

/* The keys are looked up once, before the loop. */
static void get_handles(mlm_run *run, mlm_metric_handle *handles[METRICS])
{
	static const char *const of_box[] = { "x", "y", "angle", "speed" };
	mlm_error err = MLM_ERROR_INIT;
	for (int i = 0; i < METRICS; i++) {
		char key[32];
		int n = i - WORLD_METRICS;
		if (n < 0)
			snprintf(key, sizeof(key), "%s", world_names[i]);
		else
			snprintf(key, sizeof(key), "box %d/%s", n / 4, of_box[n % 4]);
		must(mlm_metric_handle_get(run, key, 0, &handles[i], &err), &err);
	}
}

/* All points of a step have its step and its time, which is asked for once. */
static void log_step(
	mlm_metric_handle *const handles[METRICS], const double values[METRICS], long step)
{
	mlm_error err = MLM_ERROR_INIT;
	int64_t time_ms = now_ns(CLOCK_REALTIME) / 1000000;
	for (int i = 0; i < METRICS; i++)
		must(mlm_metric_handle_log(handles[i], values[i], step, time_ms, &err), &err);
}

/* ---- what it costs ---- */

struct times {
	uint32_t *part_ns; /* logging, or spinning for as long */
	uint32_t *whole_ns; /* physics and logging; of steps without, the physics */
	long count;
};

static struct times new_times(long count)
{
	return (struct times){
		.part_ns = need(calloc((size_t)count, sizeof(uint32_t))),
		.whole_ns = need(calloc((size_t)count, sizeof(uint32_t))),
	};
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

struct summary {
	double median_us;
	double p9999_us;
	double worst_us;
};

/* Sorts. */
static struct summary summarize(uint32_t *ns, long count)
{
	qsort(ns, (size_t)count, sizeof(*ns), compare);
	return (struct summary){
		.median_us = ns[count / 2] / 1e3,
		.p9999_us = ns[(long)((double)(count - 1) * 0.9999)] / 1e3,
		.worst_us = ns[count - 1] / 1e3,
	};
}

static void print(const char *what, struct summary summary)
{
	printf("  %-34s %10.2f %10.2f %10.2f\n", what, summary.median_us, summary.p9999_us,
		summary.worst_us);
}

static void explain(struct times *with, struct times *without)
{
	struct summary logging = summarize(with->part_ns, with->count);
	struct summary spinning = summarize(without->part_ns, without->count);
	struct summary logged = summarize(with->whole_ns, with->count);
	struct summary plain = summarize(without->whole_ns, without->count);
	printf("\nmicroseconds a step                      median     p99.99      worst\n");
	print("logging its 50 metrics", logging);
	print("spinning for as long", spinning);
	print("the whole step, with logging", logged);
	print("the whole step, without", plain);
	printf("  %-34s %10.2f\n", "the whole step, difference",
		logged.median_us - plain.median_us);
	printf("\n"
	       "The first line is the cost of logging: the 50 appends and one look at the clock,\n"
	       "between two readings of a monotonic clock. The second is a loop that does "
	       "nothing,\n"
	       "in the steps without logging, for as long as logging takes: what its p99.99 and\n"
	       "worst have above its median is how long the machine took this thread away. Of\n"
	       "%ld steps, %ld exceed p99.99. A step may take %.0f us at %d steps a second; "
	       "logging\n"
	       "takes %.3f %% of that. The difference of the medians of whole steps also has what\n"
	       "logging does to the caches of the physics.\n",
		with->count, with->count / 10000, 1e6 / STEPS_PER_SECOND, STEPS_PER_SECOND,
		logging.median_us * STEPS_PER_SECOND / 1e4);
	printf("\nlogging, median: %.2f us, which is %s the bar of 5 us\n", logging.median_us,
		logging.median_us < 5 ? "under" : "over");
}

static void pace(int64_t *due_ns)
{
	*due_ns += 1000000000 / STEPS_PER_SECOND;
	struct timespec due = { .tv_sec = *due_ns / 1000000000, .tv_nsec = *due_ns % 1000000000 };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
		;
}

/* How long logging took in the second before. */
static int64_t typical_ns(const struct times *with)
{
	uint32_t recent[STEPS_PER_SECOND];
	memcpy(recent, with->part_ns + with->count - STEPS_PER_SECOND, sizeof(recent));
	qsort(recent, STEPS_PER_SECOND, sizeof(*recent), compare);
	return recent[STEPS_PER_SECOND / 2];
}

static void spin_until(int64_t end_ns)
{
	while (now_ns(CLOCK_MONOTONIC) < end_ns)
		;
}

/* One second with logging, one without, until steps have been logged. */
static void run_loop(const struct options *options, struct world *world,
	mlm_metric_handle *const handles[METRICS], struct times *with, struct times *without)
{
	double values[METRICS];
	int64_t spin_ns = 0;
	int64_t due_ns = now_ns(CLOCK_MONOTONIC);
	for (long step = 0; with->count < options->steps; step++) {
		bool logs = step / STEPS_PER_SECOND % 2 == 0;
		struct times *times = logs ? with : without;
		if (!logs && step % STEPS_PER_SECOND == 0)
			spin_ns = typical_ns(with);
		int64_t began_ns = now_ns(CLOCK_MONOTONIC);
		step_world(world);
		measure(world, values);
		int64_t simulated_ns = now_ns(CLOCK_MONOTONIC);
		if (logs)
			log_step(handles, values, with->count);
		else
			spin_until(simulated_ns + spin_ns);
		int64_t ended_ns = now_ns(CLOCK_MONOTONIC);
		if (times->count < options->steps) {
			int64_t whole_ns = (logs ? ended_ns : simulated_ns) - began_ns;
			times->part_ns[times->count] = (uint32_t)(ended_ns - simulated_ns);
			times->whole_ns[times->count++] = (uint32_t)whole_ns;
		}
		if (options->realtime)
			pace(&due_ns);
	}
}

/* ---- the program ---- */

static long number_of(const char *option, const char *text, long least)
{
	char *end = NULL;
	errno = 0;
	long number = text ? strtol(text, &end, 10) : 0;
	if (!text || end == text || *end || errno || number < least || number > INT_MAX) {
		fprintf(stderr, "simulation: %s takes a whole number from %ld on, not '%s'\n",
			option, least, text ? text : "nothing");
		exit(2);
	}
	return number;
}

static struct options read_options(char **argv)
{
	struct options options = { .boxes = 200 };
	for (argv++; *argv; argv++) {
		if (strcmp(*argv, "--realtime") == 0) {
			options.realtime = true;
		} else if (strcmp(*argv, "--steps") == 0) {
			options.steps = number_of("--steps", *++argv, 2 * STEPS_PER_SECOND);
		} else if (strcmp(*argv, "--boxes") == 0) {
			options.boxes = number_of("--boxes", *++argv, BOXES_MIN);
		} else if (strcmp(*argv, "--store") == 0 && argv[1]) {
			options.store = *++argv;
		} else {
			fprintf(stderr, "usage: simulation [--steps N] [--boxes N] [--realtime] "
					"[--store URI]\n");
			exit(2);
		}
		if (!*argv)
			break;
	}
	if (!options.steps) /* 1000 simulated seconds, or half a minute of real ones */
		options.steps = (options.realtime ? 15 : 1000) * STEPS_PER_SECOND;
	return options;
}

/* A directory beside the other temporary files, which stays: the run is to be looked at. */
static const char *temporary_store(void)
{
	static char uri[PATH_MAX + 64];
	char directory[PATH_MAX];
	const char *where = getenv("TMPDIR");
	snprintf(directory, sizeof(directory), "%s/simulation.XXXXXX", where ? where : "/tmp");
	if (!mkdtemp(directory))
		die(directory, strerror(errno));
	snprintf(uri, sizeof(uri), "sqlite:%s/mlmanager.db", directory);
	return uri;
}

int main(int argc, char **argv)
{
	(void)argc;
	struct options options = read_options(argv);
	mlm_error err = MLM_ERROR_INIT;
	mlm_manager *manager = NULL;
	mlm_run *run = NULL;
	mlm_manager_options open = MLM_MANAGER_OPTIONS_INIT;
	open.store = options.store ? options.store : temporary_store();
	must(mlm_manager_open(&open, &manager, &err), &err);
	must(mlm_experiment_create(manager, "simulation", NULL, NULL, &err), &err);
	must(mlm_run_start(manager, NULL, &run, &err), &err);
	char boxes[24];
	snprintf(boxes, sizeof(boxes), "%ld", options.boxes);
	mlm_text params[] = { { "boxes", boxes }, { "steps_per_second", "240" } };
	must(mlm_run_log_params(run, params, 2, &err), &err);

	mlm_metric_handle *handles[METRICS];
	get_handles(run, handles);
	struct world world;
	make_world(&world, options.boxes);
	struct times with = new_times(options.steps);
	struct times without = new_times(options.steps);
	printf("%ld boxes, %d steps a second, %d metrics a step, %ld steps with logging\n",
		options.boxes, STEPS_PER_SECOND, METRICS, options.steps);
	fflush(stdout);
	for (int i = 0; i < WARM_UP_STEPS; i++)
		step_world(&world);
	run_loop(&options, &world, handles, &with, &without);
	explain(&with, &without);

	int64_t began_ns = now_ns(CLOCK_MONOTONIC);
	must(mlm_run_end(run, MLM_RUN_UNCHANGED, &err), &err);
	printf("ending the run took %.0f ms: until then the last points were in the journal only\n",
		(double)(now_ns(CLOCK_MONOTONIC) - began_ns) / 1e6);
	printf("\nrun %s; to look at it:\n  mlmanager runs --experiment simulation --store %s\n",
		mlm_run_id(run), mlm_manager_store(manager));
	must(mlm_manager_close(manager, 0, &err), &err);
	mlm_manager_free(manager);
	free_world(&world);
	free(with.part_ns);
	free(with.whole_ns);
	free(without.part_ns);
	free(without.whole_ns);
	return 0;
}
