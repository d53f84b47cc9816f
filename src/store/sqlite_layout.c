/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_store.h"

#include <stdio.h>
#include <string.h>

mlm_status sqlite_layout_read(struct sqlite_store *store, bool *empty_out, mlm_error *err)
{
	static const char sql[] =
		"SELECT m.name, c.name, m.sql LIKE '%WITHOUT ROWID' FROM sqlite_master AS m "
		"JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table' AND m.name IN "
		"(" SQL_LAYOUT_TABLES ") "
		"UNION ALL SELECT * FROM (SELECT '', '', 0 FROM sqlite_master LIMIT 1)";
	struct sql_layout_reading reading = { 0 };
	sqlite3_stmt *statement;
	*empty_out = false;
	mlm_status status = sqlite_prepare(store, sql, &statement, err);
	if (status != MLM_OK)
		return status;
	int result;
	while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *table = (const char *)sqlite3_column_text(statement, 0);
		const char *name = (const char *)sqlite3_column_text(statement, 1);
		if (!table || !name)
			continue;
		reading.any_table = true;
		sql_layout_found(&reading, table, name);
		if (strcmp(table, "metrics") == 0)
			reading.layout.metrics_clustered = sqlite3_column_int(statement, 2) != 0;
	}
	if (result != SQLITE_DONE)
		status = sqlite_failed(store, err, "could not read the schema");
	sqlite3_finalize(statement);
	if (status == MLM_OK) {
		char what[MLM_ERROR_MESSAGE_SIZE];
		snprintf(what, sizeof(what), "the store '%s'", store->path);
		status = sql_layout_check(&reading, "sqlite", what, err);
	}
	if (status != MLM_OK)
		return status;
	store->layout = reading.layout;
	*empty_out = !reading.any_table;
	return MLM_OK;
}
