/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSPORT_MLFLOW_CREDENTIALS_H
#define TRANSPORT_MLFLOW_CREDENTIALS_H

#include "mlmanager/allocator.h"
#include "mlmanager/error.h"

/* Who asks an MLflow server: basic authentication, or a token, or nobody. */
struct mlflow_credentials {
	const mlm_allocator *allocator;
	char *user; /* NULL: no basic authentication */
	char *password;
	char *token; /* NULL: none, or not needed */
};

/**
 * Reads MLFLOW_TRACKING_USERNAME, _PASSWORD and _TOKEN and ~/.mlflow/credentials as MLflow does:
 * the environment before the file, a user with a password before a token.
 *
 * Errors:  ENOMEM. A file that cannot be read counts as none.
 * Owns:    mlflow_credentials_clear() frees what it filled in.
 */
mlm_status mlflow_credentials_read(
	const mlm_allocator *allocator, struct mlflow_credentials *credentials_out, mlm_error *err);
void mlflow_credentials_clear(struct mlflow_credentials *credentials);

#endif
