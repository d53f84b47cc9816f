/* SPDX-License-Identifier: Apache-2.0 */
#include "base/command_output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

#define WORDS_MAX 256

extern char **environ;

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "command", "memory ran out");
}

/* ---- words ---- */

/* Moves the next word's characters together at its beginning. NULL: a quote is not closed. */
static char *end_word(char *from, char **rest_out)
{
	char *to = from;
	char quote = '\0';
	for (; *from && (quote || !strchr(" \t\r\n", *from)); from++) {
		if (quote ? *from == quote : *from == '\'' || *from == '"')
			quote = quote ? '\0' : *from;
		else if (*from == '\\' && from[1] && quote != '\'' &&
			 (!quote || strchr("\"\\$`", from[1])))
			*to++ = *++from;
		else
			*to++ = *from;
	}
	*rest_out = *from ? from + 1 : from;
	return quote ? NULL : to;
}

/* words[] points into line. */
static mlm_status split(char *line, char *words[WORDS_MAX + 1], mlm_error *err)
{
	size_t count = 0;
	for (;;) {
		line += strspn(line, " \t\r\n");
		if (!*line)
			break;
		if (count == WORDS_MAX)
			return error_set(err, MLM_EINVAL, "command",
				"the command has more than %d words", WORDS_MAX);
		words[count++] = line;
		char *end = end_word(line, &line);
		if (!end)
			return error_set(
				err, MLM_EINVAL, "command", "a quote of the command is not closed");
		*end = '\0';
	}
	words[count] = NULL;
	return count ? MLM_OK
		     : error_set(err, MLM_EINVAL, "command", "the command has no word in it");
}

/* ---- the program ---- */

static mlm_status start(char *const words[], int output, pid_t *pid_out, mlm_error *err)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawn_file_actions_init(&files) != 0)
		return no_memory(err);
	if (posix_spawnattr_init(&attributes) != 0) {
		posix_spawn_file_actions_destroy(&files);
		return no_memory(err);
	}
	/* A thread of ours may have all of them blocked. */
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	int errnum = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	if (errnum == 0)
		errnum = posix_spawn_file_actions_adddup2(&files, output, 1);
	if (errnum == 0)
		errnum = posix_spawnp(pid_out, words[0], &files, &attributes, words, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return errnum == 0
		       ? MLM_OK
		       : error_set_errno(err, errnum, "command", "cannot run '%.200s'", words[0]);
}

/* Until it closes its output. */
static mlm_status read_all(
	int from, char *bytes, size_t size_max, int64_t deadline_ns, mlm_error *err)
{
	size_t size = 0;
	for (;;) {
		struct pollfd wait = { .fd = from, .events = POLLIN };
		int64_t left_ms = (deadline_ns - clock_monotonic_ns()) / 1000000;
		int ready = left_ms > 0 ? poll(&wait, 1, (int)left_ms) : 0;
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0)
			return error_set(err, MLM_ETIMEOUT, "command", "it did not end in time");
		ssize_t got = ready < 0 ? -1 : read(from, bytes + size, size_max + 1 - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(err, errno, "command", "cannot read its output");
		size += (size_t)got;
		if (size > size_max)
			return error_set(err, MLM_EPEER, "command",
				"it printed more than %zu bytes", size_max);
		bytes[size] = '\0';
		if (got == 0)
			return MLM_OK;
	}
}

/* It has closed its output, so it is about to end, or is made to. */
static mlm_status await(pid_t pid, int64_t deadline_ns, mlm_status status, mlm_error *err)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	int ended = 0;
	pid_t got = 0;
	while (status == MLM_OK && (got = waitpid(pid, &ended, WNOHANG)) == 0) {
		if (clock_monotonic_ns() > deadline_ns)
			status = error_set(err, MLM_ETIMEOUT, "command", "it did not end in time");
		else
			nanosleep(&pause, NULL);
	}
	if (got == 0) {
		kill(pid, SIGKILL);
		while (waitpid(pid, &ended, 0) < 0 && errno == EINTR)
			;
	}
	/* Where the program does not wait for its children (SIGCHLD is ignored), nobody knows. */
	if (status != MLM_OK || got < 0 || (WIFEXITED(ended) && WEXITSTATUS(ended) == 0))
		return status;
	return error_set(err, MLM_EPEER, "command",
		WIFEXITED(ended) ? "it ended with status %d" : "signal %d ended it",
		WIFEXITED(ended) ? WEXITSTATUS(ended) : WTERMSIG(ended));
}

mlm_status command_output(const mlm_allocator *allocator, const char *line, size_t size_max,
	uint32_t timeout_ms, char **output_out, mlm_error *err)
{
	int64_t deadline_ns = clock_monotonic_ns() + (int64_t)timeout_ms * 1000000;
	char *words[WORDS_MAX + 1];
	int ends[2] = { -1, -1 };
	pid_t pid = 0;
	char *copy = memory_string(allocator, line);
	char *output = memory_new(allocator, size_max + 2);
	*output_out = NULL;
	mlm_status status = copy && output ? split(copy, words, err) : no_memory(err);
	if (status == MLM_OK && pipe2(ends, O_CLOEXEC) != 0)
		status = error_set_errno(err, errno, "command", "cannot make a pipe");
	if (status == MLM_OK)
		status = start(words, ends[1], &pid, err);
	if (ends[1] >= 0)
		close(ends[1]);
	if (status == MLM_OK)
		status = await(pid, deadline_ns,
			read_all(ends[0], output, size_max, deadline_ns, err), err);
	if (ends[0] >= 0)
		close(ends[0]);
	memory_free(allocator, copy);
	if (status == MLM_OK) {
		*output_out = output;
	} else if (output) {
		explicit_bzero(output, size_max);
		memory_free(allocator, output);
	}
	return status;
}
