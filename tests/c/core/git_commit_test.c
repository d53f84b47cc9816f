/* SPDX-License-Identifier: Apache-2.0 */
#include "core/git_commit.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

#define SHA1   "0123456789abcdef0123456789abcdef01234567"
#define OTHER  "89abcdef0123456789abcdef0123456789abcdef"
#define SHA256 SHA1 "0123456789abcdef01234567"

static char root[64];
static char commit[GIT_COMMIT_SIZE];

static const char *in_root(const char *name)
{
	static char path[4][512];
	static int next;
	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[next]), "%s/%s", root, name);
	return path[next];
}

/* Makes a file and the directories above it. */
static void put(const char *name, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s", in_root(name));
	for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	FILE *file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
		perror(path);
		exit(1);
	}
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status, (void)kind, (void)place;
	return remove(path);
}

static void begin(void)
{
	snprintf(root, sizeof(root), "git-commit-XXXXXX");
	if (!mkdtemp(root)) {
		perror(root);
		exit(1);
	}
	/* Above the test's directory may well be a repository: the fence ends the search. */
	put(".git/HEAD", "ref: refs/heads/fence\n");
	memset(commit, 'x', sizeof(commit));
}

static void end(void)
{
	nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

TEST(git_commit_read__branch_from_a_file_below)
{
	begin();
	put("a/.git/HEAD", "ref: refs/heads/main\n");
	put("a/.git/refs/heads/main", SHA1 "\n");
	put("a/src/deep/train.lua", "");
	CHECK(git_commit_read(in_root("a/src/deep/train.lua"), commit));
	CHECK_STRING(commit, SHA1);
	CHECK(git_commit_read(in_root("a"), commit));
	CHECK_STRING(commit, SHA1);
	CHECK(!symlink("a/src/deep/train.lua", in_root("link.lua")));
	CHECK(git_commit_read(in_root("link.lua"), commit));
	CHECK_STRING(commit, SHA1);
	end();
}

TEST(git_commit_read__detached_head_of_both_lengths)
{
	begin();
	put("a/.git/HEAD", SHA1 "\n");
	CHECK(git_commit_read(in_root("a"), commit));
	CHECK_STRING(commit, SHA1);
	put("a/.git/HEAD", SHA256 "\n");
	CHECK(git_commit_read(in_root("a"), commit));
	CHECK_STRING(commit, SHA256);
	put("a/.git/HEAD", SHA1 "0\n");
	CHECK(!git_commit_read(in_root("a"), commit));
	CHECK_STRING(commit, "");
	end();
}

TEST(git_commit_read__packed_refs)
{
	begin();
	put("a/.git/HEAD", "ref: refs/heads/main\n");
	put("a/.git/packed-refs",
		"# pack-refs with: peeled fully-peeled sorted \n" OTHER " refs/heads/mai\n" OTHER
		" refs/heads/main2\n" OTHER " refs/tags/refs/heads/main\n^" OTHER "\n" SHA1
		" refs/heads/main\n");
	CHECK(git_commit_read(in_root("a"), commit));
	CHECK_STRING(commit, SHA1);
	put("a/.git/refs/heads/main", OTHER "\n");
	CHECK(git_commit_read(in_root("a"), commit));
	CHECK_STRING(commit, OTHER); /* a loose ref is newer than a packed one */
	end();
}

TEST(git_commit_read__worktree_and_submodule)
{
	begin();
	put("main/.git/HEAD", "ref: refs/heads/main\n");
	put("main/.git/refs/heads/main", OTHER "\n");
	put("main/.git/refs/heads/topic", SHA1 "\n");
	put("main/.git/worktrees/wt/HEAD", "ref: refs/heads/topic\n");
	put("main/.git/worktrees/wt/commondir", "../..\n");
	put("wt/.git", "gitdir: ../main/.git/worktrees/wt\n");
	CHECK(git_commit_read(in_root("wt"), commit));
	CHECK_STRING(commit, SHA1);
	put("main/.git/modules/sub/HEAD", SHA1 "\n");
	put("main/sub/.git", "gitdir: ../.git/modules/sub\n");
	put("main/sub/file", "");
	CHECK(git_commit_read(in_root("main/sub/file"), commit));
	CHECK_STRING(commit, SHA1);
	end();
}

TEST(git_commit_read__symbolic_refs_and_their_bound)
{
	begin();
	put("a/.git/HEAD", "ref: refs/heads/alias\n");
	put("a/.git/refs/heads/alias", "ref: refs/heads/main\n");
	put("a/.git/refs/heads/main", SHA1 "\n");
	CHECK(git_commit_read(in_root("a"), commit));
	CHECK_STRING(commit, SHA1);
	put("a/.git/refs/heads/main", "ref: refs/heads/alias\n");
	CHECK(!git_commit_read(in_root("a"), commit));
	end();
}

TEST(git_commit_read__false_without_a_commit)
{
	begin();
	put("a/file", "");
	CHECK(!git_commit_read(in_root("a/file"), commit)); /* the fence: a branch not yet born */
	CHECK_STRING(commit, "");
	CHECK(!git_commit_read(in_root("nothing/there"), commit));
	CHECK(!git_commit_read(NULL, commit));
	CHECK(!git_commit_read("", commit));
	CHECK(!git_commit_read("/", commit));
	put("b/.git/HEAD", "ref: ../../outside\n");
	put("outside", SHA1 "\n");
	CHECK(!git_commit_read(in_root("b"), commit));
	put("b/.git/HEAD", "ref: refs/../../../outside\n");
	CHECK(!git_commit_read(in_root("b"), commit));
	put("b/.git/HEAD", "");
	CHECK(!git_commit_read(in_root("b"), commit));
	CHECK(!remove(in_root("b/.git/HEAD")));
	CHECK(!mkfifo(in_root("b/.git/HEAD"), 0600));
	CHECK(!git_commit_read(in_root("b"), commit)); /* and does not wait for a writer */
	end();
}

TEST(git_commit_read__passes_over_an_empty_dot_git)
{
	begin();
	put("a/.git/HEAD", SHA1 "\n");
	put("a/b/.git/nothing", "");
	CHECK(git_commit_read(in_root("a/b"), commit));
	CHECK_STRING(commit, SHA1);
	end();
}

/* What git itself says, where there is one: refs, packed refs and a worktree that git made. */
TEST(git_commit_read__as_git_says)
{
	begin();
	char command[1024], want[GIT_COMMIT_SIZE + 1] = "";
	snprintf(command, sizeof(command),
		"cd %s && git init -q g && cd g && git config user.name x && git config user.email "
		"x"
		" && git commit -q --allow-empty -m one && git pack-refs --all"
		" && git worktree add -q ../w -b topic && cd ../w"
		" && git commit -q --allow-empty -m two && git rev-parse HEAD",
		root);
	FILE *pipe = system("command -v git >/dev/null") == 0 ? popen(command, "r") : NULL;
	if (pipe) {
		CHECK(fgets(want, sizeof(want), pipe) != NULL);
		CHECK_INT(pclose(pipe), 0);
		want[strcspn(want, "\n")] = '\0';
		CHECK(git_commit_read(in_root("w"), commit));
		CHECK_STRING(commit, want);
		CHECK(git_commit_read(in_root("g"), commit));
		CHECK_INT(strlen(commit), 40);
		CHECK(strcmp(commit, want) != 0);
	} else {
		printf("  not compared: there is no git here\n");
	}
	end();
}

int main(void)
{
	RUN(git_commit_read__branch_from_a_file_below);
	RUN(git_commit_read__detached_head_of_both_lengths);
	RUN(git_commit_read__packed_refs);
	RUN(git_commit_read__worktree_and_submodule);
	RUN(git_commit_read__symbolic_refs_and_their_bound);
	RUN(git_commit_read__false_without_a_commit);
	RUN(git_commit_read__passes_over_an_empty_dot_git);
	RUN(git_commit_read__as_git_says);
	return check_done();
}
