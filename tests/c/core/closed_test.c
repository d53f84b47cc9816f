/* SPDX-License-Identifier: Apache-2.0 */
/* Every public function that takes a manager or a run, on a manager that is closed and on handles
 * that are NULL; and logging while another thread closes. A function that comes to the headers and
 * is not listed here fails the test. */
#include "scratch_store.h"

#include <pthread.h>
#include <stdatomic.h>

/* What a call was given and gave. */
struct probe {
	mlm_manager *manager;
	mlm_run *run;
	mlm_metric_handle *handle;
	mlm_error err;
};

static void no_finding(void *payload, bool repaired, const char *finding)
{
	(void)payload;
	(void)repaired;
	(void)finding;
}

static const mlm_metric metric = { "loss", 0, 1, 1, MLM_TIME_NOW };
static mlm_metric_summary summary;
static const mlm_text text = { "key", "value" };

/* A call that must say ESTATE. */
#define REFUSES(function, ...)                               \
	static mlm_status refuse_##function(struct probe *p) \
	{                                                    \
		void *out = NULL;                            \
		double number = 0;                           \
		(void)out;                                   \
		(void)number;                                \
		return function(__VA_ARGS__, &p->err);       \
	}

REFUSES(mlm_manager_flush, p->manager, 1000)
REFUSES(mlm_manager_doctor, p->manager, false, no_finding, NULL)
REFUSES(mlm_manager_gc, p->manager, NULL, NULL)
REFUSES(mlm_export, p->manager, "x.tar", NULL, NULL)
REFUSES(mlm_import, p->manager, "x.tar", NULL, NULL)
REFUSES(mlm_sync, p->manager, p->manager, NULL, NULL)
REFUSES(mlm_manager_deliver, p->manager, NULL, NULL, NULL)
REFUSES(mlm_experiment_create, p->manager, "x", NULL, NULL)
REFUSES(mlm_experiment_set_active, p->manager, "x")
REFUSES(mlm_experiment_set_active_id, p->manager, "0")
REFUSES(mlm_experiment_get, p->manager, "0", (mlm_experiment_list **)&out)
REFUSES(mlm_experiment_get_by_name, p->manager, "x", (mlm_experiment_list **)&out)
REFUSES(mlm_experiment_search, p->manager, NULL, (mlm_experiment_list **)&out)
REFUSES(mlm_experiment_rename, p->manager, "0", "y")
REFUSES(mlm_experiment_delete, p->manager, "0")
REFUSES(mlm_experiment_restore, p->manager, "0")
REFUSES(mlm_experiment_set_tag, p->manager, "0", "key", "value")
REFUSES(mlm_metric_history_get, p->manager, "0", "loss", (mlm_metric_history **)&out)
REFUSES(mlm_metric_summary_get, p->manager, "0", "loss", &summary)
REFUSES(mlm_run_start, p->manager, NULL, (mlm_run **)&out)
REFUSES(mlm_run_set_active, p->manager, "0", (mlm_run **)&out)
REFUSES(mlm_run_get, p->manager, "0", (mlm_run_list **)&out)
REFUSES(mlm_run_search, p->manager, NULL, (mlm_run_list **)&out)
REFUSES(mlm_run_delete_id, p->manager, "0")
REFUSES(mlm_run_restore_id, p->manager, "0")
REFUSES(mlm_run_rename, p->manager, "0", "y")
REFUSES(mlm_run_end, p->run, MLM_RUN_FINISHED)
REFUSES(mlm_run_delete, p->run)
REFUSES(mlm_run_reset, p->run)
REFUSES(mlm_run_log_metric, p->run, "loss", 0, 1, 1, MLM_TIME_NOW)
REFUSES(mlm_run_log_metrics, p->run, &metric, 1)
REFUSES(mlm_run_log_params, p->run, &text, 1)
REFUSES(mlm_run_set_tags, p->run, &text, 1)
REFUSES(mlm_run_log_batch, p->run, &metric, 1, &text, 1, &text, 1)
REFUSES(mlm_run_delete_tag, p->run, "key")
REFUSES(mlm_metric_handle_get, p->run, "loss", 0, (mlm_metric_handle **)&out)
REFUSES(mlm_metric_handle_log, p->handle, 1, 1, MLM_TIME_NOW)
REFUSES(mlm_timer_start, p->run, "epoch", MLM_TIMER_AS_METRIC)
REFUSES(mlm_timer_log_and_stop, p->run, &number)
REFUSES(mlm_timer_stop, p->run, "epoch", &number)

