/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_ARTIFACT_CONTRACT_H
#define TESTS_ARTIFACT_CONTRACT_H

/*
 * What every backend of artifact.h must answer, wherever it keeps its bytes. A test program says
 * how an artifact store is opened and runs it:
 *
 *     static void my_options(const char *id, struct artifact_options *options) { ... }
 *     run_artifact_contract(my_options);
 *
 * Each test takes a root of its own: an id of 32 hex digits that no other test has had.
 */

#include <pthread.h>
#include <unistd.h>

#include "artifact/artifact.h"
#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

/* Fills *options for the root of that id; what it points to lives until the next call. */
typedef void (*contract_options_fn)(const char *id, struct artifact_options *options);
static contract_options_fn contract_options;
static char contract_id[33];

/* How a store is opened, if not by its URI. */
static mlm_status (*contract_open_with)(
	const struct artifact_options *options, struct artifact_store **store_out, mlm_error *why);

/* What lies behind a server may be less than our own backends: names that it cannot have are
 * EINVAL then (NULL: it takes all), and a directory may outlive its last file. */
static bool (*contract_takes)(const char *name);
static bool contract_keeps_empty_directories;
/* What changes while it is read may be EAGAIN: the state that was begun is gone. */
static bool contract_loses_old_states;

static inline bool contract_takes_name(const char *name)
{
	return !contract_takes || contract_takes(name);
}

static inline struct artifact_store *contract_open(void)
{
	struct artifact_options options = { 0 };
	struct artifact_store *store = NULL;
	contract_options(contract_id, &options);
	MUST((contract_open_with ? contract_open_with : artifact_open)(&options, &store, &err));
	return store;
}

/* A store whose root is empty. */
static inline struct artifact_store *contract_fresh(void)
{
	static unsigned serial;
	snprintf(contract_id, sizeof(contract_id), "%016llx%016x", (unsigned long long)getpid(),
		++serial);
	return contract_open();
}

/* ---- bytes that come and go ---- */

/* size bytes that depend on seed and place; fails_at >= 0: the reader fails there. */
struct contract_source {
	uint64_t size;
	uint64_t at;
	uint32_t seed;
	int64_t fails_at;
};

static inline unsigned char contract_byte(uint32_t seed, uint64_t at)
{
	return (unsigned char)((at * 2654435761u + seed) >> 7);
}

static inline mlm_status contract_read(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *why)
{
	struct contract_source *source = payload;
	if (source->fails_at >= 0 && source->at >= (uint64_t)source->fails_at) {
		*why = (mlm_error){ .status = MLM_EPEER, .area = "test", .message = "cut off" };
		return MLM_EPEER;
	}
	size_t count = 0;
	unsigned char *to = bytes;
	/* Odd pieces: a backend may not count on whole buffers. */
	if (size > 300007)
		size = 300007;
	while (count < size && source->at < source->size)
		to[count++] = contract_byte(source->seed, source->at++);
	*got_out = count;
	return MLM_OK;
}

struct contract_sink {
	uint64_t size;
	uint32_t seed;
	bool is_wrong; /* a byte was not that of seed */
	char start[64];
};

static inline mlm_status contract_write(
	void *payload, const void *bytes, size_t size, mlm_error *why)
{
	struct contract_sink *sink = payload;
	const unsigned char *from = bytes;
	(void)why;
	for (size_t i = 0; i < size; i++, sink->size++) {
		if (sink->size < sizeof(sink->start) - 1)
			sink->start[sink->size] = (char)from[i];
		if (from[i] != contract_byte(sink->seed, sink->size))
			sink->is_wrong = true;
	}
	return MLM_OK;
}

static inline mlm_status contract_put_bytes(struct artifact_store *store, const char *path,
	uint64_t size, uint32_t seed, int64_t fails_at)
{
	struct contract_source source = { size, 0, seed, fails_at };
	const mlm_artifact_reader reader = { contract_read, &source, (int64_t)size, NULL };
	return artifact_put(store, path, &reader, &err);
}

struct contract_text {
	const char *text;
	size_t at;
};

static inline mlm_status contract_read_text(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *why)
{
	struct contract_text *from = payload;
	size_t left = strlen(from->text) - from->at;
	(void)why;
	*got_out = left < size ? left : size;
	memcpy(bytes, from->text + from->at, *got_out);
	from->at += *got_out;
	return MLM_OK;
}

