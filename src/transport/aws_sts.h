/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSPORT_AWS_STS_H
#define TRANSPORT_AWS_STS_H

/*
 * Amazon's service that lends the keys of a role, in the region of aws_region_read(), or at
 * AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL or the profile's endpoint_url. AWS_CA_BUNDLE names the
 * file of its certificate's authority.
 */

#include "transport/aws_keys.h"

struct aws_role {
	const char *arn;
	const char *session_name; /* NULL: one of ours */
	const char *external_id; /* NULL: none */
	const char *duration_s; /* digits; NULL: an hour */
	/* Who takes it up: whoever has the token in this file, which is read anew each time, or
	 * these keys. */
	const char *token_file;
	const struct aws_keys *keys;
};

/** Fills *keys, but for its origin. Errors: EAUTH (the service refuses; what it said), EINVAL (an
 * address), ENOTFOUND and EIO (the token's file), EAGAIN, ETIMEOUT, EPEER, EUNSUPPORTED, ENOMEM. */
mlm_status aws_sts_assume(const mlm_allocator *allocator, const struct aws_role *role,
	struct aws_keys *keys, mlm_error *err);

#endif
