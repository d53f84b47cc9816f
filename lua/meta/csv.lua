-- SPDX-License-Identifier: Apache-2.0
---@meta

---What CSV files become. Types only; the module itself is C.

---A plain table, so a script may add columns to it.
---@class mlmanager.Csv
---@field names string[] of the columns, in the file's order or the one asked for
---@field rows integer
---@field columns table<string, number[]|string[]> numbers (NaN where a cell is empty) or text
local Csv = {}

---The column called name; raises if there is none.
---@param name string
---@return number[]|string[]
function Csv:column(name) end

---@class mlmanager.CsvOptions
---@field header? boolean whether the first row names the columns; default true
---@field separator? string one ASCII character; default ","
---@field columns? string[] with a header: what to keep, in this order; without: the names

---@class mlmanager.csvlib
local csv = {}

---Reads a file. A column is numeric if all its cells are decimal numbers or empty, whatever the
---locale. What is malformed raises with its line.
---@param path string
---@param options? mlmanager.CsvOptions
---@return mlmanager.Csv
function csv.read(path, options) end

---As csv.read, for text in memory.
---@param text string
---@param options? mlmanager.CsvOptions
---@return mlmanager.Csv
function csv.parse(text, options) end

---@class mlmanager
---@field csv mlmanager.csvlib
