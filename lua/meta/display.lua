-- SPDX-License-Identifier: Apache-2.0
---@meta

---What the module shows on a terminal. Types only.

---@class mlmanager.TableOptions
---@field columns? (string|mlmanager.TableColumn)[] what to show, in this order; for rows that are
---lists: their names
---@field sort? string a column, such as "loss", "metrics.loss DESC" or "params.lr ASC"
---@field descending? boolean whether the largest comes first; default false
---@field limit? integer rows to show at most; default all
---@field width? integer columns of the box; default the terminal's
---@field format? "box"|"tsv" default a box on a terminal, else TSV
---@field color? boolean default on a terminal, unless NO_COLOR is set
---@field print? boolean whether to write the text to standard output as well
---@field noun? string what a row is called in the last line; default "row", of runs "run"

---A column that a function fills.
---@class mlmanager.TableColumn
---@field name string
---@field value fun(row: table): any what TSV shows; nil for none
---@field show? fun(value: any): string the text in a box
---@field right? boolean whether that text stands at the right edge; default false

---@class mlmanager.ProgressOptions
---@field label? string in front of the bar
---@field every? number seconds between redraws; default and least 0.1
---@field total? integer how many steps an iterator will make, if that is known

---@class mlmanager
local mlmanager = {}

---Runs (what search_runs or get_run returns), rows, or a loaded CSV as a table; returns its text,
---without a newline at the end. In a box that is too narrow the middle columns give way; the first
---and the sort column stay. Runs show name, status, duration, the params that differ and the
---metrics, nested runs under their parent. As TSV every digit and every column is there.
---
---    print(mlmanager.table(mlmanager.search_runs(), { sort = "loss" }))
---@param rows table
---@param options? mlmanager.TableOptions
---@return string
function mlmanager.table(rows, options) end

---@class mlmanager.Manager
local Manager = {}

---Counts to n, or walks a list as ipairs does, and shows bar, rate, time left and the active run's
---latest metrics on standard error if that is a terminal; the line is free when the loop ends,
---however it ends. Loops inside one another share the line.
---
---    for epoch in manager:progress(100, { label = "epoch" }) do … end
---    for i, row in manager:progress(rows) do … end
---
---Any other iterator is given as `for` takes it; options then come first:
---
---    for key, value in manager:progress(pairs(map)) do … end
---    for line in manager:progress({ label = "lines" }, io.lines(path)) do … end
---@overload fun(steps: integer|any[], options?: mlmanager.ProgressOptions): function, any, any, any
---@overload fun(iterator: function, ...): function, any, any, any
---@overload fun(options: mlmanager.ProgressOptions, ...): function, any, any, any
---@overload fun(self: mlmanager.Manager, iterator: function, ...): function, any, any, any
---@overload fun(self: table, options: mlmanager.ProgressOptions, ...): function, any, any
---@param steps integer|any[]
---@param options? mlmanager.ProgressOptions
---@return fun(state: any, control: any): integer, any
function Manager:progress(steps, options) end
