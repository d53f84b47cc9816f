/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_MLMANAGER_H
#define MLMANAGER_MLMANAGER_H

/* The whole C API of libmlmanager. Each header also compiles alone. */
#include "mlmanager/allocator.h"
#include "mlmanager/artifact.h"
#include "mlmanager/csv.h"
#include "mlmanager/delivery.h"
#include "mlmanager/error.h"
#include "mlmanager/evaluator.h"
#include "mlmanager/experiment.h"
#include "mlmanager/gc.h"
#include "mlmanager/manager.h"
#include "mlmanager/metric.h"
#include "mlmanager/metric_handle.h"
#include "mlmanager/options.h"
#include "mlmanager/run.h"
#include "mlmanager/text.h"
#include "mlmanager/timer.h"
#include "mlmanager/transfer.h"
#include "mlmanager/version.h"

#endif
