/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CANVAS_H
#define BASE_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/curve.h"

#define CANVAS_CELLS_MAX 1000 /* columns, and rows */

/* Cells of a terminal, each of dots_x * dots_y dots: 2 * 4 for Braille, 1 * 1 for letters. Every
 * point is drawn and no curve is thinned out, so that no extreme is lost. */
struct canvas {
	int columns;
	int rows;
	int dots_x;
	int dots_y;
	uint8_t *dots; /* of each cell, row by row from the top; bit dots_x * y + x is dot (x, y) */
	uint8_t *owner; /* of each cell: which curve drew there last; 0: none */
	uint8_t *edges; /* of each column: CANVAS_ABOVE, … */
};

/* Points that have no place in a column. */
enum { CANVAS_ABOVE = 1, CANVAS_BELOW = 2, CANVAS_NAN = 4 };

/* The values at the canvas's edges; the larger x is right, the larger y is up. */
struct canvas_axes {
	double x_min, x_max;
	double y_min, y_max;
	bool log_x, log_y;
};

enum canvas_style {
	CANVAS_LINE,
	CANVAS_EXTREMES, /* only each column's least and greatest, for what stands behind a line */
};

/** The bytes that a canvas's three arrays take together. */
size_t canvas_size(int columns, int rows);

/** Makes an empty canvas over canvas_size() bytes, which stay the caller's. */
void canvas_init(struct canvas *canvas, int columns, int rows, int dots_x, int dots_y, void *bytes);

/**
 * Draws a curve as owner (1 to 255). What lies above or below the axes is cut off there and marked
 * in edges, as are infinities, NaN and, on a logarithmic axis, values of 0 or less; lines end
 * before the last three. rows_out, if given, gets for each column the row where the curve left it,
 * or -1.
 */
void canvas_draw(struct canvas *canvas, const struct curve *curve, const struct canvas_axes *axes,
	enum canvas_style style, uint8_t owner, int *rows_out);

#endif
