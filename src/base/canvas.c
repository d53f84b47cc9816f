/* SPDX-License-Identifier: Apache-2.0 */
#include "base/canvas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DOTS_MAX 1e7

size_t canvas_size(int columns, int rows)
{
	return 2 * (size_t)columns * (size_t)rows + (size_t)columns;
}

void canvas_init(struct canvas *canvas, int columns, int rows, int dots_x, int dots_y, void *bytes)
{
	size_t cells = (size_t)columns * (size_t)rows;

	memset(bytes, 0, canvas_size(columns, rows));
	*canvas = (struct canvas){ .columns = columns,
		.rows = rows,
		.dots_x = dots_x,
		.dots_y = dots_y,
		.dots = bytes,
		.owner = (uint8_t *)bytes + cells,
		.edges = (uint8_t *)bytes + 2 * cells };
}

/* A curve being drawn: where its values lie in dots, (0, 0) being the left upper one. */
struct pen {
	struct canvas *canvas;
	uint8_t owner;
	int *rows;
	int width, height; /* in dots */
	double x_start, x_scale;
	double y_start, y_scale;
	bool log_x, log_y;
};

static void dot(const struct pen *pen, int x, int y)
{
	struct canvas *canvas = pen->canvas;
	int column = x / canvas->dots_x, row = y / canvas->dots_y;
	size_t cell = (size_t)row * (size_t)canvas->columns + (size_t)column;
	int bit = canvas->dots_x * (y % canvas->dots_y) + x % canvas->dots_x;

	canvas->dots[cell] |= (uint8_t)(1 << bit);
	canvas->owner[cell] = pen->owner;
	if (pen->rows)
		pen->rows[column] = row;
}

static void segment(const struct pen *pen, int x0, int y0, int x1, int y1)
{
	int dx = abs(x1 - x0), dy = abs(y1 - y0);
	int step_x = x0 < x1 ? 1 : -1, step_y = y0 < y1 ? 1 : -1, error = dx - dy;

	/* Bresenham's. The first dot is there already. */
	while (x0 != x1 || y0 != y1) {
		int doubled = 2 * error;

		if (doubled > -dy) {
			error -= dy;
			x0 += step_x;
		}
		if (doubled < dx) {
			error += dx;
			y0 += step_y;
		}
		dot(pen, x0, y0);
	}
}

struct place {
	double x, y; /* in dots; within the canvas from -0.5 to width - 0.5 */
};

/* Narrows from … to, shares of a line, to where start + share * change is at least 0. */
static bool narrow(double start, double change, double *from, double *to)
{
	if (change == 0)
		return start >= 0;
	double share = -start / change;
	if (change > 0 && share > *from)
		*from = share;
	else if (change < 0 && share < *to)
		*to = share;
	return *from <= *to;
}

static int nearest(double dots, int count)
{
	return dots < 0 ? 0 : dots >= count - 1 ? count - 1 : (int)lround(dots);
}

/* The part of the line between two places that lies on the canvas. */
static void clipped_segment(const struct pen *pen, struct place a, struct place b)
{
	double dx = b.x - a.x, dy = b.y - a.y, from = 0, to = 1;

	if (!narrow(a.x + 0.5, dx, &from, &to) ||
		!narrow(pen->width - 0.5 - a.x, -dx, &from, &to) ||
		!narrow(a.y + 0.5, dy, &from, &to) ||
		!narrow(pen->height - 0.5 - a.y, -dy, &from, &to))
		return;
	int x = nearest(a.x + from * dx, pen->width), y = nearest(a.y + from * dy, pen->height);
	dot(pen, x, y);
	segment(pen, x, y, nearest(a.x + to * dx, pen->width), nearest(a.y + to * dy, pen->height));
}

static void prepare(struct pen *pen, const struct canvas_axes *axes)
{
	double x_max = axes->log_x ? log10(axes->x_max) : axes->x_max;
	double y_min = axes->log_y ? log10(axes->y_min) : axes->y_min;

	pen->width = pen->canvas->columns * pen->canvas->dots_x;
	pen->height = pen->canvas->rows * pen->canvas->dots_y;
	pen->log_x = axes->log_x;
	pen->log_y = axes->log_y;
	pen->x_start = axes->log_x ? log10(axes->x_min) : axes->x_min;
	pen->y_start = axes->log_y ? log10(axes->y_max) : axes->y_max;
	pen->x_scale = (pen->width - 1) / (x_max - pen->x_start);
	pen->y_scale = (pen->height - 1) / (y_min - pen->y_start);
}

