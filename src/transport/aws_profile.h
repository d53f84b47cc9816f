/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSPORT_AWS_PROFILE_H
#define TRANSPORT_AWS_PROFILE_H

#include <stdbool.h>

#include "mlmanager/allocator.h"
#include "mlmanager/error.h"

/*
 * A profile of ~/.aws/credentials and ~/.aws/config, or of the files that
 * AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name. A key of the former goes before the same
 * key of the latter.
 */

/** The profile's name: AWS_PROFILE, AWS_DEFAULT_PROFILE, "default". */
const char *aws_profile_name(void);

/**
 * The value of a key; NULL when the profile has none. exists_out (may be NULL): whether a file has
 * the profile at all.
 *
 * Errors: ENOMEM. A file that cannot be read counts as none.
 * Owns: free it with memory_free(), which does not erase what it holds.
 */
mlm_status aws_profile_read(const mlm_allocator *allocator, const char *profile, const char *key,
	char **value_out, bool *exists_out, mlm_error *err);

enum aws_file { AWS_FILE_CREDENTIALS, AWS_FILE_CONFIG };

/** As aws_profile_read(), from one of the files. */
mlm_status aws_profile_read_file(const mlm_allocator *allocator, enum aws_file file,
	const char *profile, const char *key, char **value_out, mlm_error *err);

/** A key of the group "s3 =" in the profile that aws_profile_name() names. */
mlm_status aws_profile_read_s3(
	const mlm_allocator *allocator, const char *key, char **value_out, mlm_error *err);

/** Where a service is, when it is not Amazon's: the first of these variables (NULL-ended) that is
 * set, else the profile's endpoint_url; NULL: nothing says so. Errors: EINVAL (no http:// or
 * https:// address), ENOMEM. Owns: as before. */
mlm_status aws_endpoint_read(const mlm_allocator *allocator, const char *const *variables,
	char **endpoint_out, mlm_error *err);

/** Where requests go when nothing else says so: AWS_REGION, AWS_DEFAULT_REGION, the profile's
 * region, "us-east-1". Errors: ENOMEM. Owns: as before. */
mlm_status aws_region_read(const mlm_allocator *allocator, char **region_out, mlm_error *err);

#endif
