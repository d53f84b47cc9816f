/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <stddef.h>

/* Numbers as text with a point in it, whatever locale the program that we are in has set. */

/** Room for the longest text that is printed here. */
#define DECIMAL_BYTES 32

/** strtod(), which takes more than digits: blanks before them, hexadecimal ones, inf and nan.
 * end_out may be NULL. */
double decimal_read(const char *text, char **end_out);

/** As "%.*g" has it, of 1 to 17 digits; "nan", without a sign, is every NaN. */
void decimal_print(double value, int digits, char text_out[DECIMAL_BYTES]);

/** The shortest text that reads back as the same double. */
void decimal_print_exact(double value, char text_out[DECIMAL_BYTES]);

#endif
