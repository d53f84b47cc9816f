/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs at build time: schema_image OUT.c SCHEMA.sql...
 *
 * Makes an empty store with SQLite and writes it down as C: making 65 tables by DDL takes some
 * 20 ms at each first start, copying their file takes one. Almost all of the file is zero (each
 * index has a page of its own), so only the other ranges are kept.
 */

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP_MIN 16u /* a shorter run of zeros is cheaper kept than described */

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file) {
		perror(path);
		exit(1);
	}
	size_t size = 0, capacity = 1 << 16;
	char *text = malloc(capacity);
	while (text) {
		size += fread(text + size, 1, capacity - size - 1, file);
		if (size < capacity - 1)
			break;
		text = realloc(text, capacity *= 2);
	}
	if (!text || ferror(file)) {
		fprintf(stderr, "%s: could not be read\n", path);
		exit(1);
	}
	text[size] = '\0';
	fclose(file);
	return text;
}

static void run(sqlite3 *db, const char *where, const char *sql)
{
	char *message = NULL;
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", where, message ? message : sqlite3_errmsg(db));
		exit(1);
	}
}

/* The index of the first byte at or after i that is, or is not, part of a run of zeros worth
 * leaving out. */
static size_t skip_kept(const unsigned char *bytes, size_t size, size_t i)
{
	size_t zeros = 0;
	for (; i < size && zeros < GAP_MIN; i++)
		zeros = bytes[i] ? 0 : zeros + 1;
	return i - zeros;
}

static size_t skip_zeros(const unsigned char *bytes, size_t size, size_t i)
{
	while (i < size && !bytes[i])
		i++;
	return i;
}

static void write_image(FILE *out, const unsigned char *bytes, size_t size)
{
	fprintf(out, "/* Made by schema_image from src/store/image/. */\n"
		     "#include \"store/image/schema_image.h\"\n\n"
		     "static const unsigned char kept[] = {");
	size_t column = 0;
	for (size_t i = skip_zeros(bytes, size, 0); i < size;) {
		size_t end = skip_kept(bytes, size, i);
		for (; i < end; i++)
			fprintf(out, "%s%u,", column++ % 24 ? "" : "\n", bytes[i]);
		i = skip_zeros(bytes, size, end);
	}
	fprintf(out, "\n};\n\nstatic const struct schema_image_range ranges[] = {\n");
	size_t count = 0;
	for (size_t i = skip_zeros(bytes, size, 0); i < size; count++) {
		size_t end = skip_kept(bytes, size, i);
		fprintf(out, "\t{ %zuu, %zuu },\n", i, end - i);
		i = skip_zeros(bytes, size, end);
	}
	fprintf(out,
		"};\n\nconst struct schema_image schema_image = {\n"
		"\t.size = %zuu, .ranges = ranges, .range_count = %zuu, .kept = kept,\n};\n",
		size, count);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: schema_image OUT.c SCHEMA.sql...\n");
		return 2;
	}
	sqlite3 *db;
	if (sqlite3_open(":memory:", &db) != SQLITE_OK) {
		fprintf(stderr, "%s\n", sqlite3_errmsg(db));
		return 1;
	}
	run(db, "pragmas", "PRAGMA page_size = 4096; PRAGMA auto_vacuum = NONE; BEGIN");
	for (int i = 2; i < argc; i++) {
		char *sql = read_file(argv[i]);
		run(db, argv[i], sql);
		free(sql);
	}
	run(db, "commit", "COMMIT; VACUUM");
	sqlite3_int64 size = 0;
	unsigned char *bytes = sqlite3_serialize(db, "main", &size, 0);
	if (!bytes || size < 4096) {
		fprintf(stderr, "the database could not be serialized\n");
		return 1;
	}
	/* File format versions 2 mean WAL. */
	bytes[18] = 2;
	bytes[19] = 2;
	FILE *out = fopen(argv[1], "wb");
	if (!out) {
		perror(argv[1]);
		return 1;
	}
	write_image(out, bytes, (size_t)size);
	if (fclose(out) != 0) {
		perror(argv[1]);
		return 1;
	}
	sqlite3_free(bytes);
	sqlite3_close(db);
	return 0;
}
