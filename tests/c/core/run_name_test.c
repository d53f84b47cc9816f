/* SPDX-License-Identifier: Apache-2.0 */
#include "core/run_name.h"

#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define NAMES 20000

static char names[NAMES][RUN_NAME_SIZE];

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int count_different(int count)
{
	qsort(names, (size_t)count, sizeof(names[0]), by_text);
	int different = count > 0;
	for (int i = 1; i < count; i++)
		different += strcmp(names[i - 1], names[i]) != 0;
	return different;
}

static bool is_word(const char *text, size_t size)
{
	return size >= 2 && strspn(text, "abcdefghijklmnopqrstuvwxyz") == size;
}

TEST(run_name_generate__adjective_animal_number)
{
	for (int i = 0; i < NAMES; i++) {
		char name[RUN_NAME_SIZE];
		run_name_generate(name);
		char *animal = strchr(name, '-') + 1;
		char *number = strchr(animal, '-') + 1;
		animal[-1] = number[-1] = '\0';
		if (!is_word(name, strlen(name)) || !is_word(animal, strlen(animal)) ||
			strspn(number, "0123456789") != strlen(number) || strlen(number) > 3 ||
			(number[0] == '0' && number[1]) || !number[0]) {
			printf("  %s %s %s\n", name, animal, number);
			CHECK(!"an adjective, an animal and 0 to 999");
		}
	}
}

TEST(run_name_generate__seldom_repeats)
{
	for (int i = 0; i < NAMES; i++)
		run_name_generate(names[i]);
	/* Of 10^8 names 20 000 draws repeat twice on average; ten is beyond chance. */
	CHECK(count_different(NAMES) > NAMES - 10);
}

TEST(run_name_generate__uses_every_list_whole)
{
	static const int few_hundred = 300;
	for (int i = 0; i < NAMES; i++) {
		run_name_generate(names[i]);
		*strchr(names[i], '-') = '\0';
	}
	CHECK(count_different(NAMES) > few_hundred);
	char name[RUN_NAME_SIZE];
	for (int i = 0; i < NAMES; i++) {
		run_name_generate(name);
		const char *animal = strchr(name, '-') + 1;
		snprintf(names[i], RUN_NAME_SIZE, "%.*s", (int)strcspn(animal, "-"), animal);
	}
	CHECK(count_different(NAMES) > few_hundred);
	for (int i = 0; i < NAMES; i++) {
		run_name_generate(name);
		snprintf(names[i], RUN_NAME_SIZE, "%s", strrchr(name, '-') + 1);
	}
	CHECK_INT(count_different(NAMES), 1000);
}

TEST(run_name_generate__forked_processes_differ)
{
	int ends[2];
	CHECK(pipe(ends) == 0);
	enum { CHILDREN = 4 };
	for (int i = 0; i < CHILDREN; i++) {
		pid_t child = fork();
		if (child == 0) {
			run_name_generate(names[0]);
			_exit(write(ends[1], names[0], RUN_NAME_SIZE) == RUN_NAME_SIZE ? 0 : 1);
		}
		int status = -1;
		CHECK(waitpid(child, &status, 0) == child && status == 0);
		CHECK(read(ends[0], names[1 + i], RUN_NAME_SIZE) == RUN_NAME_SIZE);
	}
	memcpy(names[0], names[CHILDREN], RUN_NAME_SIZE);
	CHECK_INT(count_different(CHILDREN), CHILDREN);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	RUN(run_name_generate__adjective_animal_number);
	RUN(run_name_generate__seldom_repeats);
	RUN(run_name_generate__uses_every_list_whole);
	RUN(run_name_generate__forked_processes_differ);
	return check_done();
}
