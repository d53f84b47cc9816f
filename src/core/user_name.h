/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_USER_NAME_H
#define CORE_USER_NAME_H

#include <stdbool.h>

#define USER_NAME_SIZE 257 /* the kernel's and glibc's longest login name, and the NUL */

/**
 * Who runs the program, for the tag mlflow.user, as MLflow decides it: MLFLOW_TRACKING_USERNAME,
 * LOGNAME, USER, LNAME or USERNAME, the first that is not empty, else the entry of the user id in
 * the password database, else "unknown".
 *
 * Cost: the database is asked only without those variables: the file /etc/passwd first, then
 *       getpwuid(), which may load modules and ask a server.
 */
void user_name_read(char name_out[USER_NAME_SIZE]);

/** The name in an /etc/passwd line of this uid, into name_out; false for any other line. */
bool user_name_parse(const char *line, unsigned uid, char name_out[USER_NAME_SIZE]);

#endif
