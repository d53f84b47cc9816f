/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BINDING_CURVE_H
#define BINDING_CURVE_H

#include "binding/lua_version.h"

/**
 * Pushes a table of what lua/mlmanager/plot.lua leaves to C: whatever touches every point.
 *
 *   read(xs, ys [, x_field, y_field])  a curve from two lists of numbers; without xs, x counts from
 *                          1. With fields, the lists' items are tables that have them. Instead of a
 *                          curve: nil, the place of the item that is no number, and the item.
 *   sort(curve)            puts it in order of x, where it is not
 *   move(curve, origin, unit)  makes x (x - origin) / unit
 *   smooth(curve, kernel, n)   another curve; kernel "ema" or "mean" (base/curve.h)
 *   range(curve, log_x, log_y)  a table with the fields of struct curve_range, and count
 *   quantiles(curve, log_y, low, high)  two numbers, or nothing
 *   last(curve)            the last y; nil without points
 *   buckets(curve, n)      a list of the means of n parts of it; a part that holds the least,
 *                          greatest or last value has that instead; false where nothing is finite
 *   canvas(columns, rows, is_braille)
 *   draw(canvas, curve, axes, style, owner)  axes as struct canvas_axes, style "line" or
 *                          "extremes". Returns the list of rows, from 1 and false for none.
 *   row(canvas, row)       lists of a row's dots and owners
 *   edges(canvas)          the list of columns' marks
 */
void binding_push_curve(lua_State *L);

#endif
