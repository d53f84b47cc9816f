/* SPDX-License-Identifier: Apache-2.0 */
#include "core/git_commit.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL_FILE_SIZE       4096 /* HEAD, a loose ref, commondir, .git; a longer file is none */
#define REF_DEPTH_MAX         5 /* symbolic refs that name symbolic refs; git's own bound */
#define PACKED_REFS_BYTES_MAX (64l << 20)

/* Puts "directory/name" (or an absolute name alone) into path_out; false when it is too long. */
static bool join(char path_out[PATH_MAX], const char *directory, const char *name)
{
	int length = name[0] == '/' ? snprintf(path_out, PATH_MAX, "%s", name)
				    : snprintf(path_out, PATH_MAX, "%s/%s", directory, name);
	return length > 0 && length < PATH_MAX;
}

/* Opens only what is a regular file: a FIFO of that name would never end. */
static int open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Reads a file of one line, without the blanks at its end. */
static bool read_line(const char *directory, const char *name, char line_out[SMALL_FILE_SIZE])
{
	char path[PATH_MAX];
	if (!join(path, directory, name))
		return false;
	int fd = open_regular(path);
	if (fd < 0)
		return false;
	ssize_t got = read(fd, line_out, SMALL_FILE_SIZE);
	close(fd);
	if (got <= 0 || got == SMALL_FILE_SIZE)
		return false;
	while (got > 0 && isspace((unsigned char)line_out[got - 1]))
		got--;
	line_out[got] = '\0';
	return got > 0 && !strchr(line_out, '\n');
}

/* Copies a line's leading object name; what follows it must be a blank or the end. */
static bool copy_commit(const char *text, char commit_out[GIT_COMMIT_SIZE])
{
	size_t length = strspn(text, "0123456789abcdefABCDEF");
	if ((length != 40 && length != 64) ||
		(text[length] && !isspace((unsigned char)text[length])))
		return false;
	for (size_t i = 0; i < length; i++)
		commit_out[i] = (char)tolower((unsigned char)text[i]);
	commit_out[length] = '\0';
	return true;
}

/* Loose refs are files below the git directory; nothing else of it may be read through a name. */
static bool is_ref_name(const char *name)
{
	return strncmp(name, "refs/", 5) == 0 && !strstr(name, "..");
}

/* Lines are "<commit> <ref>"; '#' starts the header and '^' the commit of an annotated tag. */
static bool find_packed(const char *git_dir, const char *ref, char commit_out[GIT_COMMIT_SIZE])
{
	char path[PATH_MAX];
	if (!join(path, git_dir, "packed-refs"))
		return false;
	int fd = open_regular(path);
	if (fd < 0)
		return false;
	FILE *file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return false;
	}
	char line[SMALL_FILE_SIZE];
	bool found = false, at_line_start = true;
	long left = PACKED_REFS_BYTES_MAX;
	while (!found && left > 0 && fgets(line, sizeof(line), file)) {
		size_t length = strlen(line);
		left -= (long)length;
		bool is_whole = length > 0 && line[length - 1] == '\n';
		if (is_whole)
			line[length - 1] = '\0';
		const char *blank = at_line_start ? strchr(line, ' ') : NULL;
		found = blank && strcmp(blank + 1, ref) == 0 && copy_commit(line, commit_out);
		at_line_start = is_whole;
	}
	fclose(file);
	return found;
}

/* A linked worktree has its own HEAD and shares the rest with the directory commondir names. */
static bool read_head(const char *git_dir, char commit_out[GIT_COMMIT_SIZE])
{
	char line[SMALL_FILE_SIZE], common_dir[PATH_MAX];
	if (!read_line(git_dir, "commondir", line) || !join(common_dir, git_dir, line))
		snprintf(common_dir, sizeof(common_dir), "%s", git_dir);
	if (!read_line(git_dir, "HEAD", line))
		return false;
	for (int depth = 0; depth < REF_DEPTH_MAX; depth++) {
		if (strncmp(line, "ref:", 4) != 0)
			return copy_commit(line, commit_out);
		char ref[SMALL_FILE_SIZE];
		snprintf(ref, sizeof(ref), "%s", line + 4 + strspn(line + 4, " \t"));
		if (!is_ref_name(ref))
			return false;
		if (!read_line(git_dir, ref, line) && !read_line(common_dir, ref, line))
			return find_packed(common_dir, ref, commit_out);
	}
	return false;
}

/* Puts the git directory of the work tree at directory into git_dir_out, if it is one. */
static bool find_git_dir(const char *directory, char git_dir_out[PATH_MAX])
{
	struct stat status;
	if (!join(git_dir_out, directory, ".git") || stat(git_dir_out, &status) != 0)
		return false;
	/* An empty .git directory is no repository to git either: the search goes on above it. */
	char head[PATH_MAX];
	if (S_ISDIR(status.st_mode))
		return join(head, git_dir_out, "HEAD") && access(head, F_OK) == 0;
	char line[SMALL_FILE_SIZE];
	if (!read_line(directory, ".git", line) || strncmp(line, "gitdir:", 7) != 0)
		return false;
	return join(git_dir_out, directory, line + 7 + strspn(line + 7, " \t"));
}

bool git_commit_read(const char *start_path, char commit_out[GIT_COMMIT_SIZE])
{
	commit_out[0] = '\0';
	char directory[PATH_MAX], git_dir[PATH_MAX];
	if (!start_path || !realpath(start_path, directory))
		return false;
	/* A file's own name is tried as a directory first, which costs one failing stat. */
	for (;;) {
		if (find_git_dir(directory, git_dir)) {
			if (read_head(git_dir, commit_out))
				return true;
			commit_out[0] = '\0';
			return false;
		}
		char *slash = strrchr(directory, '/');
		if (!slash || directory[0] == '\0')
			return false;
		*slash = '\0';
	}
}
