-- SPDX-License-Identifier: Apache-2.0
---@meta

---Runs on their way from store to store, and out of the store for good. Types only.

---What an export, import or sync has done. While it runs, `kind` and `text` say what happened.
---@class mlmanager.TransferResult
---@field experiments integer
---@field runs integer
---@field new_runs integer that the destination did not have
---@field points integer of metrics; those that were there already count
---@field artifacts integer that were copied
---@field artifact_bytes integer
---@field problems integer what was left out; each was told to `report`

---@class mlmanager.TransferEvent: mlmanager.TransferResult
---@field kind "problem"|"experiment"|"run"|"progress"
---@field text string what was left out and why, or the experiment's or run's name
---@field name? string the file that is on its way, as "artifact 'models/model.bin'", or the archive
---that is unpacked
---@field done_bytes? integer of that file; fewer than before where a cut upload begins again
---@field total_bytes? integer of that file

---What has been sent to a server that was away.
---@class mlmanager.DeliveryResult
---@field runs integer of which nothing waits any more
---@field records integer calls, and batches of points
---@field points integer of metrics
---@field artifacts integer
---@field artifact_bytes integer of these
---@field refused integer records and artifacts that the server will never take; each was told to
---`report`
---@field kept integer artifacts that were refused before, and whose bytes are still on this machine
---@field left integer runs and experiments that go on waiting
---@field why? string why something goes on waiting, or the server was not reached

---@class mlmanager.DeliveryEvent: mlmanager.DeliveryResult
---@field kind "run"|"refused"|"left"|"progress"
---@field run_id? string the id with which the run began; nil for an experiment
---@field server_run_id? string nil while the server has not made the run
---@field name? string what was refused, or the artifact or experiment that is left or on its way
---@field done_bytes? integer of the artifact that is on its way
---@field total_bytes? integer of that artifact
---@field why? string why it was refused or is left; of an artifact that was refused also where its
---bytes stay

---@alias mlmanager.DeliveryReport fun(event: mlmanager.DeliveryEvent)

---@class mlmanager.GcOptions
---@field older_than_ms? integer only what was deleted at least so long ago
---@field run_ids? string|string[] only these runs
---@field experiment_ids? string|string[] only what is in these, and those of them that are deleted
---@field dry_run? boolean whether to tell only; default false
---@field abandon_artifacts? boolean whether runs go whose artifacts cannot; default false
---@field compact? boolean whether to give the bytes back to the file system, which rewrites the
---database; default false
---@field report? fun(event: mlmanager.GcEvent) called while it goes on; must not use the manager

---@class mlmanager.GcResult
---@field runs integer that are gone
---@field experiments integer that are gone
---@field kept integer that could not be removed
---@field artifact_bytes integer
---@field store_bytes integer that are free in the store now, or went to the file system

---@class mlmanager.GcEvent
---@field kind "run"|"experiment"|"kept"
---@field id string
---@field name string
---@field why? string of what is kept
---@field bytes integer of the run's artifacts
---@field done integer of total runs
---@field total integer

---@class mlmanager.Manager
local Manager = {}

---Writes runs into an archive that holds a directory mlruns/ as MLflow's file store has it: MLflow
---opens it where it is unpacked, `import` reads it. The end of the name tells the format: .tar.gz,
---.tgz, .tar.zst, .tar or .zip. The file is there once it is whole.
---
---Raises "exists" (the file, without overwrite), "not_found" (a run or an experiment), "invalid",
---"io", "full", "unsupported" (libarchive or libyaml is not installed).
---@param file string
---@param run_ids? string|string[] these runs and those nested in them
---@param experiment_ids? string|string[] all runs of these; with neither, everything
---@param overwrite? boolean whether a file of that name may be replaced; default false
---@param report? fun(event: mlmanager.TransferEvent) called while it goes on; must not use the
---manager
---@return mlmanager.TransferResult
function Manager:export(file, run_ids, experiment_ids, overwrite, report) end

---Puts the runs of an archive, or of a directory as MLflow's file store has it, into the store.
---Runs keep their ids; one that is there already gets what it lacks and nothing of it changes, so
---importing again is fine. What cannot be taken is told to report and does not hold up the rest.
---
---Raises "not_found", "corrupt" (no such archive or directory, a damaged one, or one with links,
---names that lead out of it or more than bytes_max bytes: nothing has arrived), "io", "full".
---@param file string
---@param experiment_name? string where all runs go; default the experiments they come from, by name
---@param dry_run? boolean whether to tell only; default false
---@param bytes_max? integer what an archive may unpack to; default 16 GiB
---@param report? fun(event: mlmanager.TransferEvent)
---@return mlmanager.TransferResult
function Manager:import(file, experiment_name, dry_run, bytes_max, report) end

---Copies runs into another store, or, without `into`, sends to this server what waits for it since
---it was away, artifacts included, with what processes that died have left. The server gets
---everything in order and once, however often this is done or cut short; what it refuses is told to
---report and does not hold up the rest.
---
---Copied runs arrive as with import, and this store is taken to be the
---newer: tags, status, end time and artifacts that differ there become those of here.
---
---Raises "invalid" (it is this store), "not_found" (a run or an experiment), "io", "full".
---@overload fun(options?: {report?: mlmanager.DeliveryReport}): mlmanager.DeliveryResult
---@param into string the URI of the store; one that is not there is made
---@param run_ids? string|string[] these runs and those nested in them
---@param experiment_ids? string|string[] all runs of these; with neither, everything
---@param dry_run? boolean whether to tell only, where a store that is not there counts as empty and
---is not made; default false
---@param report? fun(event: mlmanager.TransferEvent)
---@param artifacts? string where experiments that are new there keep artifacts, as in MLManager
---@return mlmanager.TransferResult
function Manager:sync(into, run_ids, experiment_ids, dry_run, report, artifacts) end

---Removes deleted runs and experiments for good, with all that refers to them and their artifacts.
---A run whose artifacts cannot be removed is kept, so that a later call finishes it.
---
---Raises "not_found", "state" (a run of run_ids is not deleted, or not long enough: nothing is
---removed), "unsupported" (the store cannot), "io".
---@param options? mlmanager.GcOptions
---@return mlmanager.GcResult
function Manager:gc(options) end

return Manager