static inline mlm_status contract_put(
	struct artifact_store *store, const char *path, const char *text)
{
	struct contract_text from = { text, 0 };
	/* As from a pipe: the size is not known before the end. */
	const mlm_artifact_reader reader = { contract_read_text, &from, -1, NULL };
	return artifact_put(store, path, &reader, &err);
}

static inline struct contract_sink contract_get(struct artifact_store *store, const char *path)
{
	struct contract_sink sink = { 0 };
	const mlm_artifact_writer writer = { contract_write, &sink };
	err = (mlm_error)MLM_ERROR_INIT;
	if (artifact_get(store, path, &writer, &err) != MLM_OK)
		snprintf(sink.start, sizeof(sink.start), "%s", mlm_status_name(err.status));
	return sink;
}

/* A listing as text: "a.txt 5, dir/". */
struct contract_listing {
	char text[2000];
};

static inline mlm_status contract_note(void *payload, const mlm_artifact *entry, mlm_error *why)
{
	struct contract_listing *listing = payload;
	size_t used = strlen(listing->text);
	(void)why;
	if (entry->is_directory)
		snprintf(listing->text + used, sizeof(listing->text) - used, "%s%s/",
			used ? ", " : "", entry->path);
	else
		snprintf(listing->text + used, sizeof(listing->text) - used, "%s%s %lld",
			used ? ", " : "", entry->path, (long long)entry->size_bytes);
	return MLM_OK;
}

static inline struct contract_listing contract_list(
	struct artifact_store *store, const char *directory)
{
	struct contract_listing listing = { "" };
	MUST(artifact_list(store, directory, contract_note, &listing, &err));
	return listing;
}

/* ---- the cases ---- */

TEST(put__is_read_back_and_listed_with_its_size)
{
	struct artifact_store *store = contract_fresh();
	CHECK_STRING(contract_list(store, "").text, "");
	MUST(contract_put(store, "note.txt", "hello"));
	CHECK_STRING(contract_get(store, "note.txt").start, "hello");
	CHECK_STRING(contract_list(store, "").text, "note.txt 5");
	mlm_artifact entry;
	MUST(artifact_stat(store, "note.txt", &entry, &err));
	CHECK(!entry.is_directory);
	CHECK_INT(entry.size_bytes, 5);
	artifact_close(store);
	store = contract_open(); /* it is there for whoever opens the root again */
	CHECK_STRING(contract_get(store, "note.txt").start, "hello");
	artifact_close(store);
}

TEST(put__replaces)
{
	struct artifact_store *store = contract_fresh();
	MUST(contract_put(store, "a/b.txt", "the first, which is longer"));
	MUST(contract_put(store, "a/b.txt", "second"));
	CHECK_STRING(contract_get(store, "a/b.txt").start, "second");
	CHECK_STRING(contract_list(store, "a").text, "a/b.txt 6");
	artifact_close(store);
}

TEST(put__takes_an_empty_file)
{
	struct artifact_store *store = contract_fresh();
	MUST(contract_put(store, "empty", ""));
	CHECK_INT(contract_get(store, "empty").size, 0);
	CHECK_STRING(contract_list(store, "").text, "empty 0");
	artifact_close(store);
}

TEST(put__takes_a_big_file)
{
	const uint64_t size = (9u << 20) + 4321;
	struct artifact_store *store = contract_fresh();
	MUST(contract_put_bytes(store, "big.bin", size, 7, -1));
	struct contract_sink sink = { .seed = 7 };
	const mlm_artifact_writer writer = { contract_write, &sink };
	MUST(artifact_get(store, "big.bin", &writer, &err));
	CHECK_INT(sink.size, size);
	CHECK(!sink.is_wrong);
	artifact_close(store);
}

TEST(put__cut_off_leaves_nothing_visible)
{
	struct artifact_store *store = contract_fresh();
	CHECK_STATUS(contract_put_bytes(store, "x/new.bin", 5u << 20, 1, 3 << 20), MLM_EPEER);
	CHECK_STRING(err.message, "cut off");
	CHECK_STRING(contract_list(store, "x").text, "");
	CHECK_STRING(contract_get(store, "x/new.bin").start, "not_found");
	if (!contract_keeps_empty_directories)
		CHECK_STRING(contract_list(store, "").text, "");
	MUST(contract_put(store, "y/old.bin", "as it was"));
	CHECK_STATUS(contract_put_bytes(store, "y/old.bin", 5u << 20, 1, 3 << 20), MLM_EPEER);
	CHECK_STRING(contract_get(store, "y/old.bin").start, "as it was");
	CHECK_STRING(contract_list(store, "y").text, "y/old.bin 9");
	artifact_close(store);
}

