/* SPDX-License-Identifier: Apache-2.0 */
#include "host/doctor.h"

#include <stdlib.h>

#include "mlmanager/manager.h"

struct findings {
	int repaired;
	int left;
};

static void report(void *payload, bool repaired, const char *finding)
{
	struct findings *findings = payload;

	if (repaired)
		findings->repaired++;
	else
		findings->left++;
	printf("%s: %s\n", repaired ? "repaired" : "problem", finding);
}

/* Good to know, and not the store's fault: a network file system. */
static void on_log(void *payload, mlm_log_level level, const char *text)
{
	(void)payload;
	(void)level;
	printf("note: %s\n", text);
}

static int fail(const mlm_error *err)
{
	fflush(stdout);
	fprintf(stderr, "mlmanager: doctor: %s\n", err->message);
	return EXIT_FAILURE;
}

int doctor_run(const struct command_line *line)
{
	mlm_error err = MLM_ERROR_INIT;
	struct findings findings = { 0 };
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	mlm_manager *manager;
	mlm_status status;

	options.store = line->store;
	options.artifacts = line->artifacts;
	options.ignore_environment = true;
	options.inspect = true;
	options.log = on_log;
	if (mlm_manager_open(&options, &manager, &err) != MLM_OK)
		return fail(&err);
	printf("store: %s\n", mlm_manager_store(manager));
	status = mlm_manager_doctor(manager, !line->dry_run, report, &findings, &err);
	if (status == MLM_OK)
		status = mlm_manager_close(manager, 0, &err);
	mlm_manager_free(manager);
	if (status != MLM_OK)
		return fail(&err);

	if (findings.repaired + findings.left == 0)
		printf("in order\n");
	else
		printf("%d repaired, %d left\n", findings.repaired, findings.left);
	return findings.left == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
