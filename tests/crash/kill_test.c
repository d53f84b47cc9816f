/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 at any moment. A child works on a store and notes in shared memory what it is about to do
 * and what has been acknowledged; it is killed; the next opener adopts what it left. Then plain
 * SQLite must find every acknowledged record exactly once, at most what was under way besides, and
 * nothing left over.
 *
 *     kill_test [rounds [seed]]
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "store_reading.h"

#ifndef ROUNDS_DEFAULT
#define ROUNDS_DEFAULT 320
#endif
#define ENOUGH_TO_JUDGE  80 /* rounds that must have hit everything */
#define ROUNDS_PER_STORE 16
#define THREADS_MAX      3
#define KEYS             3
#define RUNS_MAX         256
#define TEXTS_MAX        40
#define POINTS_A_SEGMENT ((4 << 20) / 32)
#define WAIT_US_MAX      3000000

static mlm_error err;

/* What a child is doing. The killer picks one and strikes shortly after the child gets there. */
enum moment {
	OPENING,
	CREATING,
	STARTING,
	LOGGING,
	PUTTING_TEXTS,
	FLUSHING,
	ENDING,
	CLOSING,
	MOMENTS,
};

struct noted_run {
	char id[MLM_ID_SIZE];
	_Atomic int64_t begun[THREADS_MAX][KEYS];
	_Atomic int64_t acknowledged[THREADS_MAX][KEYS];
	_Atomic int params_begun;
	_Atomic int params_acknowledged;
	_Atomic int tags_acknowledged;
	_Atomic bool end_begun;
	_Atomic bool end_acknowledged;
};

/* Shared with the child. */
struct notes {
	_Atomic uint32_t reached[MOMENTS];
	_Atomic int64_t points;
	_Atomic int run_count;
	_Atomic int failed;
	char failure[MLM_ERROR_MESSAGE_SIZE + 64];
	struct noted_run runs[RUNS_MAX];
};

struct round {
	enum moment moment;
	int threads;
	bool batches; /* log_metrics instead of log_metric */
	bool nested;
	bool fast; /* as fast as it goes, so that segments rotate */
	bool fresh; /* a store that has to be created */
	bool kills_adopter;
	bool two_adopters;
};

static struct notes *notes;
static struct place place;
static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((random_state >> 33) % bound);
}

/* ---- the child ---- */

static void child_failed(const char *call, const mlm_error *why)
{
	int none = 0;
	if (atomic_compare_exchange_strong(&notes->failed, &none, 1))
		snprintf(notes->failure, sizeof(notes->failure), "%.60s: %s", call, why->message);
	_exit(3);
}

