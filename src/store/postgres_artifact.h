/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_POSTGRES_ARTIFACT_H
#define STORE_POSTGRES_ARTIFACT_H

/* What postgres_store.c puts into its table of artifacts; the contract is artifact_bytes.h. */

#include "store/artifact_bytes.h"

extern const struct store_artifact_ops postgres_artifact_ops;

#endif
