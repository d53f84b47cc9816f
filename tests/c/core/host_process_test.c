/* SPDX-License-Identifier: Apache-2.0 */
/* What the library leaves alone in the process that hosts it: signals, threads it did not ask for,
 * and standard output and error. */
#include "scratch_store.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

/* ---- threads ---- */

struct thread_report {
	int threads;
	int unblocked; /* of our threads: those that would take some signal */
};

static uint64_t blocked_signals(const char *task)
{
	char path[300];
	char line[256];
	unsigned long long mask = 0;
	snprintf(path, sizeof(path), "/proc/self/task/%s/status", task);
	FILE *status = fopen(path, "r");
	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "SigBlk: %llx", &mask) == 1)
			break;
	if (status)
		fclose(status);
	return mask;
}

static struct thread_report look_at_threads(void)
{
	struct thread_report report = { 0, 0 };
	char own[32];
	/* The C library keeps two signals for itself, and the kernel two that nobody can block. */
	uint64_t blockable = ~0ull;
	for (int signal = 32; signal < SIGRTMIN; signal++)
		blockable &= ~(1ull << (signal - 1));
	blockable &= ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1));
	snprintf(own, sizeof(own), "%ld", (long)getpid());
	DIR *tasks = opendir("/proc/self/task");
	for (struct dirent *task; tasks && (task = readdir(tasks));) {
		if (task->d_name[0] == '.')
			continue;
		report.threads++;
		if (strcmp(task->d_name, own) != 0)
			report.unblocked +=
				(blocked_signals(task->d_name) & blockable) != blockable;
	}
	if (tasks)
		closedir(tasks);
	return report;
}

static void *do_nothing(void *payload)
{
	return payload;
}

TEST(threads__take_no_signals_and_live_from_the_first_run_to_the_close)
{
	struct scratch scratch;
	mlm_run *run = NULL;
	/* With the first thread the thread sanitizer starts one of its own. */
	pthread_t thread;
	CHECK_INT(pthread_create(&thread, NULL, do_nothing, NULL), 0);
	pthread_join(thread, NULL);
	struct thread_report before = look_at_threads();
	scratch_make(&scratch);
	mlm_manager_options options = scratch_options(&scratch);
	options.system_metrics = true;
	MUST(mlm_manager_open(&options, &scratch.manager, &err));
	MUST(mlm_experiment_create(scratch.manager, "x", NULL, NULL, &err));
	CHECK_INT(look_at_threads().threads, before.threads);
	MUST(mlm_run_start(scratch.manager, NULL, &run, &err));
	struct thread_report during = look_at_threads();
	CHECK_INT(during.threads, before.threads + 3); /* keeper, flusher, system metrics */
	CHECK_INT(during.unblocked, before.unblocked);
	MUST(mlm_manager_close(scratch.manager, 0, &err));
	CHECK_INT(look_at_threads().threads, before.threads);
	scratch_remove(&scratch);
}

/* ---- signals ---- */

static void read_actions(struct sigaction actions[_NSIG], sigset_t *mask)
{
	memset(actions, 0, (_NSIG) * sizeof(*actions));
	for (int signal = 1; signal < _NSIG; signal++)
		sigaction(signal, NULL, &actions[signal]);
	pthread_sigmask(SIG_SETMASK, NULL, mask);
}

TEST(signals__actions_and_mask_of_the_host_stay)
{
	struct scratch scratch;
	mlm_run *run = NULL;
	struct sigaction before[_NSIG];
	struct sigaction after[_NSIG];
	sigset_t mask_before;
	sigset_t mask_after;
	read_actions(before, &mask_before);
	scratch_start(&scratch, &run);
	MUST(mlm_run_log_metric(run, "loss", 0, 1, 1, MLM_TIME_NOW, &err));
	MUST(mlm_manager_flush(scratch.manager, 10000, &err));
	for (int closed = 0; closed < 2; closed++) {
		read_actions(after, &mask_after);
		for (int signal = 1; signal < _NSIG; signal++) {
			CHECK(before[signal].sa_handler == after[signal].sa_handler);
			CHECK(sigismember(&mask_before, signal) ==
				sigismember(&mask_after, signal));
		}
		MUST(mlm_manager_close(scratch.manager, 0, &err));
	}
	scratch_remove(&scratch);
}

