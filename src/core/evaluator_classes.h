/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVALUATOR_CLASSES_H
#define CORE_EVALUATOR_CLASSES_H

#include <stdbool.h>
#include <stddef.h>

/* The set of whole numbers that occur as classes, and the place of each in ascending order. */
struct classes;

/** NULL when memory ran out. */
struct classes *classes_new(void);
/** NULL is a no-op. */
void classes_free(struct classes *classes);
/** Adds value unless it is there. false when memory ran out. */
bool classes_add(struct classes *classes, double value);
/** To be called once after the last classes_add(); the calls below want it. */
void classes_sort(struct classes *classes);
size_t classes_count(const struct classes *classes);
double classes_value(const struct classes *classes, size_t index);
/** The place of a value that was added. */
size_t classes_index(const struct classes *classes, double value);

#endif
