/* SPDX-License-Identifier: Apache-2.0 */
#include "core/evaluator_classes.h"

#include "check.h"

TEST(classes_index__is_the_place_in_ascending_order)
{
	static const double values[] = { 3, -2, 0, 3, -0.0, 9007199254740992.0, -2 };
	struct classes *classes = classes_new();
	for (size_t i = 0; i < 7; i++)
		CHECK(classes_add(classes, values[i]));
	classes_sort(classes);
	CHECK_INT(classes_count(classes), 4);
	CHECK(classes_value(classes, 0) == -2 && classes_value(classes, 3) == 9007199254740992.0);
	CHECK_INT(classes_index(classes, -2), 0);
	CHECK_INT(classes_index(classes, -0.0), 1);
	CHECK_INT(classes_index(classes, 3), 2);
	CHECK_INT(classes_index(classes, 9007199254740992.0), 3);
	classes_free(classes);
	classes_free(NULL);
}

TEST(classes_add__grows)
{
	struct classes *classes = classes_new();
	for (int i = 0; i < 100000; i++)
		CHECK(classes_add(classes, (i * 7919) % 50000));
	classes_sort(classes);
	CHECK_INT(classes_count(classes), 50000);
	size_t wrong = 0;
	for (int i = 0; i < 50000; i++)
		wrong += classes_index(classes, i) != (size_t)i;
	CHECK_INT(wrong, 0);
	classes_free(classes);
}

int main(void)
{
	RUN(classes_index__is_the_place_in_ascending_order);
	RUN(classes_add__grows);
	return check_done();
}
