/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSPORT_AWS_PROFILE_KEYS_H
#define TRANSPORT_AWS_PROFILE_KEYS_H

/*
 * The keys that a profile leads to, on the first of these ways that it has, in boto3's order:
 *
 *   1. a role (role_arn) that the keys of another profile take up (source_profile), or those of the
 *      environment, of the container or of the instance (credential_source);
 *   2. a role that a token in a file takes up: AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, as
 *      EKS sets them, or web_identity_token_file and role_arn of the profile;
 *   3. a login in the browser (sso_account_id, login_session), which is refused: it belongs to the
 *      aws program;
 *   4. keys of ~/.aws/credentials; 5. what a program prints (credential_process);
 *   6. keys of ~/.aws/config.
 */

#include "transport/aws_keys.h"

#define AWS_PROCESS_MS    60000u /* how long a credential_process may take */
#define AWS_PROFILES_DEEP 8 /* roles that take up roles */

/* Keys from where credential_source says: "Environment", "EcsContainer", "Ec2InstanceMetadata".
 * EAUTH:
 * another. */
typedef mlm_status (*aws_source_fn)(struct aws_keys *keys, const char *source, mlm_error *err);

/**
 * Fills *keys; keys->access_key stays NULL where the profile has nothing and is not asked for by
 * name.
 *
 * Errors:  EAUTH (no such profile, a way that is not gone here, what the service or the program
 *          says; the message tells what to do), those of aws_sts_assume(), ENOMEM.
 */
mlm_status aws_profile_keys(struct aws_keys *keys, aws_source_fn source, mlm_error *err);

#endif
