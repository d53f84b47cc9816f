/* SPDX-License-Identifier: Apache-2.0 */
/* A process with several copies of the library, as when an engine links it and two of its plugins
 * bring their own: they share SQLite and the process, and nothing else. */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "store_reading.h"

#if defined(__SANITIZE_THREAD__)
/* A child that exits has threads that it never joined: its parent's. */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "report_thread_leaks=0";
}
#endif

#define COPIES 3
#define POINTS 20000

/* What a copy is used through. */
struct copy {
	void *library; /* NULL: the one this program is linked with */
	__typeof__(&mlm_manager_open) manager_open;
	__typeof__(&mlm_manager_close) manager_close;
	__typeof__(&mlm_manager_free) manager_free;
	__typeof__(&mlm_experiment_create) experiment_create;
	__typeof__(&mlm_run_start) run_start;
	__typeof__(&mlm_run_id) run_id;
	__typeof__(&mlm_run_log_metric) run_log_metric;
	__typeof__(&mlm_run_log_params) run_log_params;
	__typeof__(&mlm_run_end) run_end;
	__typeof__(&mlm_run_is_open) run_is_open;
};

static struct copy own_copy(void)
{
	return (struct copy){ NULL, mlm_manager_open, mlm_manager_close, mlm_manager_free,
		mlm_experiment_create, mlm_run_start, mlm_run_id, mlm_run_log_metric,
		mlm_run_log_params, mlm_run_end, mlm_run_is_open };
}

static void copy_file(const char *from, const char *to)
{
	char bytes[65536];
	int in = open(from, O_RDONLY);
	int out = open(to, O_WRONLY | O_CREAT, 0755);
	ssize_t size;
	CHECK(in >= 0 && out >= 0);
	while ((size = read(in, bytes, sizeof(bytes))) > 0)
		CHECK(write(out, bytes, (size_t)size) == size);
	close(in);
	close(out);
}

/* dlsym() gives an object pointer, which ISO C does not turn into that of a function. */
static void find(const struct copy *copy, const char *name, void *function_out)
{
	void *found = dlsym(copy->library, name);
	if (!found) {
		printf("  %s\n", dlerror());
		exit(1);
	}
	memcpy(function_out, &found, sizeof(found));
}

static struct copy load_copy(const struct place *place, int number)
{
	char path[PATH_MAX];
	struct copy copy = { 0 };
	snprintf(path, sizeof(path), "%s/plugin%d.so", place->directory, number);
	copy_file(MLM_SHARED_LIBRARY, path);
	copy.library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!copy.library) {
		printf("  %s\n", dlerror());
		exit(1);
	}
	find(&copy, "mlm_manager_open", &copy.manager_open);
	find(&copy, "mlm_manager_close", &copy.manager_close);
	find(&copy, "mlm_manager_free", &copy.manager_free);
	find(&copy, "mlm_experiment_create", &copy.experiment_create);
	find(&copy, "mlm_run_start", &copy.run_start);
	find(&copy, "mlm_run_id", &copy.run_id);
	find(&copy, "mlm_run_log_metric", &copy.run_log_metric);
	find(&copy, "mlm_run_log_params", &copy.run_log_params);
	find(&copy, "mlm_run_end", &copy.run_end);
	find(&copy, "mlm_run_is_open", &copy.run_is_open);
	return copy;
}

static void load_copies(const struct place *place, struct copy copies[COPIES])
{
	copies[0] = own_copy();
	for (int i = 1; i < COPIES; i++)
		copies[i] = load_copy(place, i);
	/* They are different code. */
	CHECK(copies[1].manager_open != copies[0].manager_open);
	CHECK(copies[2].manager_open != copies[1].manager_open);
}

struct writer {
	const struct copy *copy;
	const char *uri;
	mlm_manager *manager;
	mlm_run *run;
	char run_id[MLM_ID_SIZE];
};

static void begin(struct writer *writer)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	mlm_error why = MLM_ERROR_INIT;
	options.store = writer->uri;
	options.ignore_environment = true;
	if (writer->copy->manager_open(&options, &writer->manager, &why) != MLM_OK ||
		writer->copy->experiment_create(writer->manager, "copies", NULL, NULL, &why) !=
			MLM_OK ||
		writer->copy->run_start(writer->manager, NULL, &writer->run, &why) != MLM_OK) {
		printf("  %s\n", why.message);
		exit(1);
	}
	snprintf(writer->run_id, sizeof(writer->run_id), "%s", writer->copy->run_id(writer->run));
}

/* Logs and ends; the manager is closed while the other copies go on. */
static void *work(void *argument)
{
	struct writer *writer = argument;
	mlm_text param = { "rate", "0.1" };
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = MLM_OK;
	for (int i = 0; i < POINTS && status == MLM_OK; i++) {
		status = writer->copy->run_log_metric(
			writer->run, "loss", 0, i, MLM_STEP_NEXT, MLM_TIME_NOW, &why);
		if (status == MLM_OK && i == POINTS / 2)
			status = writer->copy->run_log_params(writer->run, &param, 1, &why);
	}
	if (status == MLM_OK)
		status = writer->copy->run_end(writer->run, MLM_RUN_FINISHED, &why);
	if (status == MLM_OK)
		status = writer->copy->manager_close(writer->manager, 0, &why);
	if (status != MLM_OK)
		printf("  %s\n", why.message);
	CHECK_INT(status, MLM_OK);
	return NULL;
}