TEST(put__eexists_where_a_file_and_a_directory_would_share_a_path)
{
	struct artifact_store *store = contract_fresh();
	MUST(contract_put(store, "dir/file", "x"));
	CHECK_STATUS(contract_put(store, "dir", "y"), MLM_EEXISTS);
	CHECK_CONTAINS(err.message, "'dir'");
	CHECK_STATUS(contract_put(store, "dir/file/inner", "y"), MLM_EEXISTS);
	CHECK_CONTAINS(err.message, "'dir/file/inner'");
	CHECK_STRING(contract_list(store, "").text, "dir/");
	CHECK_STRING(contract_list(store, "dir").text, "dir/file 1");
	artifact_close(store);
}

TEST(names__may_hold_spaces_hashes_percents_and_any_letters)
{
	static const char *const names[] = { "with space", "a#b", "100%", "%41", "%2e%2e", "?q=1&r",
		"h\xC3\xA4user/\xE4\xBA\xAC.txt", "back\\slash", "semi;colon", "'quote\"", "+plus",
		".hidden", "-dash", "file:x", "a:b@c", "dir #1/file.txt", "dir 1/100% done.txt",
		"...", "part", "part;", "part?", "part;?b", "inner/c", "inner;/c", "lead", " lead",
		"loss: x", "Loss: x", "C:\\plot.png", "c:/plot.png" };
	const size_t count = sizeof(names) / sizeof(names[0]);
	struct artifact_store *store = contract_fresh();
	for (size_t i = 0; i < count; i++)
		CHECK_INT(contract_put(store, names[i], names[i]),
			contract_takes_name(names[i]) ? MLM_OK : MLM_EINVAL);
	for (size_t i = 0; i < count; i++)
		CHECK_STRING(contract_get(store, names[i]).start,
			contract_takes_name(names[i]) ? names[i] : "not_found");
	CHECK_STRING(contract_get(store, "A").start, "not_found"); /* "%41" is no escape */
	CHECK_STRING(contract_list(store, "dir 1").text, "dir 1/100% done.txt 19");
	for (size_t i = 0; i < count; i++)
		CHECK_INT(artifact_remove(store, names[i], &err),
			contract_takes_name(names[i]) ? MLM_OK : MLM_ENOTFOUND);
	if (!contract_keeps_empty_directories)
		CHECK_STRING(contract_list(store, "").text, "");
	artifact_close(store);
}

TEST(names__that_leave_the_root_or_have_two_spellings_are_einval)
{
	static const char *const names[] = { "", "/", "/etc/passwd", "..", "../x", "a/../b", "a/..",
		".", "./a", "a/.", "a//b", "a/", "a\nb", "\xFF", ".artifact.uploading.x" };
	struct artifact_store *store = contract_fresh();
	mlm_artifact entry;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const mlm_artifact_writer writer = { contract_write, NULL };
		CHECK_STATUS(contract_put(store, names[i], "x"), MLM_EINVAL);
		CHECK_STATUS(artifact_get(store, names[i], &writer, &err), MLM_EINVAL);
		CHECK_STATUS(artifact_stat(store, names[i], &entry, &err), MLM_EINVAL);
		if (!names[i][0])
			continue; /* the root itself */
		CHECK_STATUS(artifact_remove(store, names[i], &err), MLM_EINVAL);
		CHECK_STATUS(artifact_list(store, names[i], contract_note, NULL, &err), MLM_EINVAL);
	}
	CHECK_STRING(contract_list(store, "").text, "");
	artifact_close(store);
}

TEST(get_and_stat__enotfound)
{
	struct artifact_store *store = contract_fresh();
	struct contract_sink sink = { 0 };
	const mlm_artifact_writer writer = { contract_write, &sink };
	mlm_artifact entry;
	CHECK_STATUS(artifact_get(store, "none", &writer, &err), MLM_ENOTFOUND);
	CHECK_CONTAINS(err.message, "'none'");
	CHECK_STATUS(artifact_stat(store, "none", &entry, &err), MLM_ENOTFOUND);
	CHECK_INT(entry.size_bytes, -1);
	MUST(contract_put(store, "dir/file", "x"));
	CHECK_STATUS(artifact_get(store, "dir", &writer, &err), MLM_ENOTFOUND);
	CHECK_CONTAINS(err.message, "directory");
	CHECK_STATUS(artifact_get(store, "dir/file/deeper", &writer, &err), MLM_ENOTFOUND);
	CHECK_INT(sink.size, 0);
	MUST(artifact_stat(store, "dir", &entry, &err));
	CHECK(entry.is_directory);
	CHECK_INT(entry.size_bytes, -1);
	artifact_close(store);
}

