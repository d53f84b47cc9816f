/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_DOCTOR_H
#define HOST_DOCTOR_H

#include "host/command_line.h"

/** Checks the store that the command line names, repairs what can be repaired unless --dry-run is
 * given, prints a line for each finding, and returns the exit status: 0 when all is in order now,
 * 1 when something is not. */
int doctor_run(const struct command_line *line);

#endif
