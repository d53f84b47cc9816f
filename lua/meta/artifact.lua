-- SPDX-License-Identifier: Apache-2.0
---@meta mlmanager

---The files of runs. A name is a path from the run's root: relative, its parts separated by "/".
---What takes longer than a second shows on a terminal how far it is. Runs that have ended take
---artifacts once set_active_run has taken them up.
---
---While a tracking server is away, what is logged waits on this machine for `sync`, and is listed,
---read and, where the server does not have the run yet, deleted as if it were there; lists have
---nothing of what the server holds. Reading what does not wait raises "again", and so does
---log_table for a run that the server has already.

---@class mlmanager.LogArtifactOptions
---@field zip? boolean store a directory as one zip archive, by default with ".zip" behind its name

---@class mlmanager.LogTableOptions
---@field columns? string[] which columns, in this order; default all, sorted

---@class mlmanager.ImageOptions
---@field width integer pixels
---@field height integer pixels
---@field key? string instead of a name: letters and digits of ASCII, "_", "-", ".", "/", blanks
---@field step? integer with a key; default 0
---@field timestamp? integer with a key: milliseconds since 1970; default now

---@class mlmanager.Download
---@field extract? boolean the artifact is an archive: make local_path the directory it holds
---@field expanded_bytes_max? integer what it may expand to; default 16 GiB

---What is read at once, or piece by piece.
---@alias mlmanager.Bytes string|fun(): string?

---@class mlmanager.Retrieve
---@field chunk_bytes? integer iterate over pieces of so many bytes, 1 to 2^30

---@class mlmanager.Artifact
---@field path string from the run's root
---@field is_dir boolean
---@field file_size integer? bytes; nil for a directory

---@class mlmanager.Manager
local Manager = {}

---Stores a file as an artifact of the active run, replacing one of that name; who reads meanwhile
---sees the old bytes or the new. A directory becomes a tree below the name, or with zip one
---archive. MLflow's second argument names a directory; here it is the whole name:
---log_artifact("a.txt", "plots/b.txt").
---@overload fun(file_name: string, name?: string, options?: mlmanager.LogArtifactOptions)
---@param file_name string the file or directory on this machine
---@param name? string its name in the run, such as "plots/loss.png"; default the file's own
---@param options? mlmanager.LogArtifactOptions
function Manager:log_artifact(file_name, name, options) end

---Stores several files; all are looked at, and all names checked, before the first is stored.
---@overload fun(file_names: string[], names?: string[], options?: mlmanager.LogArtifactOptions)
---@param file_names string[] files and directories on this machine
---@param names? string[] a name for each; default their own
---@param options? mlmanager.LogArtifactOptions
function Manager:log_artifacts(file_names, names, options) end

---Stores a string, which may hold any bytes, as an artifact.
---@overload fun(text: string, name: string)
---@param text string
---@param name string such as "notes/first.txt"
function Manager:log_text(text, name) end

---Stores a table as indented JSON, its names sorted, which MLflow's load_dict reads. A table with
---the keys 1..n is a list; an empty one is an object unless its metatable has `__jsontype =
---"array"`. Whole numbers stay whole, others keep every digit; NaN and infinities are written as
---Python's json writes them (NaN, Infinity), which other readers may refuse.
---@overload fun(dict: table, name: string)
---@param dict table of strings, numbers, booleans and tables
---@param name string such as "config.json"
function Manager:log_dict(dict, name) end

---Stores a table as MLflow's log_table does, so that its load_table and its page show it: columns
---by name, or a list of rows. Under a name that is there already its rows are added, if the
---columns are the same. NaN and infinities become null, as there.
---@overload fun(data: table, name: string, options?: mlmanager.LogTableOptions)
---@param data table {loss={0.3, 0.2}} or {{loss=0.3}, {loss=0.2}}
---@param name string ends with .json
---@param options? mlmanager.LogTableOptions
function Manager:log_table(data, name, options) end