static const mlm_artifact_reader reader;
static const mlm_artifact_writer writer;
static mlm_artifact artifact;
static const char *const path = "/dev/null";
static char hex[65];

REFUSES(mlm_run_log_artifact, p->run, path, "x", NULL)
REFUSES(mlm_run_log_artifacts, p->run, &path, &path, 1, NULL)
REFUSES(mlm_run_log_stream, p->run, "x", &reader, NULL)
REFUSES(mlm_run_log_bytes, p->run, "x", "y", 1)
REFUSES(mlm_run_log_image, p->run, "x", "y", 1, 1, 1)
REFUSES(mlm_run_log_image_step, p->run, "x", 0, 0, "y", 1, 1, 1)
REFUSES(mlm_artifact_list_directory, p->manager, "0", "", (mlm_artifact_list **)&out)
REFUSES(mlm_artifact_find, p->manager, "0", "x", &artifact)
REFUSES(mlm_artifact_read, p->manager, "0", "x", &writer, NULL)
REFUSES(mlm_artifact_download, p->manager, "0", "x", "/nonexistent/x", NULL)
REFUSES(mlm_artifact_sha256, p->manager, "0", "x", hex)
REFUSES(mlm_artifact_delete, p->manager, "0", "x")
REFUSES(mlm_artifact_stream_open, p->manager, "0", "x", (mlm_artifact_stream **)&out)

#define LISTED(function)                     \
	{                                    \
#function, refuse_##function \
	}

