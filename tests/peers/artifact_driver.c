/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Artifacts at an address, for tests/peers/mlflow_artifacts.py:
 *
 *     artifact_driver contract ROOT [TRACKING]
 *     artifact_driver put URI NAME FILE [TRACKING]     "-" is a pipe: no size, no second try
 *     artifact_driver get URI NAME FILE [TRACKING]
 *     artifact_driver list URI NAME - [TRACKING]
 *     artifact_driver remove URI NAME - [TRACKING]
 *
 * A failure prints the status's name and the message, and ends with 1. With MLM_TEST_PEER=mlflow
 * the contract allows for what an MLflow server cannot do. With MLM_TEST_PEAK set the kilobytes of
 * memory that it took are printed.
 */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "artifact/contract/contract.h"

static const char *root;
static struct store_options tracking;

static void peer_options(const char *id, struct artifact_options *options)
{
	static char uri[500];
	snprintf(uri, sizeof(uri), "%s/%s/artifacts", root, id);
	options->uri = uri;
	options->tracking = &tracking;
}

static bool mlflow_takes(const char *name)
{
	static const char *const beginnings[] = { " ", "Loss:", "C:\\", "c:/", "file:" };
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
			return false;
	for (const char *c = name; *c; c++)
		if (*c == '#' || strncmp(c, ";?", 2) == 0 ||
			((*c == ';' || *c == '?') && (!c[1] || c[1] == '/')) ||
			(*c == '%' && isxdigit((unsigned char)c[1]) &&
				isxdigit((unsigned char)c[2])))
			return false;
	return true;
}

static mlm_status read_file(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *why)
{
	ssize_t got = read(*(int *)payload, bytes, size);
	*got_out = got > 0 ? (size_t)got : 0;
	if (got < 0)
		*why = (mlm_error){ .status = MLM_EIO, .area = "test", .message = "read" };
	return got < 0 ? MLM_EIO : MLM_OK;
}

static mlm_status rewind_file(void *payload, mlm_error *why)
{
	(void)why;
	return lseek(*(int *)payload, 0, SEEK_SET) == 0 ? MLM_OK : MLM_EIO;
}

static mlm_status write_file(void *payload, const void *bytes, size_t size, mlm_error *why)
{
	if (write(*(int *)payload, bytes, size) == (ssize_t)size)
		return MLM_OK;
	*why = (mlm_error){ .status = MLM_EIO, .area = "test", .message = "write" };
	return MLM_EIO;
}

/* The most memory that this program has had. */
static void print_peak(void)
{
	char line[200];
	FILE *file = fopen("/proc/self/status", "r");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "VmHWM:", 6) == 0)
			printf("%ld\n", strtol(line + 6, NULL, 10));
	if (file)
		fclose(file);
}

static mlm_status act(
	struct artifact_store *store, const char *what, const char *name, const char *path)
{
	struct contract_listing listing = { "" };
	bool is_pipe = strcmp(path, "-") == 0;
	int file = is_pipe ? 0 : open(path, O_RDWR | O_CREAT, 0600);
	const mlm_artifact_reader reader = { read_file, &file,
		is_pipe ? -1 : (int64_t)lseek(file, 0, SEEK_END), is_pipe ? NULL : rewind_file };
	const mlm_artifact_writer writer = { write_file, &file };
	if (!is_pipe)
		lseek(file, 0, SEEK_SET);
	if (strcmp(what, "put") == 0)
		return artifact_put(store, name, &reader, &err);
	if (strcmp(what, "get") == 0)
		return artifact_get(store, name, &writer, &err);
	if (strcmp(what, "remove") == 0)
		return artifact_remove(store, name, &err);
	mlm_status status = artifact_list(store, name, contract_note, &listing, &err);
	if (status == MLM_OK)
		printf("%s\n", listing.text);
	return status;
}

int main(int count, char **arguments)
{
	const char *peer = getenv("MLM_TEST_PEER");
	bool is_contract = count >= 3 && strcmp(arguments[1], "contract") == 0;
	int last = is_contract ? 3 : 5;
	if (count < last || count > last + 1)
		return 2;
	tracking.uri = count > last ? arguments[last] : "";
	root = arguments[2];
	if (is_contract) {
		if (peer && strcmp(peer, "mlflow") == 0) {
			contract_takes = mlflow_takes;
			contract_keeps_empty_directories = true;
			contract_loses_old_states = true;
		}
		run_artifact_contract(peer_options);
		return check_done();
	}
	const struct artifact_options options = { .uri = root, .tracking = &tracking };
	struct artifact_store *store = NULL;
	mlm_status status = artifact_open(&options, &store, &err);
	if (status == MLM_OK)
		status = act(store, arguments[1], arguments[3], arguments[4]);
	artifact_close(store);
	if (getenv("MLM_TEST_PEAK"))
		print_peak();
	if (status != MLM_OK)
		printf("%s: %s\n", mlm_status_name(status), err.message);
	return status == MLM_OK ? 0 : 1;
}