static void end(struct writer *writer)
{
	writer->copy->manager_free(writer->manager);
}

static void check_store(const struct place *place, const struct writer *writers, int count)
{
	sqlite3 *db = reading_open(place->database);
	check_integrity(db);
	for (int i = 0; i < count; i++) {
		CHECK_INT(check_steps(db, writers[i].run_id, "loss"), POINTS);
		CHECK_INT(reading_number(db, "SELECT count(*) FROM params WHERE run_uuid = '%s'",
				  writers[i].run_id),
			1);
		CHECK_INT(reading_number(db,
				  "SELECT count(*) FROM runs WHERE run_uuid = '%s' AND status = "
				  "'FINISHED'",
				  writers[i].run_id),
			1);
	}
	sqlite3_close(db);
	CHECK_INT(directory_count(place->journals, "", NULL), 0);
}

TEST(copies__log_to_one_store)
{
	struct place place;
	struct copy copies[COPIES];
	struct writer writers[COPIES];
	pthread_t threads[COPIES];
	place_make(&place);
	load_copies(&place, copies);
	for (int i = 0; i < COPIES; i++) {
		writers[i] = (struct writer){ .copy = &copies[i], .uri = place.uri };
		begin(&writers[i]);
	}
	for (int i = 0; i < COPIES; i++)
		pthread_create(&threads[i], NULL, work, &writers[i]);
	for (int i = 0; i < COPIES; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < COPIES; i++)
		end(&writers[i]);
	check_store(&place, writers, COPIES);
	place_remove(&place);
}

TEST(copies__log_to_stores_of_their_own)
{
	struct place place;
	struct place places[COPIES];
	struct copy copies[COPIES];
	struct writer writers[COPIES];
	pthread_t threads[COPIES];
	place_make(&place);
	load_copies(&place, copies);
	for (int i = 0; i < COPIES; i++) {
		struct place own;
		place_make(&own);
		places[i] = own;
		writers[i] = (struct writer){ .copy = &copies[i], .uri = places[i].uri };
		begin(&writers[i]);
		pthread_create(&threads[i], NULL, work, &writers[i]);
	}
	for (int i = 0; i < COPIES; i++) {
		pthread_join(threads[i], NULL);
		end(&writers[i]);
		check_store(&places[i], &writers[i], 1);
		place_remove(&places[i]);
	}
	place_remove(&place);
}

#if !defined(__SANITIZE_ADDRESS__) /* it leaves its allocator locked in a child of a busy parent */
/* A lock of the parent that a child could drop, and a fork that one copy could keep waiting. */
TEST(copies__keep_their_locks_over_a_fork)
{
	struct place place;
	struct copy copies[COPIES];
	struct writer writers[COPIES];
	pthread_t threads[COPIES];
	place_make(&place);
	load_copies(&place, copies);
	for (int i = 0; i < COPIES; i++) {
		writers[i] = (struct writer){ .copy = &copies[i], .uri = place.uri };
		begin(&writers[i]);
		pthread_create(&threads[i], NULL, work, &writers[i]);
	}
	for (int round = 0; round < 20; round++) {
		pid_t child = fork();
		if (child == 0) {
			alarm(60);
			for (int i = 0; i < COPIES; i++)
				if (copies[i].manager_close(writers[i].manager, 0, NULL) != MLM_OK)
					_exit(1);
			_exit(0);
		}
		int how = 0;
		CHECK(waitpid(child, &how, 0) == child);
		CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 0);
	}
	for (int i = 0; i < COPIES; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < COPIES; i++)
		end(&writers[i]);
	check_store(&place, writers, COPIES);
	place_remove(&place);
}

#endif

/* An engine unloads a plugin and goes on: nothing of it may be called any more. */
TEST(copies__can_be_unloaded)
{
	struct place place;
	struct copy copies[COPIES];
	struct writer writers[COPIES];
	place_make(&place);
	load_copies(&place, copies);
	for (int i = COPIES - 1; i >= 0; i--) {
		writers[i] = (struct writer){ .copy = &copies[i], .uri = place.uri };
		begin(&writers[i]);
		work(&writers[i]);
		end(&writers[i]);
		if (copies[i].library)
			CHECK_INT(dlclose(copies[i].library), 0);
		pid_t child = fork();
		if (child == 0)
			_exit(0);
		int how = 0;
		CHECK(waitpid(child, &how, 0) == child);
		CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 0);
	}
	check_store(&place, writers, COPIES);
	place_remove(&place);
}

int main(void)
{
	RUN(copies__log_to_one_store);
	RUN(copies__log_to_stores_of_their_own);
#if !defined(__SANITIZE_ADDRESS__)
	RUN(copies__keep_their_locks_over_a_fork);
#endif
	RUN(copies__can_be_unloaded);
	return check_done();
}
