/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSPORT_AWS_CREDENTIALS_H
#define TRANSPORT_AWS_CREDENTIALS_H

/*
 * Who asks AWS, looked up in the usual places, the first that has something: AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; what the profile leads to, a role by a token
 * included (aws_profile_keys.h); a container's credentials (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
 * or _FULL_URI); the metadata of an instance (version 2 of its service), unless
 * AWS_EC2_METADATA_DISABLED is true. What expires is fetched anew before it does.
 *
 * Threads: any.
 */

#include "transport/aws_keys.h"

#define AWS_METADATA_CONNECT_MS 1000u
#define AWS_METADATA_TOTAL_MS   5000u
/* Credentials are renewed that long before they expire. */
#define AWS_RENEWAL_MS 300000

struct aws_credentials;

/** Looks nothing up yet. Errors: ENOMEM. Owns: aws_credentials_free(). */
mlm_status aws_credentials_new(
	const mlm_allocator *allocator, struct aws_credentials **credentials_out, mlm_error *err);
/** NULL is a no-op. */
void aws_credentials_free(struct aws_credentials *credentials);

/**
 * The keys that are valid now.
 *
 * Errors:  EAUTH (there are none, a profile is not there or cannot be used from here, the metadata
 *          service has none; the message says what to set), those of aws_sts_assume(), EUNSUPPORTED
 *          (no libcurl), ENOMEM.
 * Owns:    aws_keys_clear().
 */
mlm_status aws_credentials_take(
	struct aws_credentials *credentials, struct aws_keys *keys_out, mlm_error *err);
/** The keys were refused as expired: the next call looks again. */
void aws_credentials_expire(struct aws_credentials *credentials);

#endif
