/* SPDX-License-Identifier: Apache-2.0 */

#include "base/decimal.h"

#include <assert.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static locale_t c_locale;

static void make_c_locale(void)
{
	/* Neither glibc nor musl allocates anything for it. */
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	assert(c_locale);
}

static locale_t the_c_locale(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_c_locale);
	return c_locale;
}

double decimal_read(const char *text, char **end_out)
{
	return strtod_l(text, end_out, the_c_locale());
}

void decimal_print(double value, int digits, char text_out[DECIMAL_BYTES])
{
	if (isnan(value)) {
		memcpy(text_out, "nan", sizeof("nan"));
		return;
	}
	locale_t before = uselocale(the_c_locale());
	snprintf(text_out, DECIMAL_BYTES, "%.*g", digits, value);
	uselocale(before);
}

void decimal_print_exact(double value, char text_out[DECIMAL_BYTES])
{
	/* Fewer digits than that are not shorter: %g leaves out the zeros at the end. */
	for (int digits = DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
		decimal_print(value, digits, text_out);
		if (isnan(value) || decimal_read(text_out, NULL) == value)
			return;
	}
}
