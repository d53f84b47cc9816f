/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs searches for search.py. Argument: the store's URI. Each line of standard input is a search,
 * its fields separated by tabs, with \t, \n and \\ for those characters in them:
 *
 *     runs|experiments  view  max_results  page_token  experiment ids, by commas  filter  order_by…
 *
 * Each line of standard output is the answer to one:
 *
 *     ok  next page token or -  id…
 *     error  status  message
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

#define FIELDS_MAX 64
#define IDS_MAX    16

static void unescape(char *text)
{
	char *to = text;
	for (const char *from = text; *from; from++) {
		if (*from == '\\' && from[1] != '\0') {
			from++;
			*to++ = *from == 't' ? '\t' : *from == 'n' ? '\n' : *from;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

static size_t split(char *line, char separator, const char **parts, size_t parts_max)
{
	size_t count = 0;
	while (line && count < parts_max) {
		parts[count++] = line;
		line = strchr(line, separator);
		if (line)
			*line++ = '\0';
	}
	return count;
}

static void print_error(const mlm_error *err)
{
	printf("error\t%s\t%s\n", mlm_status_name(err->status), err->message);
}

static void search_runs(struct store *store, const mlm_query *query)
{
	mlm_error err = MLM_ERROR_INIT;
	mlm_run_list *list;
	if (store->ops->search_runs(store, query, &list, &err) != MLM_OK) {
		print_error(&err);
		return;
	}
	printf("ok\t%s", list->next_page_token ? list->next_page_token : "-");
	for (size_t i = 0; i < list->count; i++)
		printf("\t%s", list->items[i].run_id);
	printf("\n");
	mlm_run_list_free(list);
}

static void search_experiments(struct store *store, const mlm_query *query)
{
	mlm_error err = MLM_ERROR_INIT;
	mlm_experiment_list *list;
	if (store->ops->search_experiments(store, query, &list, &err) != MLM_OK) {
		print_error(&err);
		return;
	}
	printf("ok\t%s", list->next_page_token ? list->next_page_token : "-");
	for (size_t i = 0; i < list->count; i++)
		printf("\t%s", list->items[i].experiment_id);
	printf("\n");
	mlm_experiment_list_free(list);
}

static void answer(struct store *store, char *line)
{
	const char *fields[FIELDS_MAX], *ids[IDS_MAX];
	size_t count = split(line, '\t', fields, FIELDS_MAX);
	if (count < 6) {
		fprintf(stderr, "search_driver: a line has %zu fields, not 6 or more\n", count);
		exit(2);
	}
	mlm_query query = MLM_QUERY_INIT;
	query.view = (mlm_view)strtol(fields[1], NULL, 10);
	query.max_results = (uint32_t)strtoul(fields[2], NULL, 10);
	query.page_token = fields[3];
	/* Fields lie in line, which is ours to write into. */
	query.experiment_ids = ids;
	query.experiment_count = split(line + (fields[4] - line), ',', ids, IDS_MAX);
	for (size_t i = 5; i < count; i++)
		unescape(line + (fields[i] - line));
	query.filter = fields[5];
	query.order_by = fields + 6;
	query.order_by_count = count - 6;
	if (strcmp(fields[0], "runs") == 0)
		search_runs(store, &query);
	else
		search_experiments(store, &query);
}

int main(int argc, char **argv)
{
	mlm_error err = MLM_ERROR_INIT;
	const struct store_ops *ops;
	struct store *store;
	if (argc != 2) {
		fprintf(stderr, "usage: search_driver URI\n");
		return 2;
	}
	struct store_options options = {
		.uri = argv[1], .artifacts = "/nowhere", .busy_timeout_ms = 20000
	};
	if (store_ops_find(argv[1], &ops, &err) != MLM_OK ||
		ops->open(&options, &store, &err) != MLM_OK) {
		fprintf(stderr, "search_driver: %s\n", err.message);
		return 1;
	}
	char *line = NULL;
	size_t capacity = 0;
	ssize_t size;
	while ((size = getline(&line, &capacity, stdin)) > 0) {
		if (line[size - 1] == '\n')
			line[size - 1] = '\0';
		answer(store, line);
		fflush(stdout);
	}
	free(line);
	ops->close(store);
	return 0;
}