#define CHILD_MUST(call)                            \
	do {                                        \
		mlm_error why_ = MLM_ERROR_INIT;    \
		if ((call) != MLM_OK)               \
			child_failed(#call, &why_); \
	} while (0)

static void reach(enum moment moment)
{
	atomic_fetch_add(&notes->reached[moment], 1);
}

struct logger {
	mlm_run *run;
	struct noted_run *noted;
	int thread;
	int64_t points; /* of each key */
	const struct round *round;
};

static void key_of(int thread, int key, char name_out[16])
{
	snprintf(name_out, 16, "t%dk%d", thread, key);
}

static double value_of(int thread, int key, int64_t step)
{
	return (double)step * 0.5 + thread + key * 0.25;
}

/* Every other key through its handle. */
static void log_each(const struct logger *logger, char names[KEYS][16],
	mlm_metric_handle *const handles[KEYS], int64_t step)
{
	struct noted_run *noted = logger->noted;
	for (int k = 0; k < KEYS; k++) {
		atomic_store(&noted->begun[logger->thread][k], step + 1);
		double value = value_of(logger->thread, k, step);
		if (k % 2)
			CHILD_MUST(mlm_metric_handle_log(
				handles[k], value, MLM_STEP_NEXT, MLM_TIME_NOW, &why_));
		else
			CHILD_MUST(mlm_run_log_metric(logger->run, names[k], 0, value,
				MLM_STEP_NEXT, MLM_TIME_NOW, &why_));
		atomic_store(&noted->acknowledged[logger->thread][k], step + 1);
	}
}

static void log_together(const struct logger *logger, char names[KEYS][16], int64_t step)
{
	mlm_metric metrics[KEYS];
	for (int k = 0; k < KEYS; k++) {
		metrics[k] = (mlm_metric){ .key = names[k],
			.value = value_of(logger->thread, k, step),
			.step = MLM_STEP_NEXT,
			.timestamp_ms = MLM_TIME_NOW };
		atomic_store(&logger->noted->begun[logger->thread][k], step + 1);
	}
	CHILD_MUST(mlm_run_log_metrics(logger->run, metrics, KEYS, &why_));
	for (int k = 0; k < KEYS; k++)
		atomic_store(&logger->noted->acknowledged[logger->thread][k], step + 1);
}

static void *log_points(void *argument)
{
	const struct logger *logger = argument;
	char names[KEYS][16];
	mlm_metric_handle *handles[KEYS];
	for (int k = 0; k < KEYS; k++) {
		key_of(logger->thread, k, names[k]);
		CHILD_MUST(mlm_metric_handle_get(logger->run, names[k], 0, &handles[k], &why_));
	}
	for (int64_t step = 0; step < logger->points; step++) {
		if (logger->round->batches)
			log_together(logger, names, step);
		else
			log_each(logger, names, handles, step);
		atomic_fetch_add(&notes->points, KEYS);
		if (!logger->round->fast && step % 16 == 15)
			sched_yield();
	}
	return NULL;
}

static void log_from_threads(mlm_run *run, struct noted_run *noted, const struct round *round)
{
	struct logger loggers[THREADS_MAX];
	pthread_t threads[THREADS_MAX];
	int64_t points = round->fast ? 50000 + (int64_t)random_below(50000)
				     : 20 + (int64_t)random_below(400);
	reach(LOGGING);
	for (int i = 0; i < round->threads; i++)
		loggers[i] = (struct logger){ run, noted, i, points / round->threads, round };
	for (int i = 1; i < round->threads; i++)
		pthread_create(&threads[i], NULL, log_points, &loggers[i]);
	log_points(&loggers[0]);
	for (int i = 1; i < round->threads; i++)
		pthread_join(threads[i], NULL);
}

static void put_texts(mlm_run *run, struct noted_run *noted)
{
	int count = 1 + (int)random_below(5);
	reach(PUTTING_TEXTS);
	for (int i = 0; i < count; i++) {
		int number = atomic_load(&noted->params_begun);
		char key[16];
		char value[16];
		snprintf(key, sizeof(key), "p%d", number);
		snprintf(value, sizeof(value), "v%d", number);
		mlm_text text = { key, value };
		atomic_store(&noted->params_begun, number + 1);
		CHILD_MUST(mlm_run_log_params(run, &text, 1, &why_));
		atomic_store(&noted->params_acknowledged, number + 1);
		CHILD_MUST(mlm_run_set_tags(run, &text, 1, &why_));
		atomic_store(&noted->tags_acknowledged, number + 1);
	}
}

static struct noted_run *start_run(mlm_manager *manager, bool nested, mlm_run **run_out)
{
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	int number = atomic_load(&notes->run_count);
	if (number == RUNS_MAX)
		for (;;)
			pause(); /* enough; wait for the end */
	struct noted_run *noted = &notes->runs[number];
	options.nested = nested;
	reach(STARTING);
	CHILD_MUST(mlm_run_start(manager, &options, run_out, &why_));
	snprintf(noted->id, sizeof(noted->id), "%s", mlm_run_id(*run_out));
	atomic_store(&notes->run_count, number + 1);
	return noted;
}

static void end_run(mlm_run *run, struct noted_run *noted)
{
	reach(ENDING);
	atomic_store(&noted->end_begun, true);
	CHILD_MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &why_));
	atomic_store(&noted->end_acknowledged, true);
}

static void work_on_a_run(mlm_manager *manager, const struct round *round)
{
	mlm_run *outer = NULL;
	mlm_run *run = NULL;
	struct noted_run *noted_outer = NULL;
	if (round->nested) {
		noted_outer = start_run(manager, false, &outer);
		log_from_threads(outer, noted_outer, round);
	}
	struct noted_run *noted = start_run(manager, round->nested, &run);
	put_texts(run, noted);
	log_from_threads(run, noted, round);
	if (random_below(2)) {
		reach(FLUSHING);
		CHILD_MUST(mlm_manager_flush(manager, MLM_FOREVER, &why_));
	}
	put_texts(run, noted);
	end_run(run, noted);
	if (outer)
		end_run(outer, noted_outer);
}

