/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_VERSION_H
#define MLMANAGER_VERSION_H

#include "mlmanager/export.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MLM_VERSION "0.1.0"

/** The version of the library that runs, which may be newer than the header's MLM_VERSION. */
MLM_EXPORT const char *mlm_version(void);

#ifdef __cplusplus
}
#endif
#endif
