/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn ROUNDS [-x FILE] COMMAND… -- COMMAND… -- …: runs the commands in turns and prints the
 * median wall time of each in milliseconds, from before the start to the end seen. With -x the
 * file, and what SQLite and the journal keep beside it, is deleted before each run of that command.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 8
#define ROUNDS_MAX   1000

extern char **environ;

struct command {
	char **arguments;
	const char *fresh; /* or NULL */
	double milliseconds[ROUNDS_MAX];
};

static struct command commands[COMMANDS_MAX];

static double now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1000 + (double)now.tv_nsec * 1e-6;
}

static void remove_store(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char name[4096];
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		unlink(name);
	}
	/* Empty after a good end; what is in it otherwise, the next opener adopts. */
	snprintf(name, sizeof(name), "%s-journal.d", path);
	rmdir(name);
}

static double run(const struct command *command)
{
	pid_t pid;
	int status;
	if (command->fresh)
		remove_store(command->fresh);
	double start = now_ms();
	int result =
		posix_spawnp(&pid, command->arguments[0], NULL, NULL, command->arguments, environ);
	if (result != 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
		fprintf(stderr, "spawn: %s failed\n", command->arguments[0]);
		exit(1);
	}
	return now_ms() - start;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	size_t count = 0;
	size_t rounds = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	for (int i = 2; i < argc && count < COMMANDS_MAX; i++) {
		struct command *command = &commands[count++];
		if (strcmp(argv[i], "-x") == 0 && i + 1 < argc) {
			command->fresh = argv[i + 1];
			i += 2;
		}
		command->arguments = &argv[i];
		while (i < argc && strcmp(argv[i], "--") != 0)
			i++;
		if (i < argc)
			argv[i] = NULL;
	}
	if (count == 0 || rounds == 0 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: spawn ROUNDS [-x FILE] COMMAND... [-- ...]\n");
		return 2;
	}
	for (size_t i = 0; i < count; i++)
		run(&commands[i]);
	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < count; i++)
			commands[i].milliseconds[round] = run(&commands[i]);
	for (size_t i = 0; i < count; i++) {
		qsort(commands[i].milliseconds, rounds, sizeof(double), by_value);
		printf("%.3f\n", commands[i].milliseconds[rounds / 2]);
	}
	return 0;
}