static mlm_manager_options options_of_place(void)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.store = place.uri;
	options.ignore_environment = true;
	return options;
}

static void work(const struct round *round)
{
	for (;;) {
		mlm_manager *manager = NULL;
		mlm_manager_options options = options_of_place();
		char id[MLM_ID_SIZE];
		reach(OPENING);
		CHILD_MUST(mlm_manager_open(&options, &manager, &why_));
		reach(CREATING);
		CHILD_MUST(mlm_experiment_create(manager, "killed", NULL, id, &why_));
		for (uint32_t runs = 1 + random_below(4); runs > 0; runs--)
			work_on_a_run(manager, round);
		reach(CLOSING);
		/* Some runs are left to the close, none to the killer alone. */
		CHILD_MUST(mlm_manager_close(manager, 0, &why_));
		mlm_manager_free(manager);
	}
}

static pid_t start_child(void (*body)(const struct round *), const struct round *round)
{
	fflush(stdout);
	pid_t child = fork();
	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	body(round);
	_exit(0);
}

static void adopt(const struct round *round)
{
	(void)round;
	mlm_manager *manager = NULL;
	mlm_manager_options options = options_of_place();
	CHILD_MUST(mlm_manager_open(&options, &manager, &why_));
	CHILD_MUST(mlm_manager_close(manager, 0, &why_));
	mlm_manager_free(manager);
}

/* ---- the killer ---- */

static void linger(int64_t us)
{
	for (int64_t until = monotonic_us() + us; monotonic_us() < until;)
		sched_yield();
}

static int64_t random_delay_us(void)
{
	static const uint32_t most_us[] = { 30, 300, 3000, 12000 };
	return random_below(most_us[random_below(4)] + 1);
}