/* Beyond it a line runs on in the same direction, as far as dots can tell, and its part on the
 * canvas can be found without losing it to rounding. */
static double limit(double dots)
{
	return fmax(-DOTS_MAX, fmin(dots, DOTS_MAX));
}

static double place_x(const struct pen *pen, double x)
{
	return limit(((pen->log_x ? log10(x) : x) - pen->x_start) * pen->x_scale);
}

/* Marks the column of a point that has no place. */
static void mark(const struct pen *pen, double x, uint8_t edge)
{
	double place = place_x(pen, x);

	if (place >= -0.5 && place < pen->width - 0.5)
		pen->canvas->edges[nearest(place, pen->width) / pen->canvas->dots_x] |= edge;
}

/* False for a point without a place, which is marked. */
static bool find(const struct pen *pen, double x, double y, struct place *place_out)
{
	if (!isfinite(x) || (pen->log_x && x <= 0))
		return false;
	if (isnan(y)) {
		mark(pen, x, CANVAS_NAN);
		return false;
	}
	if (isinf(y) || (pen->log_y && y <= 0)) {
		mark(pen, x, y > 0 ? CANVAS_ABOVE : CANVAS_BELOW);
		return false;
	}
	place_out->x = place_x(pen, x);
	place_out->y = limit(((pen->log_y ? log10(y) : y) - pen->y_start) * pen->y_scale);
	if (place_out->y < -0.5)
		mark(pen, x, CANVAS_ABOVE);
	else if (place_out->y >= pen->height - 0.5)
		mark(pen, x, CANVAS_BELOW);
	return true;
}

static bool is_inside(const struct pen *pen, struct place place)
{
	return place.x >= -0.5 && place.x < pen->width - 0.5 && place.y >= -0.5 &&
	       place.y < pen->height - 0.5;
}

static void draw_line(const struct pen *pen, const struct curve *curve)
{
	struct place before = { 0, 0 };
	bool has_before = false;

	for (size_t i = 0; i < curve->count; i++) {
		struct place place;

		if (!find(pen, curve->x[i], curve->y[i], &place)) {
			has_before = false;
			continue;
		}
		if (!has_before) {
			if (is_inside(pen, place))
				dot(pen, nearest(place.x, pen->width),
					nearest(place.y, pen->height));
		} else if (is_inside(pen, before) && is_inside(pen, place)) {
			/* Rounded alike, whether or not they were cut off before. */
			segment(pen, nearest(before.x, pen->width), nearest(before.y, pen->height),
				nearest(place.x, pen->width), nearest(place.y, pen->height));
		} else {
			clipped_segment(pen, before, place);
		}
		before = place;
		has_before = true;
	}
}

/* The cells' left dots only: half as dense as a line. */
static void draw_extremes(const struct pen *pen, const struct curve *curve)
{
	int column = -1, low = 0, high = 0;

	for (size_t i = 0; i < curve->count; i++) {
		struct place place;

		if (!find(pen, curve->x[i], curve->y[i], &place) || !is_inside(pen, place))
			continue;
		int x = nearest(place.x, pen->width) / pen->canvas->dots_x;
		int y = nearest(place.y, pen->height);
		if (x != column && column >= 0) {
			dot(pen, column * pen->canvas->dots_x, low);
			dot(pen, column * pen->canvas->dots_x, high);
		}
		low = x != column || y < low ? y : low;
		high = x != column || y > high ? y : high;
		column = x;
	}
	if (column >= 0) {
		dot(pen, column * pen->canvas->dots_x, low);
		dot(pen, column * pen->canvas->dots_x, high);
	}
}

void canvas_draw(struct canvas *canvas, const struct curve *curve, const struct canvas_axes *axes,
	enum canvas_style style, uint8_t owner, int *rows_out)
{
	struct pen pen = { .canvas = canvas, .owner = owner, .rows = rows_out };

	for (int column = 0; rows_out && column < canvas->columns; column++)
		rows_out[column] = -1;
	prepare(&pen, axes);
	if (style == CANVAS_EXTREMES)
		draw_extremes(&pen, curve);
	else
		draw_line(&pen, curve);
}
