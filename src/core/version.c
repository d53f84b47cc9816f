/* SPDX-License-Identifier: Apache-2.0 */
#include "mlmanager/version.h"

const char *mlm_version(void)
{
	return MLM_VERSION;
}
