/* SPDX-License-Identifier: Apache-2.0 */
#include "base/canvas.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define COLUMNS 8
#define ROWS    3

static uint8_t bytes[2 * COLUMNS * ROWS + COLUMNS];
static struct canvas canvas;
static int rows[COLUMNS];

static const struct canvas_axes axes = { .x_min = 0, .x_max = 7, .y_min = 0, .y_max = 2 };

/* Draws with letters, so that a cell is a dot, and compares: '.' is empty, a digit an owner. */
static bool looks(const char *const picture[ROWS])
{
	bool is_same = true;

	for (int row = 0; row < ROWS; row++) {
		char line[COLUMNS + 1] = "";

		for (int column = 0; column < COLUMNS; column++) {
			int owner = canvas.owner[row * COLUMNS + column];

			line[column] = (char)(owner ? '0' + owner : '.');
		}
		if (strcmp(line, picture[row]) != 0) {
			printf("  row %d is %s, not %s\n", row, line, picture[row]);
			is_same = false;
		}
	}
	return is_same;
}

static void clear(void)
{
	CHECK_INT(canvas_size(COLUMNS, ROWS), sizeof(bytes));
	canvas_init(&canvas, COLUMNS, ROWS, 1, 1, bytes);
}

static void draw(const struct canvas_axes *on, size_t count, double *x, double *y, int owner)
{
	struct curve curve = { count, x, y };

	canvas_draw(&canvas, &curve, on, CANVAS_LINE, (uint8_t)owner, rows);
}

TEST(canvas_draw__connects_points_and_says_where_the_curve_is)
{
	double x[] = { 0, 2, 6 }, y[] = { 0, 2, 0 };

	clear();
	draw(&axes, 3, x, y, 1);
	CHECK(looks((const char *const[]){ "..11....", ".1..11..", "1.....1." }));
	static const int expected[] = { 2, 1, 0, 0, 1, 1, 2, -1 };
	CHECK(memcmp(rows, expected, sizeof(rows)) == 0);
}

TEST(canvas_draw__loses_no_extreme)
{
	enum { COUNT = 100000 };
	double *x = malloc(COUNT * sizeof(*x)), *y = malloc(COUNT * sizeof(*y));

	CHECK(x && y);
	for (int i = 0; i < COUNT; i++) {
		x[i] = 7.0 * i / (COUNT - 1);
		y[i] = 1;
	}
	y[44444] = 2;
	clear();
	draw(&axes, COUNT, x, y, 1);
	CHECK(looks((const char *const[]){ "...1....", "11111111", "........" }));
	free(x);
	free(y);
}

TEST(canvas_draw__gives_a_cell_to_the_last_curve)
{
	double x[] = { 0, 7 }, y[] = { 1, 1 }, steep_x[] = { 3, 3 }, steep_y[] = { 0, 2 };

	clear();
	draw(&axes, 2, x, y, 1);
	draw(&axes, 2, steep_x, steep_y, 2);
	CHECK(looks((const char *const[]){ "...2....", "11121111", "...2...." }));
}

TEST(canvas_draw__cuts_off_at_the_edges_and_marks_the_columns)
{
	double x[] = { 0, 2, 4, 7 }, y[] = { 1, 5, -3, 1 };

	clear();
	draw(&axes, 4, x, y, 1);
	CHECK(looks((const char *const[]){ ".1.1....", "1..1...1", "...1..1." }));
	static const uint8_t edges[] = { 0, 0, CANVAS_ABOVE, 0, CANVAS_BELOW, 0, 0, 0 };
	CHECK(memcmp(canvas.edges, edges, sizeof(edges)) == 0);
}

TEST(canvas_draw__breaks_at_what_has_no_place)
{
	double x[] = { 0, 1, 2, 3, 4, 5, 6 }, y[] = { 1, NAN, 1, INFINITY, 1, -INFINITY, 1 };

	clear();
	draw(&axes, 7, x, y, 1);
	CHECK(looks((const char *const[]){ "........", "1.1.1.1.", "........" }));
	static const uint8_t edges[] = { 0, CANVAS_NAN, 0, CANVAS_ABOVE, 0, CANVAS_BELOW, 0, 0 };
	CHECK(memcmp(canvas.edges, edges, sizeof(edges)) == 0);
}

TEST(canvas_draw__knows_logarithmic_axes)
{
	const struct canvas_axes logs = { 1, 1e7, 1, 100, true, true };
	double x[] = { -1, 1, 1e7, 1e3 }, y[] = { 1, 1, 100, 0 };

	clear();
	draw(&logs, 4, x, y, 1);
	CHECK(looks((const char *const[]){ "......11", "..1111..", "11......" }));
	CHECK_INT(canvas.edges[3], CANVAS_BELOW);
}

TEST(canvas_draw__takes_values_of_any_size)
{
	double x[] = { -DBL_MAX, DBL_MAX, NAN, 3, 3 },
	       y[] = { DBL_MAX, -DBL_MAX, 1, -1e300, 1e300 };

	clear();
	draw(&axes, 5, x, y, 1);
	CHECK_INT(canvas.owner[0 * COLUMNS + 3], 1);
	CHECK_INT(canvas.owner[2 * COLUMNS + 3], 1);
}

TEST(canvas_draw__extremes_leave_out_the_line_between)
{
	double x[] = { 1, 1, 1, 5 }, y[] = { 0, 1, 2, 1 };
	struct curve curve = { 4, x, y };

	clear();
	canvas_draw(&canvas, &curve, &axes, CANVAS_EXTREMES, 3, NULL);
	CHECK(looks((const char *const[]){ ".3......", ".....3..", ".3......" }));
}

TEST(canvas_draw__counts_the_dots_of_a_cell_by_row)
{
	double x[] = { 0, 1 }, y[] = { 3, 0 };
	const struct canvas_axes cell = { 0, 1, 0, 3, false, false };
	struct curve curve = { 2, x, y };

	canvas_init(&canvas, 1, 1, 2, 4, bytes);
	canvas_draw(&canvas, &curve, &cell, CANVAS_EXTREMES, 1, NULL);
	CHECK_INT(canvas.dots[0], 0x01 | 0x40);
}

int main(void)
{
	RUN(canvas_draw__connects_points_and_says_where_the_curve_is);
	RUN(canvas_draw__loses_no_extreme);
	RUN(canvas_draw__gives_a_cell_to_the_last_curve);
	RUN(canvas_draw__cuts_off_at_the_edges_and_marks_the_columns);
	RUN(canvas_draw__breaks_at_what_has_no_place);
	RUN(canvas_draw__knows_logarithmic_axes);
	RUN(canvas_draw__takes_values_of_any_size);
	RUN(canvas_draw__extremes_leave_out_the_line_between);
	RUN(canvas_draw__counts_the_dots_of_a_cell_by_row);
	return check_done();
}