static bool has_ended(pid_t child)
{
	siginfo_t about = { 0 };
	return waitid(P_PID, (id_t)child, &about, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	       about.si_pid != 0;
}

static void wait_for_the_moment(const struct round *round, pid_t child)
{
	uint32_t times = 1 + random_below(3);
	int64_t points = 0;
	int64_t give_up_us = monotonic_us() + WAIT_US_MAX;
	if (round->fast && round->moment == LOGGING)
		/* Around the end of a segment, where the journal goes on in the next one. */
		points = (1 + (int64_t)random_below(2)) * POINTS_A_SEGMENT - 1000 +
			 random_below(1500);
	if (round->fresh)
		times = 1;
	while (monotonic_us() < give_up_us && !has_ended(child) &&
		(atomic_load(&notes->reached[round->moment]) < times ||
			atomic_load(&notes->points) < points))
		sched_yield();
	linger(random_delay_us());
}

/* Kills it unless it has ended; false when it ended by an error of its own. */
static bool kill_child(pid_t child)
{
	int how = 0;
	kill(child, SIGKILL);
	waitpid(child, &how, 0);
	return (WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL) ||
	       (WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

/* ---- what must hold afterwards ---- */

static void check_points(sqlite3 *db, const struct noted_run *noted, int threads)
{
	for (int t = 0; t < threads; t++) {
		for (int k = 0; k < KEYS; k++) {
			char key[16];
			key_of(t, k, key);
			int64_t count = check_steps(db, noted->id, key);
			CHECK(count >= atomic_load(&noted->acknowledged[t][k]));
			CHECK(count <= atomic_load(&noted->begun[t][k]));
			if (count == 0)
				continue;
			CHECK_INT(reading_number(db,
					  "SELECT count(*) FROM metrics WHERE run_uuid = '%s' AND "
					  "key = '%s' AND value <> step * 0.5 + %d + %d * 0.25",
					  noted->id, key, t, k),
				0);
		}
	}
}

static void check_texts(sqlite3 *db, const struct noted_run *noted)
{
	int begun = atomic_load(&noted->params_begun);
	int64_t params = reading_number(db,
		"SELECT count(*) FROM params WHERE run_uuid = '%s' AND value = replace(key, 'p', "
		"'v')",
		noted->id);
	CHECK(params >= atomic_load(&noted->params_acknowledged) && params <= begun);
	int64_t tags = reading_number(db,
		"SELECT count(*) FROM tags WHERE run_uuid = '%s' AND key GLOB 'p[0-9]*' AND value "
		"= replace(key, 'p', 'v')",
		noted->id);
	CHECK(tags >= atomic_load(&noted->tags_acknowledged) && tags <= begun);
}

static void check_end(
	sqlite3 *db, const struct noted_run *noted, const struct round *round, int64_t killed_ms)
{
	char status[32];
	reading_text(db, status, sizeof(status), "SELECT status FROM runs WHERE run_uuid = '%s'",
		noted->id);
	if (atomic_load(&noted->end_acknowledged))
		CHECK_STRING(status, "FINISHED");
	else if (!atomic_load(&noted->end_begun))
		CHECK_STRING(status, "KILLED");
	if (strcmp(status, "KILLED") != 0)
		return;
	int64_t ended_ms =
		reading_number(db, "SELECT end_time FROM runs WHERE run_uuid = '%s'", noted->id);
	int64_t last_ms = reading_number(
		db, "SELECT max(timestamp) FROM metrics WHERE run_uuid = '%s'", noted->id);
	if (last_ms == INT64_MIN)
		last_ms = reading_number(
			db, "SELECT start_time FROM runs WHERE run_uuid = '%s'", noted->id);
	CHECK(ended_ms >= last_ms && ended_ms <= killed_ms);
	bool has_points = atomic_load(&noted->acknowledged[0][0]) > 0;
	/* A segment says again which runs are open, which counts as a sign of life. */
	if (has_points && !round->fast)
		CHECK_INT(ended_ms, last_ms);
}

static void check_store(const struct round *round, int64_t killed_ms)
{
	sqlite3 *db = reading_open(place.database);
	int run_count = atomic_load(&notes->run_count);
	check_integrity(db);
	for (int i = 0; i < run_count; i++) {
		const struct noted_run *noted = &notes->runs[i];
		CHECK_INT(reading_number(
				  db, "SELECT count(*) FROM runs WHERE run_uuid = '%s'", noted->id),
			1);
		check_points(db, noted, round->threads);
		check_texts(db, noted);
		check_end(db, noted, round, killed_ms);
	}
	/* Those that were being started when the end came are not left open either. */
	CHECK_INT(reading_number(db,
			  "SELECT count(*) FROM runs WHERE status = 'RUNNING' OR end_time IS NULL"),
		0);
	CHECK_INT(reading_number(db,
			  "SELECT count(*) FROM metrics WHERE run_uuid NOT IN (SELECT run_uuid "
			  "FROM runs)"),
		0);
	sqlite3_close(db);
}

static void check_leftovers(void)
{
	char name[NAME_MAX + 1] = "";
	int journals = directory_count(place.journals, "", name);
	if (journals)
		printf("  left over: %s\n", name);
	CHECK_INT(journals, 0);
	DIR *directory = opendir(place.directory);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, STORE_NAME) == 0 ||
			strcmp(entry->d_name, "mlartifacts") == 0)
			continue;
		printf("  left over: %s\n", entry->d_name);
		check_failures_of_test++;
	}
	closedir(directory);
}

static void count_warning(void *payload, mlm_log_level level, const char *line)
{
	if (level != MLM_LOG_WARNING)
		return;
	printf("  warned: %s\n", line);
	++*(int *)payload;
}

static void adopt_here(void)
{
	mlm_manager *manager = NULL;
	mlm_manager_options options = options_of_place();
	int warnings = 0;
	options.log = count_warning;
	options.log_payload = &warnings;
	CHECK_INT(mlm_manager_open(&options, &manager, &err), MLM_OK);
	if (!manager)
		printf("  %s\n", err.message);
	else
		CHECK_INT(mlm_manager_close(manager, 0, &err), MLM_OK);
	mlm_manager_free(manager);
	/* Dying is not damage. */
	CHECK_INT(warnings, 0);
}

static void take_over(const struct round *round)
{
	for (int i = 0; round->kills_adopter && i < 3; i++) {
		pid_t adopter = start_child(adopt, round);
		linger(random_delay_us());
		CHECK(kill_child(adopter));
	}
	if (round->two_adopters) {
		pid_t adopters[2];
		for (int i = 0; i < 2; i++)
			adopters[i] = start_child(adopt, round);
		for (int i = 0; i < 2; i++) {
			int how = 0;
			waitpid(adopters[i], &how, 0);
			CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 0);
		}
	}
	adopt_here();
}

