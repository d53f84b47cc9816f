/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BINDING_CSV_H
#define BINDING_CSV_H

/* The metatable's name of what csv.read() and csv.parse() return: a plain table of names, rows and
 * columns, so that a script may add columns to it. */
#define BINDING_CSV "mlmanager.csv"

#endif
