#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# MLflow and we use one PostgreSQL database, whichever of the two made it.
# Packages: postgresql
# Needs MLflow.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
. "$root/tests/peers/check.sh"
. "$root/tests/peers/cluster.sh"
export MLMANAGER_TEST_POSTGRES="postgresql://ada:open%20sesame@localhost:$port"
export SEARCH_COUNT=${SEARCH_COUNT:-200}

check "a server starts" cluster_make
report
THIRD_STORE=$(database third)
export THIRD_STORE
for test in mlflow_store search sync; do
	"$MLFLOW_PYTHON" "$root/tests/peers/$test.py" || failed=1
done
[ "$failed" -eq 0 ]
