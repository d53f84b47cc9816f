/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <string.h>

#include "base/error.h"

/* A new backend is one line here. */
static const struct store_ops *const schemes[] = {
	&sqlite_store_ops,
	&postgres_store_ops,
	&rest_store_ops,
	&rest_tls_store_ops,
};

mlm_status store_ops_find(const char *uri, const struct store_ops **ops_out, mlm_error *err)
{
	*ops_out = NULL;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t length = strlen(schemes[i]->scheme);
		if (strncmp(uri, schemes[i]->scheme, length) == 0 && uri[length] == ':') {
			*ops_out = schemes[i];
			return MLM_OK;
		}
	}
	return error_set(err, MLM_EUNSUPPORTED, "store",
		"store '%s' has no scheme that this build knows; write sqlite:PATH or "
		"postgresql://USER@HOST/DATABASE",
		uri);
}