---Stores pixels as a PNG: rows from the top, of 1 (grey), 2 (grey and alpha), 3 (RGB) or 4 (RGBA)
---bytes a pixel, which the size of the string tells. With a key and a step in place of a name it is
---one of a row, which MLflow's page shows as a grid of images with a slider; it lies in "images",
---beside a small WebP.
---@overload fun(pixels: string, name: string, options: mlmanager.ImageOptions)
---@overload fun(pixels: string, options: mlmanager.ImageOptions)
---@param pixels string
---@param name string such as "frames/1.png"; ends with .png
---@param options mlmanager.ImageOptions
function Manager:log_image(pixels, name, options) end

---What lies directly in a directory of a run, sorted by path.
---@overload fun(path?: string, run_id?: string): mlmanager.Artifact[]
---@param path? string default the run's root
---@param run_id? string default the active run's
---@return mlmanager.Artifact[]
function Manager:list_artifacts(path, run_id) end

---Copies an artifact: a file to a file of that name, or into it where it is a directory or ends
---with "/"; a directory's files below it, and all of the run's for the name "". With extract a zip
---or tar archive becomes a new directory; one with names that lead out of it, with links, or of
---more than expanded_bytes_max bytes is refused.
---@overload fun(name: string, local_path: string, run_id?: string, options?: mlmanager.Download)
---@param name string
---@param local_path string
---@param run_id? string default the active run's
---@param options? mlmanager.Download
function Manager:download_artifact(name, local_path, run_id, options) end

---The bytes of an artifact; with chunk_bytes an iterator over strings of that size, for large
---ones: `for piece in manager.retrieve_artifact_stream(id, "model.bin", { chunk_bytes = 1 << 20 })
---do`.
---@overload fun(run_id: string?, name: string, options?: mlmanager.Retrieve): mlmanager.Bytes
---@param run_id string? nil: the active run's
---@param name string
---@param options? mlmanager.Retrieve
---@return mlmanager.Bytes bytes
function Manager:retrieve_artifact_stream(run_id, name, options) end

---The SHA-256 of an artifact's bytes, which are read for it.
---@overload fun(name: string, run_id?: string): string
---@param name string
---@param run_id? string default the active run's
---@return string hex 64 digits
function Manager:artifact_sha256(name, run_id) end

---Deletes an artifact for good, a directory with all in it.
---@overload fun(name: string, run_id?: string)
---@param name string
---@param run_id? string default the active run's
function Manager:delete_artifact(name, run_id) end

---@class mlmanager.Run
local Run = {}

---As Manager:log_artifact, of this run.
---@param file_name string
---@param name? string
---@param options? mlmanager.LogArtifactOptions
function Run:log_artifact(file_name, name, options) end

---As Manager:log_artifacts, of this run.
---@param file_names string[]
---@param names? string[]
---@param options? mlmanager.LogArtifactOptions
function Run:log_artifacts(file_names, names, options) end

---As Manager:log_text, of this run.
---@param text string
---@param name string
function Run:log_text(text, name) end

---As Manager:log_dict, of this run.
---@param dict table
---@param name string
function Run:log_dict(dict, name) end

---As Manager:log_table, of this run.
---@param data table
---@param name string
---@param options? mlmanager.LogTableOptions
function Run:log_table(data, name, options) end

---As Manager:log_image, of this run.
---@param pixels string
---@param name string
---@param options mlmanager.ImageOptions
function Run:log_image(pixels, name, options) end

---As Manager:list_artifacts, of this run.
---@param path? string
---@param run_id? string
---@return mlmanager.Artifact[]
function Run:list_artifacts(path, run_id) end

---As Manager:download_artifact, of this run.
---@param name string
---@param local_path string
---@param run_id? string
---@param options? mlmanager.Download
function Run:download_artifact(name, local_path, run_id, options) end

---As Manager:retrieve_artifact_stream, of this run.
---@param run_id string?
---@param name string
---@param options? mlmanager.Retrieve
---@return mlmanager.Bytes
function Run:retrieve_artifact_stream(run_id, name, options) end

---As Manager:artifact_sha256, of this run.
---@param name string
---@param run_id? string
---@return string
function Run:artifact_sha256(name, run_id) end

---As Manager:delete_artifact, of this run.
---@param name string
---@param run_id? string
function Run:delete_artifact(name, run_id) end
