/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_RUN_STATUS_H
#define STORE_RUN_STATUS_H

#include "mlmanager/run.h"

/** MLflow's word, as its column holds it; NULL for MLM_RUN_UNCHANGED and unknown numbers. */
const char *run_status_name(mlm_run_status status);

/** The status of MLflow's word; MLM_RUN_UNCHANGED for any other text and NULL. */
mlm_run_status run_status_parse(const char *name);

#endif
