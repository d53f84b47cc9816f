/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_RUN_NAME_H
#define CORE_RUN_NAME_H

#define RUN_NAME_SIZE 64

/**
 * Makes up a name for a run that was given none: adjective-animal-number, such as
 * "quiet-heron-417". Not unique, only easy to tell apart and to say aloud.
 *
 * Threads: any; forked processes get different names.
 */
void run_name_generate(char name_out[RUN_NAME_SIZE]);

#endif