static inline mlm_status contract_refuse(
	void *payload, const void *bytes, size_t size, mlm_error *why)
{
	(void)payload;
	(void)bytes;
	(void)size;
	*why = (mlm_error){ .status = MLM_EFULL, .area = "test", .message = "no room" };
	return MLM_EFULL;
}

TEST(get__passes_on_why_the_writer_failed)
{
	struct artifact_store *store = contract_fresh();
	const mlm_artifact_writer writer = { contract_refuse, NULL };
	MUST(contract_put(store, "a", "bytes"));
	CHECK_STATUS(artifact_get(store, "a", &writer, &err), MLM_EFULL);
	CHECK_STRING(err.message, "no room");
	CHECK_STRING(contract_get(store, "a").start, "bytes"); /* and goes on */
	artifact_close(store);
}

TEST(list__gives_what_lies_directly_in_a_directory_sorted)
{
	struct artifact_store *store = contract_fresh();
	static const char *const names[] = { "b.txt", "a/2.txt", "a/10.txt", "a/deep/er/x", "c",
		"a.txt", "a b/y", "a%/z", "a_/z" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		MUST(contract_put(store, names[i], names[i]));
	CHECK_STRING(contract_list(store, "").text, "a/, a b/, a%/, a.txt 5, a_/, b.txt 5, c 1");
	CHECK_STRING(contract_list(store, "a").text, "a/10.txt 8, a/2.txt 7, a/deep/");
	CHECK_STRING(contract_list(store, "a/deep").text, "a/deep/er/");
	CHECK_STRING(contract_list(store, "none").text, "");
	CHECK_STRING(contract_list(store, "c").text, "");
	CHECK_STRING(contract_list(store, "c/d").text, "");
	artifact_close(store);
}

static inline mlm_status contract_stop(void *payload, const mlm_artifact *entry, mlm_error *why)
{
	(void)entry;
	++*(int *)payload;
	*why = (mlm_error){ .status = MLM_ESTATE, .area = "test", .message = "enough" };
	return MLM_ESTATE;
}

TEST(list__ends_when_the_visitor_says_so)
{
	struct artifact_store *store = contract_fresh();
	int count = 0;
	MUST(contract_put(store, "a", "1"));
	MUST(contract_put(store, "b", "1"));
	CHECK_STATUS(artifact_list(store, "", contract_stop, &count, &err), MLM_ESTATE);
	CHECK_INT(count, 1);
	artifact_close(store);
}

TEST(walk__gives_every_file_below)
{
	struct artifact_store *store = contract_fresh();
	struct contract_listing listing = { "" };
	MUST(contract_put(store, "a/b/c", "1"));
	MUST(contract_put(store, "a/d", "12"));
	MUST(contract_put(store, "e", "123"));
	MUST(artifact_walk(store, "", contract_note, &listing, &err));
	CHECK_STRING(listing.text, "a/b/c 1, a/d 2, e 3");
	artifact_close(store);
}

TEST(put__einval_for_what_a_walk_would_not_reach)
{
	struct artifact_store *store = contract_fresh();
	struct contract_listing listing = { "" };
	char path[2 * MLM_ARTIFACT_DEPTH_MAX + 2] = "";
	for (int i = 0; i < MLM_ARTIFACT_DEPTH_MAX; i++)
		memcpy(path + 2 * i, "d/", 3);
	memcpy(path + 2 * MLM_ARTIFACT_DEPTH_MAX, "f", 2);
	CHECK_STATUS(contract_put(store, path, "deep"), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "64 parts");
	MUST(contract_put(store, path + 2, "deep"));
	CHECK_STRING(contract_get(store, path + 2).start, "deep");
	MUST(artifact_walk(store, "", contract_note, &listing, &err));
	CHECK_CONTAINS(listing.text, "/f 4");
	MUST(artifact_remove(store, "", &err));
	artifact_close(store);
}

TEST(remove__takes_a_file_a_tree_or_all)
{
	struct artifact_store *store = contract_fresh();
	static const char *const names[] = { "one", "tree/a", "tree/b/c", "tree2/x", "last/file" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		MUST(contract_put(store, names[i], names[i]));
	MUST(artifact_remove(store, "one", &err));
	CHECK_STATUS(artifact_remove(store, "one", &err), MLM_ENOTFOUND);
	CHECK_CONTAINS(err.message, "'one'");
	MUST(artifact_remove(store, "tree", &err));
	CHECK_STRING(contract_list(store, "").text, "last/, tree2/");
	MUST(artifact_remove(store, "last/file", &err)); /* a directory goes with its last file */
	if (!contract_keeps_empty_directories)
		CHECK_STRING(contract_list(store, "").text, "tree2/");
	MUST(artifact_remove(store, "", &err));
	CHECK_STRING(contract_list(store, "").text, "");
	MUST(artifact_remove(store, "", &err));
	artifact_close(store);
}

TEST(roots__keep_to_themselves)
{
	struct artifact_store *first = contract_fresh();
	MUST(contract_put(first, "a", "first"));
	struct artifact_store *second = contract_fresh();
	CHECK_STRING(contract_list(second, "").text, "");
	MUST(contract_put(second, "a", "second"));
	MUST(artifact_remove(second, "", &err));
	CHECK_STRING(contract_get(first, "a").start, "first");
	artifact_close(first);
	artifact_close(second);
}

struct contract_reading {
	struct artifact_store *store;
	int wrong;
};

/* Each state of the artifact is of one seed, and of one size for each seed; a mixture shows. */
static inline void *contract_read_again_and_again(void *payload)
{
	struct contract_reading *reading = payload;
	for (int i = 0; i < 20; i++) {
		mlm_error why = MLM_ERROR_INIT;
		struct contract_sink sink = { .seed = 3 };
		const mlm_artifact_writer writer = { contract_write, &sink };
		mlm_status status = artifact_get(reading->store, "changing", &writer, &why);
		if (status == MLM_EAGAIN && contract_loses_old_states)
			continue;
		if (status != MLM_OK) {
			printf("  a reader: %s\n", why.message);
			reading->wrong++;
			break;
		}
		bool is_first = sink.size == 3000000 && !sink.is_wrong;
		if (!is_first && sink.size != 2000000)
			reading->wrong++;
	}
	return NULL;
}

TEST(readers__see_the_old_bytes_or_the_new)
{
	struct artifact_store *store = contract_fresh();
	pthread_t readers[2];
	struct contract_reading readings[2];
	MUST(contract_put_bytes(store, "changing", 3000000, 3, -1));
	for (int i = 0; i < 2; i++) {
		readings[i] = (struct contract_reading){ .store = contract_open() };
		if (pthread_create(&readers[i], NULL, contract_read_again_and_again, &readings[i]))
			exit(1);
	}
	for (int i = 0; i < 10; i++) {
		bool is_first = i % 2 == 1;
		MUST(contract_put_bytes(
			store, "changing", is_first ? 3000000 : 2000000, is_first ? 3 : 4, -1));
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(readers[i], NULL);
		CHECK_INT(readings[i].wrong, 0);
		artifact_close(readings[i].store);
	}
	artifact_close(store);
}

static inline void run_artifact_contract(contract_options_fn options)
{
	contract_options = options;
	RUN(put__is_read_back_and_listed_with_its_size);
	RUN(put__replaces);
	RUN(put__takes_an_empty_file);
	RUN(put__takes_a_big_file);
	RUN(put__cut_off_leaves_nothing_visible);
	RUN(put__eexists_where_a_file_and_a_directory_would_share_a_path);
	RUN(names__may_hold_spaces_hashes_percents_and_any_letters);
	RUN(names__that_leave_the_root_or_have_two_spellings_are_einval);
	RUN(get_and_stat__enotfound);
	RUN(get__passes_on_why_the_writer_failed);
	RUN(list__gives_what_lies_directly_in_a_directory_sorted);
	RUN(list__ends_when_the_visitor_says_so);
	RUN(walk__gives_every_file_below);
	RUN(put__einval_for_what_a_walk_would_not_reach);
	RUN(remove__takes_a_file_a_tree_or_all);
	RUN(roots__keep_to_themselves);
	RUN(readers__see_the_old_bytes_or_the_new);
}

#endif