static const struct {
	const char *name;
	mlm_status (*refuses)(struct probe *);
} calls[] = {
	LISTED(mlm_manager_flush),
	LISTED(mlm_manager_doctor),
	LISTED(mlm_manager_gc),
	LISTED(mlm_export),
	LISTED(mlm_import),
	LISTED(mlm_sync),
	LISTED(mlm_manager_deliver),
	LISTED(mlm_experiment_create),
	LISTED(mlm_experiment_set_active),
	LISTED(mlm_experiment_set_active_id),
	LISTED(mlm_experiment_get),
	LISTED(mlm_experiment_get_by_name),
	LISTED(mlm_experiment_search),
	LISTED(mlm_experiment_rename),
	LISTED(mlm_experiment_delete),
	LISTED(mlm_experiment_restore),
	LISTED(mlm_experiment_set_tag),
	LISTED(mlm_metric_history_get),
	LISTED(mlm_metric_summary_get),
	LISTED(mlm_run_start),
	LISTED(mlm_run_set_active),
	LISTED(mlm_run_get),
	LISTED(mlm_run_search),
	LISTED(mlm_run_delete_id),
	LISTED(mlm_run_restore_id),
	LISTED(mlm_run_rename),
	LISTED(mlm_run_end),
	LISTED(mlm_run_delete),
	LISTED(mlm_run_reset),
	LISTED(mlm_run_log_metric),
	LISTED(mlm_run_log_metrics),
	LISTED(mlm_run_log_params),
	LISTED(mlm_run_set_tags),
	LISTED(mlm_run_log_batch),
	LISTED(mlm_run_delete_tag),
	LISTED(mlm_metric_handle_get),
	LISTED(mlm_metric_handle_log),
	LISTED(mlm_timer_start),
	LISTED(mlm_timer_log_and_stop),
	LISTED(mlm_timer_stop),
	LISTED(mlm_run_log_artifact),
	LISTED(mlm_run_log_artifacts),
	LISTED(mlm_run_log_stream),
	LISTED(mlm_run_log_bytes),
	LISTED(mlm_run_log_image),
	LISTED(mlm_run_log_image_step),
	LISTED(mlm_artifact_list_directory),
	LISTED(mlm_artifact_find),
	LISTED(mlm_artifact_read),
	LISTED(mlm_artifact_download),
	LISTED(mlm_artifact_sha256),
	LISTED(mlm_artifact_delete),
	LISTED(mlm_artifact_stream_open),
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* Those that give no status; check_answers() has what they give. */
static const char *const answers[] = { "mlm_manager_close", "mlm_manager_free", "mlm_manager_store",
	"mlm_experiment_active", "mlm_run_active", "mlm_run_is_open", "mlm_run_experiment_id",
	"mlm_run_name", "mlm_run_id", "mlm_run_latest_metrics", "mlm_metric_handle_key" };
#define ANSWERS (sizeof(answers) / sizeof(answers[0]))

static void check_refusals(mlm_manager *manager, mlm_run *run, mlm_metric_handle *handle)
{
	for (size_t i = 0; i < CALLS; i++) {
		struct probe probe = { manager, run, handle, MLM_ERROR_INIT };
		mlm_status status = calls[i].refuses(&probe);
		if (status != MLM_ESTATE || probe.err.status != MLM_ESTATE) {
			printf("  %s: %s (%s)\n", calls[i].name, mlm_status_name(status),
				probe.err.message);
			CHECK(!"the call says ESTATE");
		}
	}
}

static void check_answers(mlm_manager *manager, mlm_run *run)
{
	char id[MLM_ID_SIZE] = "x";
	mlm_metric latest[2];
	CHECK_INT(mlm_manager_close(manager, 0, &err), MLM_OK);
	mlm_experiment_active(manager, id);
	CHECK_STRING(id, "");
	CHECK(mlm_run_active(manager) == NULL);
	CHECK(!mlm_run_is_open(run));
	CHECK_INT(mlm_run_latest_metrics(run, latest, 2), 0);
}

TEST(every_call__estate_on_a_closed_manager)
{
	struct scratch scratch;
	mlm_run *run = NULL;
	mlm_metric_handle *handle = NULL;
	char name[100];
	char id[MLM_ID_SIZE];
	scratch_start(&scratch, &run);
	MUST(mlm_metric_handle_get(run, "loss", 0, &handle, &err));
	MUST(mlm_metric_handle_log(handle, 1, 1, MLM_TIME_NOW, &err));
	MUST(mlm_manager_close(scratch.manager, 0, &err));
	check_refusals(scratch.manager, run, handle);
	check_answers(scratch.manager, run);
	/* What a handle is does not end with it. */
	CHECK_STRING(mlm_manager_store(scratch.manager), scratch.uri);
	CHECK_INT(strlen(mlm_run_id(run)), 32);
	CHECK_STRING(mlm_metric_handle_key(handle), "loss");
	mlm_run_name(run, name, sizeof(name));
	CHECK(name[0] != '\0');
	mlm_run_experiment_id(run, id);
	CHECK_STRING(id, "1");
	scratch_remove(&scratch);
}

TEST(every_call__estate_on_null)
{
	char name[8] = "x";
	char id[MLM_ID_SIZE] = "x";
	check_refusals(NULL, NULL, NULL);
	check_answers(NULL, NULL);
	CHECK(mlm_manager_store(NULL) == NULL);
	CHECK_STRING(mlm_run_id(NULL), "");
	CHECK_STRING(mlm_metric_handle_key(NULL), "");
	mlm_run_name(NULL, name, sizeof(name));
	CHECK_STRING(name, "");
	mlm_run_experiment_id(NULL, id);
	CHECK_STRING(id, "");
}

TEST(every_free__takes_null)
{
	mlm_manager_free(NULL);
	mlm_run_list_free(NULL);
	mlm_experiment_list_free(NULL);
	mlm_metric_history_free(NULL);
	mlm_csv_free(NULL);
	mlm_evaluator_free(NULL);
	mlm_evaluation_free(NULL);
}

#define CHECK_NULL(argument, call)                              \
	do {                                                    \
		CHECK_STATUS((call), MLM_EINVAL);               \
		CHECK_STRING(err.message, argument " is NULL"); \
	} while (0)

TEST(every_call__einval_names_the_argument_that_is_null)
{
	struct scratch scratch;
	mlm_run *run = NULL;
	mlm_run_list *runs = NULL;
	mlm_experiment_list *experiments = NULL;
	mlm_metric_history *history = NULL;
	mlm_csv *csv = NULL;
	mlm_evaluation *evaluation = NULL;
	double number;
	scratch_start(&scratch, &run);
	mlm_manager *manager = scratch.manager;
	CHECK_NULL("manager_out", mlm_manager_open(NULL, NULL, &err));
	CHECK_NULL("report", mlm_manager_doctor(manager, false, NULL, NULL, &err));
	CHECK_NULL("name_or_id", mlm_experiment_set_active(manager, NULL, &err));
	CHECK_NULL("experiment_id", mlm_experiment_set_active_id(manager, NULL, &err));
	CHECK_NULL("experiment_id", mlm_experiment_get(manager, NULL, &experiments, &err));
	CHECK_NULL("list_out", mlm_experiment_get(manager, "0", NULL, &err));
	CHECK_NULL("name", mlm_experiment_get_by_name(manager, NULL, &experiments, &err));
	CHECK_NULL("list_out", mlm_experiment_get_by_name(manager, "x", NULL, &err));
	CHECK_NULL("list_out", mlm_experiment_search(manager, NULL, NULL, &err));
	CHECK_NULL("experiment_id", mlm_experiment_rename(manager, NULL, "y", &err));
	CHECK_NULL("experiment_id", mlm_experiment_delete(manager, NULL, &err));
	CHECK_NULL("experiment_id", mlm_experiment_restore(manager, NULL, &err));
	CHECK_NULL("experiment_id", mlm_experiment_set_tag(manager, NULL, "k", "v", &err));
	CHECK_NULL("run_id", mlm_metric_history_get(manager, NULL, "k", &history, &err));
	CHECK_NULL("key", mlm_metric_history_get(manager, "0", NULL, &history, &err));
	CHECK_NULL("history_out", mlm_metric_history_get(manager, "0", "k", NULL, &err));
	CHECK_NULL("run_id", mlm_metric_summary_get(manager, NULL, "k", &summary, &err));
	CHECK_NULL("key", mlm_metric_summary_get(manager, "0", NULL, &summary, &err));
	CHECK_NULL("summary_out", mlm_metric_summary_get(manager, "0", "k", NULL, &err));
	CHECK_NULL("handle_out", mlm_metric_handle_get(run, "k", 0, NULL, &err));
	CHECK_NULL("run_id", mlm_run_set_active(manager, NULL, NULL, &err));
	CHECK_NULL("run_id", mlm_run_get(manager, NULL, &runs, &err));
	CHECK_NULL("list_out", mlm_run_get(manager, "0", NULL, &err));
	CHECK_NULL("list_out", mlm_run_search(manager, NULL, NULL, &err));
	CHECK_NULL("run_id", mlm_run_delete_id(manager, NULL, &err));
	CHECK_NULL("run_id", mlm_run_restore_id(manager, NULL, &err));
	CHECK_NULL("run_id", mlm_run_rename(manager, NULL, "y", &err));
	CHECK_NULL("metrics", mlm_run_log_metrics(run, NULL, 1, &err));
	CHECK_NULL("metrics", mlm_run_log_batch(run, NULL, 1, NULL, 0, NULL, 0, &err));
	CHECK_NULL("params", mlm_run_log_params(run, NULL, 1, &err));
	CHECK_NULL("tags", mlm_run_set_tags(run, NULL, 1, &err));
	CHECK_NULL("key", mlm_run_delete_tag(run, NULL, &err));
	CHECK_NULL("total_ms_out", mlm_timer_log_and_stop(run, NULL, &err));
	CHECK_NULL("name", mlm_timer_stop(run, NULL, &number, &err));
	CHECK_NULL("elapsed_ms_out", mlm_timer_stop(run, "x", NULL, &err));
	CHECK_NULL("csv_out", mlm_csv_parse("a\n", 2, NULL, NULL, &err));
	CHECK_NULL("text", mlm_csv_parse(NULL, 2, NULL, &csv, &err));
	CHECK_NULL("path", mlm_csv_read(NULL, NULL, &csv, &err));
	CHECK_NULL("csv_out", mlm_csv_read("x", NULL, NULL, &err));
	CHECK_NULL("evaluator_out", mlm_evaluator_new(MLM_EVALUATOR_BINARY, NULL, NULL, &err));
	CHECK_NULL("evaluator", mlm_evaluator_evaluate(NULL, &evaluation, &err));
	/* Names that may not be empty say so for NULL as well. */
	CHECK_STATUS(mlm_experiment_create(manager, NULL, NULL, NULL, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_experiment_rename(manager, "0", NULL, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_experiment_set_tag(manager, "0", NULL, "v", &err), MLM_EINVAL);
	CHECK_STATUS(mlm_experiment_set_tag(manager, "0", "k", NULL, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_run_rename(manager, "0", NULL, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_run_log_metric(run, NULL, 0, 1, 1, MLM_TIME_NOW, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_timer_start(run, NULL, MLM_TIMER_AS_PARAM, &err), MLM_EINVAL);
	scratch_remove(&scratch);
}

/* ---- the headers ---- */

static bool is_known(const char *name)
{
	for (size_t i = 0; i < CALLS; i++)
		if (strcmp(calls[i].name, name) == 0)
			return true;
	for (size_t i = 0; i < ANSWERS; i++)
		if (strcmp(answers[i], name) == 0)
			return true;
	return false;
}

/* Whether a declaration has a pointer of this type, and not only a pointer to one. */
static bool takes(const char *declaration, const char *type)
{
	const char *at = strstr(declaration, type);
	return at && at[strlen(type)] != '*';
}

/* Reads the declarations of all headers: "MLM_EXPORT … name(…handle *…)". */
TEST(every_function_of_the_headers__is_tested_here)
{
	FILE *headers = popen("cat " MLM_HEADERS_DIRECTORY "/*.h", "r");
	static char all[1 << 20];
	size_t size = headers ? fread(all, 1, sizeof(all) - 1, headers) : 0;
	size_t found = 0;
	CHECK(headers && pclose(headers) == 0);
	CHECK(size > 0 && size < sizeof(all) - 1);
	for (char *at = all; (at = strstr(at, "\nMLM_EXPORT "));) {
		char name[80];
		char *open = strchr(at, '(');
		char *end = open ? strchr(open, ';') : NULL;
		if (!end)
			break;
		*end = '\0';
		char *begin = open;
		while (begin[-1] == '_' || (begin[-1] >= 'a' && begin[-1] <= 'z') ||
			(begin[-1] >= '0' && begin[-1] <= '9'))
			begin--;
		snprintf(name, sizeof(name), "%.*s", (int)(open - begin), begin);
		bool has_handle = takes(open, "mlm_manager *") || takes(open, "mlm_run *") ||
				  takes(open, "mlm_metric_handle *");
		if (has_handle && !is_known(name)) {
			printf("  %s takes a handle and is not in %s\n", name, __FILE__);
			CHECK(!"every function that takes a handle is tested here");
		}
		found += has_handle;
		at = end + 1;
	}
	CHECK(found >= CALLS + ANSWERS);
}

/* ---- closing beside other threads ---- */

#define LOGGERS 3

struct logger {
	mlm_run *run;
	mlm_metric_handle *handle;
	_Atomic uint32_t *started;
	char key[16];
	int64_t acknowledged;
	mlm_status ended_with;
};

static void *log_until_refused(void *argument)
{
	struct logger *logger = argument;
	mlm_metric frame[1] = { { logger->key, 0, 0, 0, MLM_TIME_NOW } };
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = MLM_OK;
	for (int64_t step = 0; status == MLM_OK; step++) {
		frame[0].step = step;
		/* All ways in. */
		status = step % 3 == 1   ? mlm_run_log_metrics(logger->run, frame, 1, &why)
			 : step % 3 == 2 ? mlm_metric_handle_log(
						   logger->handle, 1, step, MLM_TIME_NOW, &why)
					 : mlm_run_log_metric(logger->run, logger->key, 0, 1, step,
						   MLM_TIME_NOW, &why);
		logger->acknowledged += status == MLM_OK;
		usleep(10); /* the store could not keep up with a flood */
		if (step == 100)
			atomic_fetch_add(logger->started, 1);
	}
	logger->ended_with = status;
	return NULL;
}

TEST(mlm_manager_close__beside_logging_loses_nothing_that_was_acknowledged)
{
	for (int round = 0; round < 10; round++) {
		struct scratch scratch;
		mlm_run *run = NULL;
		char id[MLM_ID_SIZE];
		struct logger loggers[LOGGERS];
		pthread_t threads[LOGGERS];
		_Atomic uint32_t started = 0;
		scratch_start(&scratch, &run);
		snprintf(id, sizeof(id), "%s", mlm_run_id(run));
		for (int i = 0; i < LOGGERS; i++) {
			loggers[i] = (struct logger){ .run = run, .started = &started };
			snprintf(loggers[i].key, sizeof(loggers[i].key), "key %d", i);
			MUST(mlm_metric_handle_get(
				run, loggers[i].key, 0, &loggers[i].handle, &err));
			pthread_create(&threads[i], NULL, log_until_refused, &loggers[i]);
		}
		while (atomic_load(&started) < LOGGERS)
			sched_yield();
		MUST(mlm_manager_close(scratch.manager, 0, &err));
		for (int i = 0; i < LOGGERS; i++)
			pthread_join(threads[i], NULL);
		mlm_manager_free(scratch.manager);
		scratch_reopen(&scratch);
		for (int i = 0; i < LOGGERS; i++) {
			mlm_metric_history *history = NULL;
			MUST(mlm_metric_history_get(
				scratch.manager, id, loggers[i].key, &history, &err));
			CHECK_INT(history->count, loggers[i].acknowledged);
			CHECK_INT(loggers[i].ended_with, MLM_ESTATE);
			mlm_metric_history_free(history);
		}
		scratch_remove(&scratch);
	}
}

int main(void)
{
	RUN(every_call__estate_on_a_closed_manager);
	RUN(every_call__estate_on_null);
	RUN(every_free__takes_null);
	RUN(every_call__einval_names_the_argument_that_is_null);
	RUN(every_function_of_the_headers__is_tested_here);
	RUN(mlm_manager_close__beside_logging_loses_nothing_that_was_acknowledged);
	return check_done();
}
