/* SPDX-License-Identifier: Apache-2.0 */

/* The contract on PostgreSQL. MLMANAGER_TEST_POSTGRES is the URI of an empty database. */

#include "store/contract/data_contract.h"
#include "store/contract/experiment_contract.h"
#include "store/contract/journal_contract.h"
#include "store/contract/run_contract.h"
#include "store/contract/transfer_contract.h"

int main(void)
{
	const char *uri = getenv("MLMANAGER_TEST_POSTGRES");
	if (!uri || !uri[0]) {
		printf("skipped postgres_store_test (MLMANAGER_TEST_POSTGRES names no database)\n");
		return check_done();
	}
	contract_open(&postgres_store_ops, uri);
	run_experiment_contract();
	run_run_contract();
	run_data_contract();
	run_journal_contract();
	run_transfer_contract();
	run_input_contract();
	run_purge_contract();
	contract_close();
	return check_done();
}