/* ---- standard output and error ---- */

struct lines {
	int warnings;
	int infos;
	char last_warning[512];
};

static void keep_line(void *payload, mlm_log_level level, const char *line)
{
	struct lines *lines = payload;
	if (level == MLM_LOG_WARNING) {
		lines->warnings++;
		snprintf(lines->last_warning, sizeof(lines->last_warning), "%s", line);
	} else {
		lines->infos++;
	}
	CHECK(!strchr(line, '\n'));
}

/* Standard output and error into a file, while body runs. */
static size_t printed_by(void (*body)(const struct scratch *, struct lines *),
	const struct scratch *scratch, struct lines *lines, char *text_out, size_t size)
{
	FILE *file = tmpfile();
	fflush(stdout);
	int out = dup(STDOUT_FILENO);
	int error = dup(STDERR_FILENO);
	dup2(fileno(file), STDOUT_FILENO);
	dup2(fileno(file), STDERR_FILENO);
	body(scratch, lines);
	fflush(stdout);
	fflush(stderr);
	dup2(out, STDOUT_FILENO);
	dup2(error, STDERR_FILENO);
	close(out);
	close(error);
	rewind(file);
	size_t count = fread(text_out, 1, size - 1, file);
	text_out[count] = '\0';
	fclose(file);
	return count;
}

/* A run whose sampling cannot start warns; a store without its directory fails. */
static void use(const struct scratch *scratch, struct lines *lines)
{
	mlm_manager *manager = NULL;
	mlm_run *run = NULL;
	mlm_manager_options options = scratch_options(scratch);
	options.log = lines ? keep_line : NULL;
	options.log_payload = lines;
	options.system_metrics = true;
	setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "never", 1);
	MUST(mlm_manager_open(&options, &manager, &err));
	MUST(mlm_experiment_create(manager, "x", NULL, NULL, &err));
	MUST(mlm_run_start(manager, NULL, &run, &err));
	CHECK_STATUS(mlm_run_log_metric(run, "", 0, 1, 1, MLM_TIME_NOW, &err), MLM_EINVAL);
	CHECK_STATUS(
		mlm_run_get(manager, "nobody", &(mlm_run_list *){ NULL }, &err), MLM_ENOTFOUND);
	MUST(mlm_manager_close(manager, 0, &err));
	mlm_manager_free(manager);
	options.store = "sqlite:/nowhere/at/all.db";
	CHECK(mlm_manager_open(&options, &manager, &err) != MLM_OK);
	unsetenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL");
}

TEST(log__takes_every_line_so_that_nothing_is_printed)
{
	struct scratch scratch;
	struct lines lines = { 0 };
	char printed[1024];
	scratch_make(&scratch);
	CHECK_INT(printed_by(use, &scratch, &lines, printed, sizeof(printed)), 0);
	CHECK_STRING(printed, "");
	CHECK_INT(lines.warnings, 1);
	CHECK_CONTAINS(lines.last_warning, "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL");
	scratch_remove(&scratch);
}

TEST(log__without_a_hook_prints_warnings_to_standard_error)
{
	struct scratch scratch;
	char printed[1024];
	scratch_make(&scratch);
	printed_by(use, &scratch, NULL, printed, sizeof(printed));
	CHECK(strncmp(printed, "mlmanager: MLFLOW_SYSTEM", 24) == 0);
	CHECK(strchr(printed, '\n') && strchr(printed, '\n')[1] == '\0');
	scratch_remove(&scratch);
}

int main(void)
{
	RUN(threads__take_no_signals_and_live_from_the_first_run_to_the_close);
	RUN(signals__actions_and_mask_of_the_host_stay);
	RUN(log__takes_every_line_so_that_nothing_is_printed);
	RUN(log__without_a_hook_prints_warnings_to_standard_error);
	return check_done();
}