static struct round next_round(int number)
{
	struct round round = {
		.fresh = number % ROUNDS_PER_STORE == 0,
		.moment = (enum moment)random_below(MOMENTS),
		.threads = random_below(3) == 0 ? 2 + (int)random_below(THREADS_MAX - 1) : 1,
		.batches = random_below(3) == 0,
		.nested = random_below(4) == 0,
		.kills_adopter = random_below(3) == 0,
		.two_adopters = random_below(4) == 0,
	};
	/* A part of the rounds is about new stores, another about segments. */
	if (number % ROUNDS_PER_STORE == 0)
		round.moment = random_below(4) ? OPENING : CREATING;
	if (number % ROUNDS_PER_STORE == ROUNDS_PER_STORE - 1) {
		round.fast = true;
		round.nested = false;
		round.moment = random_below(4) ? LOGGING : FLUSHING;
	}
	return round;
}

/* What the rounds came to: a test that always kills an idle child proves little. */
struct sums {
	uint32_t moments[MOMENTS];
	uint32_t open_runs; /* rounds that killed a run */
	uint32_t rotations; /* rounds in which the journal went on in another segment */
	uint32_t adopted; /* rounds that left a journal */
	int64_t points;
};

static void add_up(const struct round *round, struct sums *sums)
{
	int64_t points = atomic_load(&notes->points);
	int runs = atomic_load(&notes->run_count);
	bool open = false;
	for (int i = 0; i < runs; i++)
		open = open || !atomic_load(&notes->runs[i].end_begun);
	sums->moments[round->moment]++;
	sums->open_runs += open;
	sums->rotations += points > POINTS_A_SEGMENT;
	sums->adopted += directory_count(place.journals, ".head", NULL) > 0;
	sums->points += points;
}

static void run_round(int number, struct sums *sums)
{
	struct round round = next_round(number);
	int failures_before = check_failures_of_test;
	if (round.fresh) {
		if (number)
			place_remove(&place);
		place_make(&place);
	}
	memset(notes, 0, sizeof(*notes));
	pid_t child = start_child(work, &round);
	wait_for_the_moment(&round, child);
	bool was_killed = kill_child(child);
	int64_t killed_ms = now_ms();
	if (!was_killed)
		printf("  %s\n", atomic_load(&notes->failed) ? notes->failure : "the child died");
	CHECK(was_killed);
	add_up(&round, sums);
	take_over(&round);
	check_store(&round, killed_ms);
	check_leftovers();
	if (check_failures_of_test > failures_before)
		printf("  in round %d: moment %d, %d threads%s%s%s%s%s%s, %lld points, %d runs, "
		       "%s\n",
			number, round.moment, round.threads, round.batches ? ", batches" : "",
			round.nested ? ", nested" : "", round.fast ? ", fast" : "",
			round.fresh ? ", new store" : "", round.kills_adopter ? ", adopter" : "",
			round.two_adopters ? ", two adopters" : "",
			(long long)atomic_load(&notes->points), atomic_load(&notes->run_count),
			place.directory);
}

static int rounds = ROUNDS_DEFAULT;

TEST(kill__loses_nothing_and_doubles_nothing)
{
	struct sums sums = { 0 };
	int round = 0;
	for (; round < rounds && check_failures_of_test == 0; round++)
		run_round(round, &sums);
	printf("%d rounds: %u left a journal, %u an open run, %u rotated; %lld points\n", round,
		sums.adopted, sums.open_runs, sums.rotations, (long long)sums.points);
	if (round >= ENOUGH_TO_JUDGE) {
		for (int i = 0; i < MOMENTS; i++)
			CHECK(sums.moments[i] > 0);
		CHECK(sums.adopted > (uint32_t)round / 2);
		CHECK(sums.open_runs > (uint32_t)round / 4);
		CHECK(sums.rotations > 0);
	}
	if (check_failures_of_test == 0)
		place_remove(&place);
}

int main(int argc, char **argv)
{
	err = (mlm_error)MLM_ERROR_INIT;
	if (argc > 1)
		rounds = (int)strtol(argv[1], NULL, 10);
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10)
				 : (uint64_t)monotonic_us() * 31 + (uint64_t)getpid();
	random_state = seed;
	printf("%d rounds, seed %" PRIu64 "\n", rounds, seed);
	notes = mmap(
		NULL, sizeof(*notes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (notes == MAP_FAILED)
		return 1;
	RUN(kill__loses_nothing_and_doubles_nothing);
	return check_done();
}
