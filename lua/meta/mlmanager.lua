-- SPDX-License-Identifier: Apache-2.0
---@meta mlmanager

---Tracks experiments: runs with metrics, params, tags and timers, in a store that MLflow opens.
---Types only; the module itself is C.
---
---The module is a manager, too: its store is opened at the first call. Every function can be called
---with a colon or a dot: `manager:log_metric("loss", 0.3)` and `manager.log_metric("loss", 0.3)` do
---the same. A table as the sole argument holds the arguments by their names:
---`manager:rename_run { run_id = id, name = "best" }`. What goes wrong raises an `mlmanager.Error`;
---`pcall` gives it back.

---@class mlmanager: mlmanager.Manager
---@field _VERSION string of the library, such as "0.1.0"
local mlmanager = {}

---What is raised. `tostring` gives the place and the sentence.
---@class mlmanager.Error
---@field code mlmanager.ErrorCode
---@field message string one sentence, without the place
---@field area string which part said so: "argument", "run", "journal", "sqlite", …
---@field where string the script's place, such as "train.lua:12: "; may be empty
---@field position integer? where a filter or an order is wrong: the byte, from 1
---@field size integer? the bytes from there that are wrong; 0 at the end of the text
---@field entry integer? the entry of order_by; nil where the filter is wrong

---@alias mlmanager.ErrorCode
---| "invalid" an argument breaks a rule
---| "state" the manager is closed, or no run or experiment is active
---| "not_found" there is no such experiment, run, key or file
---| "exists" the name is taken, or the param has another value
---| "auth" the peer refused the credentials
---| "again" busy or unreachable; the same call may work later
---| "timeout" the wait ran out
---| "io" a file or the disk
---| "peer" the peer answered outside its protocol
---| "corrupt" stored bytes fail their checksum or schema
---| "memory" memory ran out
---| "unsupported" this store cannot do that
---| "full" the disk is full, or the journal has reached its ceiling
---| "interrupted" Ctrl-C under the host, which wants the script to end

---@class mlmanager.ManagerOptions
---@field store? string "sqlite:PATH", "postgresql://USER@HOST/DATABASE", "https://HOST"; default
---`--store`, MLFLOW_TRACKING_URI, "sqlite:mlmanager.db"
---@field tracking_uri? string the same, under MLflow's name
---@field artifacts? string where new experiments keep artifacts: a directory, "s3://BUCKET/PATH",
---or "blob:" for the database itself, where MLflow does not see them; default `mlartifacts` by the
---store
---@field journal_dir? string a directory for the journals of this store and others; default
---MLMANAGER_JOURNAL_DIR, else `<database>-journal.d`, or for a server `~/.local/state/mlmanager`
---@field durability? "process"|"system" what a logged record survives: the end of the process
---(default), or power loss as well, for a disk sync per flush, run call, param and tag
---@field on_full? "error"|"block" at the journal's ceiling: raise (default), or wait for room
---@field journal_bytes_max? integer that ceiling, in bytes; default 4 GiB, least 16 MiB
---@field server_wait_ms? integer how long the end of a run waits for a server that is away or slow;
---default 5000. What it has not taken by then waits for `sync`
---@field system_metrics? boolean sample cpu, memory, disk and network during runs; default false,
---or what MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING says
---@field must_exist? boolean raise "not_found" where there is no store, instead of making one;
---default false
---@field ignore_environment? boolean do not start with the experiment and run that
---MLFLOW_EXPERIMENT_NAME, MLFLOW_EXPERIMENT_ID and MLFLOW_RUN_ID name; default false

---A manager on a store of its own; close it with `<close>` or close().
---@param options? mlmanager.ManagerOptions
---@return mlmanager.Manager
---@overload fun(self: mlmanager, options?: mlmanager.ManagerOptions): mlmanager.Manager
function mlmanager.MLManager(options) end

---@class mlmanager.Manager
---@field current_run_id string? of the active run, 32 hex digits; nil when there is none
---@field experiment_id string? of the active experiment, digits; nil when there is none, and while
---only the server knows it and is away
---@field store string the store's URI as resolved, without a password
local Manager = {}

---Waits until all that was logged is in the store, and raises the first error that logging met.
---@overload fun(timeout_ms?: integer)
---@param timeout_ms? integer milliseconds to wait; default as long as it takes
function Manager:flush(timeout_ms) end

---Ends the open runs FINISHED, flushes and closes the store. Closing again is fine.
---@overload fun()
function Manager:close() end

---Checks the store and its journals; with repair, puts right what can be.
---@overload fun(repair?: boolean): mlmanager.Finding[]
---@param repair? boolean default false
---@return mlmanager.Finding[]
function Manager:doctor(repair) end

---@class mlmanager.Finding
---@field finding string what was found
---@field repaired boolean whether it was put right

---Experiments.

---An experiment's: digits.
---@alias mlmanager.Id string|integer

---@class mlmanager.ExperimentOptions
---@field experiment_name? string 1 to 500 characters
---@field name? string the same
---@field reset? boolean delete the runs that the experiment has, restorably; default false
---@field tags? mlmanager.Texts of a new experiment
---@field artifact_location? string of a new experiment; default `<artifacts>/<experiment id>`

---@class mlmanager.Experiment
---@field experiment_id string
---@field name string
---@field artifact_location string
---@field lifecycle_stage "active"|"deleted"
---@field creation_time integer? milliseconds since 1970
---@field last_update_time integer? milliseconds since 1970
---@field tags table<string, string>

---Creates the experiment, or finds the one of that name, and makes it active. A server that is away
---does so when it is back.
---@overload fun(experiment_name: string, reset?: boolean): string?
---@overload fun(options: mlmanager.ExperimentOptions): string?
---@overload fun(self: mlmanager.Manager, options: mlmanager.ExperimentOptions): string?
---@param experiment_name string
---@param reset? boolean delete its runs, restorably; default false
---@return string? experiment_id nil while the server is away
function Manager:create_experiment(experiment_name, reset) end

---Makes an experiment active: a number is an id; a string is a name, then, if all digits, an id.
---@overload fun(experiment_name: string|integer)
---@param experiment_name string|integer
function Manager:set_active_experiment(experiment_name) end

---Reads an experiment, deleted ones included.
---@overload fun(experiment_id?: mlmanager.Id): mlmanager.Experiment
---@param experiment_id? mlmanager.Id default the active one's
---@return mlmanager.Experiment
function Manager:get_experiment(experiment_id) end

---Deleted ones included; nil if there is none.
---@overload fun(name: string): mlmanager.Experiment?
---@param name string
---@return mlmanager.Experiment?
function Manager:get_experiment_by_name(name) end

---@class mlmanager.ExperimentQuery
---@field filter? string MLflow's grammar, such as "name LIKE 'b%' AND tags.team = 'pd'"
---@field order_by? string|string[] such as "name ASC"; default the newest first
---@field max_results? integer a page's length, up to 50000; default 1000
---@field page_token? string the second result of the call before
---@field view? "active"|"deleted"|"all" default "active"

---Finds experiments by a filter, in an order; without one, the newest first.
---@overload fun(query?: mlmanager.ExperimentQuery): mlmanager.Experiment[], string?
---@param query? mlmanager.ExperimentQuery
---@return mlmanager.Experiment[]
---@return string? page_token of the next page; nil on the last
function Manager:search_experiments(query) end

---The same as search_experiments.
---@overload fun(query?: mlmanager.ExperimentQuery): mlmanager.Experiment[], string?
---@param query? mlmanager.ExperimentQuery
---@return mlmanager.Experiment[]
---@return string? page_token of the next page; nil on the last
function Manager:list_experiments(query) end

---Renames an experiment; the name must be free.
---@overload fun(experiment_id: mlmanager.Id, new_name: string)
---@param experiment_id mlmanager.Id
---@param new_name string 1 to 500 characters
function Manager:rename_experiment(experiment_id, new_name) end

---Deletes an experiment with its runs, restorably; its name stays taken.
---@overload fun(experiment_id: mlmanager.Id)
---@param experiment_id mlmanager.Id
function Manager:delete_experiment(experiment_id) end

---Brings back a deleted experiment and its runs.
---@overload fun(experiment_id: mlmanager.Id)
---@param experiment_id mlmanager.Id
function Manager:restore_experiment(experiment_id) end

---Sets a tag of an experiment; with two arguments, of the active one.
---@overload fun(key: string, value: mlmanager.Text)
---@overload fun(experiment_id: mlmanager.Id, key: string, value: mlmanager.Text)
---@overload fun(self: mlmanager.Manager, key: string, value: mlmanager.Text)
---@param experiment_id mlmanager.Id
---@param key string
---@param value mlmanager.Text
function Manager:set_experiment_tag(experiment_id, key, value) end

---Runs.

---@class mlmanager.RunOptions
---@field run_name? string default a generated one
---@field tags? mlmanager.Texts
---@field experiment_id? mlmanager.Id default the active one's
---@field nested? boolean make the active run the parent; default false
---@field user_id? string default the login name

---@class mlmanager.EndOptions
---@field status? mlmanager.RunStatus default "FINISHED"; a run taken up keeps its own
---@field create? boolean start another run; default false
---@field metadata? mlmanager.Texts that run's tags

---@alias mlmanager.RunStatus "RUNNING"|"SCHEDULED"|"FINISHED"|"FAILED"|"KILLED"

---Starts a run and makes it active; with an active run only `nested=true` does. A manager has at
---most 64 runs open.
---@overload fun(tags?: table, name?: string, experiment?: string, nested?: boolean): mlmanager.Run
---@overload fun(options: mlmanager.RunOptions): mlmanager.Run
---@overload fun(self: mlmanager.Manager, options: mlmanager.RunOptions): mlmanager.Run
---@param tags? mlmanager.Texts
---@param run_name? string default a generated one
---@param experiment_id? mlmanager.Id default the active one's
---@param nested? boolean make the active run the parent; default false
---@return mlmanager.Run
function Manager:start_run(tags, run_name, experiment_id, nested) end

---The same, with the user first.
---@overload fun(user_id?: string): mlmanager.Run
---@overload fun(options: mlmanager.RunOptions): mlmanager.Run
---@overload fun(self: mlmanager.Manager, options: mlmanager.RunOptions): mlmanager.Run
---@param user_id? string default the login name
---@return mlmanager.Run
function Manager:create_new_run(user_id) end

---@alias mlmanager.RunFunction fun(run: mlmanager.Run, ...: any): ...

---Calls fn(run, ...) with a run around it: FINISHED when fn returns, FAILED when it raises, the
---traceback being tag mlmanager.traceback; the error goes on to the caller.
---@overload fun(options: mlmanager.RunOptions, fn: mlmanager.RunFunction, ...): ...
---@overload fun(fn: mlmanager.RunFunction, ...): ...
---@overload fun(self: mlmanager.Manager, fn: mlmanager.RunFunction, ...): ...
---@param options mlmanager.RunOptions
---@param fn mlmanager.RunFunction
---@param ... any what fn gets after the run
---@return any ... what fn returns
function Manager:run(options, fn, ...) end

---Ends the active run: stops and logs its timers, waits until all is in the store, and raises the
---first error the run remembered. Its parent becomes active again. A server that is away is waited
---for as long as `server_wait_ms` says; what it has not taken by then waits for `sync`, and a
---warning says so.
---@overload fun(create?: boolean, metadata?: mlmanager.Texts): mlmanager.Run?
---@overload fun(options: mlmanager.EndOptions|mlmanager.RunStatus): mlmanager.Run?
---@overload fun(self: table, options: mlmanager.EndOptions|mlmanager.RunStatus): mlmanager.Run?
---@param create? boolean start another run; default false
---@param metadata? mlmanager.Texts that run's tags
---@return mlmanager.Run? run the new one, with create
function Manager:end_run(create, metadata) end

---Takes up an existing run, finished ones too; it alone is active then.
---@overload fun(run_id: string): mlmanager.Run
---@param run_id string
---@return mlmanager.Run
function Manager:set_active_run(run_id) end

---Deletes the active run, restorably. Its parent becomes active again.
---@overload fun()
function Manager:delete_active_run() end

---Deletes the active run's metrics, params, artifacts and own tags; the run stays.
---@overload fun()
function Manager:reset_run() end

---Deletes any run, restorably.
---@overload fun(run_id: string)
---@param run_id string
function Manager:delete_run(run_id) end

---Brings back a deleted run.
---@overload fun(run_id: string)
---@param run_id string
function Manager:restore_run(run_id) end

---Renames a run; with one argument, the active one.
---@overload fun(name: string)
---@overload fun(run_id: string, name: string)
---@overload fun(self: mlmanager.Manager, name: string)
---@param run_id string
---@param name string
function Manager:rename_run(run_id, name) end

---Reads a run, deleted ones included, after what this manager logged is in the store.
---@overload fun(run_id?: string): mlmanager.StoredRun
---@param run_id? string default the active one's
---@return mlmanager.StoredRun
function Manager:get_run(run_id) end

---Finds a run by what people call it: its id, a name that no other run has, or the beginning of
---its id. Raises "not_found" where there is none, "invalid" where there are several.
---@overload fun(text: string, view?: "active"|"deleted"|"all"): mlmanager.StoredRun
---@param text string
---@param view? "active"|"deleted"|"all" default "all"
---@return mlmanager.StoredRun
function Manager:find_run(text, view) end

---@class mlmanager.RunQuery
---@field experiment_ids? mlmanager.Id|mlmanager.Id[] default the active experiment
---@field filter? string MLflow's grammar, such as "metrics.loss < 0.1 AND params.lr = '0.3'"
---@field order_by? string|string[] such as "metrics.loss ASC"; default the latest start first
---@field max_results? integer a page's length, up to 50000; default 1000
---@field page_token? string the second result of the call before
---@field view? "active"|"deleted"|"all" default "active"

---Finds runs by a filter, in an order; without one, all of the active experiment.
---@overload fun(query?: mlmanager.RunQuery): mlmanager.StoredRun[], string?
---@param query? mlmanager.RunQuery
---@return mlmanager.StoredRun[]
---@return string? page_token of the next page; nil on the last
function Manager:search_runs(query) end

---@class mlmanager.StoredRun
---@field info mlmanager.RunInfo
---@field data mlmanager.RunData
---@field inputs mlmanager.RunInputs

---@class mlmanager.RunInfo
---@field run_id string 32 hex digits
---@field run_uuid string the same
---@field run_name string
---@field experiment_id string
---@field user_id string
---@field status mlmanager.RunStatus
---@field start_time integer milliseconds since 1970
---@field end_time integer? milliseconds since 1970; nil while it runs
---@field artifact_uri string
---@field lifecycle_stage "active"|"deleted"

---@class mlmanager.RunData
---@field metrics table<string, number> the latest value of each
---@field params table<string, string>
---@field tags table<string, string>

---@class mlmanager.RunInputs
---@field dataset_inputs mlmanager.DatasetInput[]

---@class mlmanager.DatasetInput
---@field dataset mlmanager.Dataset
---@field tags table<string, string>

---@class mlmanager.Dataset
---@field name string
---@field digest string
---@field source_type string
---@field source string
---@field schema string? JSON
---@field profile string? JSON

---Metrics.

---@alias mlmanager.Number number|string a string must read as a number

---@class mlmanager.When
---@field step? integer default the key's greatest in this run plus one, 0 for the first
---@field timestamp? integer milliseconds since 1970; default now

---@class mlmanager.Metric: mlmanager.When
---@field key string 1 to 250 characters: letters, digits, spaces and _ - . : /
---@field value mlmanager.Number

---One of a list: `{"loss", 0.3}`, or with a step or timestamp of its own.
---@alias mlmanager.MetricItem { [1]: string, [2]: mlmanager.Number }|mlmanager.Metric

---@alias mlmanager.OneMetric mlmanager.Metric|table<string, mlmanager.Number>

---A list keeps its order; a map is applied in its keys' order.
---@alias mlmanager.Metrics mlmanager.MetricItem[]|table<string, mlmanager.Number>

---Logs a metric of the active run: a key and a value, `{key=, value=}`, or `{name=value}`. Never
---waits for the store; what the store refuses later is raised by flush or end_run.
---@overload fun(key: string, value: mlmanager.Number, options?: mlmanager.When)
---@overload fun(metric: mlmanager.OneMetric, options?: mlmanager.When)
---@overload fun(self: mlmanager.Manager, metric: mlmanager.OneMetric, options?: mlmanager.When)
---@param key string 1 to 250 characters: letters, digits, spaces and _ - . : /
---@param value mlmanager.Number
---@param options? mlmanager.When
function Manager:log_metric(key, value, options) end

---The same as log_metric.
---@overload fun(key: string, value: mlmanager.Number, options?: mlmanager.When)
---@overload fun(metric: mlmanager.OneMetric, options?: mlmanager.When)
---@overload fun(self: mlmanager.Manager, metric: mlmanager.OneMetric, options?: mlmanager.When)
---@param key string
---@param value mlmanager.Number
---@param options? mlmanager.When
function Manager:lm(key, value, options) end

---Logs several metrics, all or none: `{{"loss", 0.3}, {"loss", 0.2}}` in that order, or a map.
---@overload fun(metrics: mlmanager.Metrics, options?: mlmanager.When)
---@param metrics mlmanager.Metrics
---@param options? mlmanager.When for all of them
function Manager:log_metrics(metrics, options) end

---@class mlmanager.HandlePoint: mlmanager.When
---@field value mlmanager.Number

---Logs a point of one metric: `loss(0.3)`, `loss(0.3, step)`, `loss(0.3, {step=, timestamp=})` or
---`loss {value=, step=, timestamp=}`. Raises as log_metric does; after the end of its run, that it
---has ended.
---@alias mlmanager.MetricHandle
---| fun(value: mlmanager.Number, step?: integer|mlmanager.When, timestamp?: integer)
---| fun(point: mlmanager.HandlePoint)

---Gives a function that logs one metric of the active run, for loops that log it at every turn: its
---call costs about half of log_metric's. It names the run that is active now, whichever is active
---later; raises when that run has ended. For a run that was taken up this waits for the store.
---@overload fun(key: string): mlmanager.MetricHandle
---@param key string 1 to 250 characters: letters, digits, spaces and _ - . : /
---@return mlmanager.MetricHandle
function Manager:metric(key) end

---@class mlmanager.Batch
---@field metrics? mlmanager.Metrics
---@field params? mlmanager.Texts
---@field parameters? mlmanager.Texts the same as params
---@field tags? mlmanager.Texts

---Logs metrics, params and tags in one call; all is checked before anything is written.
---@overload fun(metrics?: mlmanager.Metrics, parameters?: mlmanager.Texts, tags?: mlmanager.Texts)
---@overload fun(batch: mlmanager.Batch)
---@overload fun(self: mlmanager.Manager, batch: mlmanager.Batch)
---@param metrics? mlmanager.Metrics
---@param parameters? mlmanager.Texts
---@param tags? mlmanager.Texts
function Manager:log_batch(metrics, parameters, tags) end

---Logs each number that an evaluator computes and returns its results.
---@overload fun(evaluator: mlmanager.Evaluator): table
---@param evaluator mlmanager.Evaluator
---@return table results what evaluator:get_results() returns
function Manager:log_evaluator_metrics(evaluator) end

---@class mlmanager.Point
---@field key string
---@field value number
---@field step integer
---@field timestamp integer milliseconds since 1970

---@class mlmanager.PointColumns
---@field step integer[]
---@field timestamp integer[] milliseconds since 1970
---@field value number[]

---@alias mlmanager.Points mlmanager.Point[]|mlmanager.PointColumns

---@class mlmanager.PointsQuery
---@field key? string
---@field run_id? string default the active one's
---@field columns? boolean give columns instead of points, for long histories; default false

---All points of a metric, ordered by time, step and value.
---@overload fun(key: string, options?: mlmanager.PointsQuery): mlmanager.Points
---@overload fun(query: mlmanager.PointsQuery): mlmanager.Points
---@overload fun(run_id: string, key: string, options?: mlmanager.PointsQuery): mlmanager.Points
---@overload fun(self: table, key: string, options?: mlmanager.PointsQuery): mlmanager.Points
---@overload fun(self: mlmanager.Manager, query: mlmanager.PointsQuery): mlmanager.Points
---@param run_id string
---@param key string
---@param options? mlmanager.PointsQuery
---@return mlmanager.Points
function Manager:get_metric_history(run_id, key, options) end

---@class mlmanager.MetricSummary
---@field count integer of points, NaN ones included
---@field nan_count integer of the NaN ones
---@field min number? nil where no point is a number
---@field min_step integer? the least step at which it was that
---@field max number?
---@field max_step integer?
---@field last number? of the greatest step; nil where there is no point
---@field last_step integer?

---What a metric came to. Reads every point, and keeps none.
---@overload fun(key: string): mlmanager.MetricSummary
---@overload fun(run_id: string, key: string): mlmanager.MetricSummary
---@overload fun(self: mlmanager.Manager, key: string): mlmanager.MetricSummary
---@param run_id string default the active one's
---@param key string
---@return mlmanager.MetricSummary
function Manager:get_metric_summary(run_id, key) end

---Params and tags.

---What a param or tag is logged from. Numbers become the shortest text that reads back equal.
---@alias mlmanager.Text string|number|boolean

---A list keeps its order; a map is applied in its keys' order.
---@alias mlmanager.Texts
---| ({ [1]: string, [2]: mlmanager.Text }|mlmanager.Record)[]
---| table<string, mlmanager.Text>

---@class mlmanager.Record
---@field key string
---@field value mlmanager.Text

---@alias mlmanager.OneText mlmanager.Record|table<string, mlmanager.Text>

---Logs a param of the active run: a key and a value, `{key=, value=}`, or `{name=value}`. The same
---value again is fine, another raises. At most 6000 characters.
---@overload fun(key: string, value: mlmanager.Text)
---@overload fun(param: mlmanager.OneText)
---@overload fun(self: mlmanager.Manager, param: mlmanager.OneText)
---@param key string 1 to 250 characters: letters, digits, spaces and _ - . : /
---@param value mlmanager.Text
function Manager:log_param(key, value) end

---The same as log_param.
---@overload fun(key: string, value: mlmanager.Text)
---@overload fun(param: mlmanager.OneText)
---@overload fun(self: mlmanager.Manager, param: mlmanager.OneText)
---@param key string
---@param value mlmanager.Text
function Manager:lp(key, value) end

---Logs several params, all or none.
---@overload fun(params: mlmanager.Texts)
---@param params mlmanager.Texts
function Manager:log_params(params) end

---Sets a tag of the active run, in the forms of log_param. At most 8000 characters.
---@overload fun(key: string, value: mlmanager.Text)
---@overload fun(tag: mlmanager.OneText)
---@overload fun(self: mlmanager.Manager, tag: mlmanager.OneText)
---@param key string 1 to 250 characters: letters, digits, spaces and _ - . : /
---@param value mlmanager.Text
function Manager:set_tag(key, value) end

---The same as set_tag.
---@overload fun(key: string, value: mlmanager.Text)
---@overload fun(tag: mlmanager.OneText)
---@overload fun(self: mlmanager.Manager, tag: mlmanager.OneText)
---@param key string
---@param value mlmanager.Text
function Manager:st(key, value) end

---Sets several tags, all or none; the last of equal keys wins.
---@overload fun(tags: mlmanager.Texts)
---@param tags mlmanager.Texts
function Manager:set_tags(tags) end

---Deletes a tag of the active run.
---@overload fun(key: string)
---@param key string
function Manager:delete_tag(key) end

---Timers.

---@class mlmanager.TimerOptions
---@field metric? boolean log a metric (a number of milliseconds) instead of a param; default false

---@class mlmanager.Timer
---@field name string
local Timer = {}

---Stops and logs this timer, as the end of a `<close>` block does.
---@return number? elapsed_ms milliseconds; nil if it was stopped already
function Timer:stop() end

---Starts a timer of the active run; several may run at once. Its milliseconds are logged under its
---name when it is stopped or the run ends.
---@overload fun(timer_name: string, options?: mlmanager.TimerOptions): mlmanager.Timer
---@param timer_name string
---@param options? mlmanager.TimerOptions
---@return mlmanager.Timer
function Manager:start_timer(timer_name, options) end

---Stops every timer of the active run, or the one of that name, and logs each as a param.
---@overload fun(timer_name?: string): number
---@param timer_name? string
---@return number total_ms milliseconds from the earliest start
function Manager:log_and_stop_timer(timer_name) end

---A run that was started or taken up; its methods work on it, active or not. `<close>` ends it,
---FAILED where an error leaves the block.
---@class mlmanager.Run
---@field run_id string 32 hex digits
---@field run_name string
---@field experiment_id string
local Run = {}

---Whether it has neither ended nor been deleted, and its manager is open.
---@return boolean
function Run:is_open() end

---Ends the run if it is open.
function Run:close() end

---@overload fun(self: mlmanager.Run, options: mlmanager.EndOptions): mlmanager.Run?
---@param create? boolean start another run; default false
---@param metadata? mlmanager.Texts that run's tags
---@return mlmanager.Run?
function Run:end_run(create, metadata) end

---As Manager:reset_run, for this run.
function Run:reset_run() end

---Sets the tag mlmanager.traceback, cut to what a tag may hold.
---@param text string
function Run:set_traceback(text) end

---@overload fun(self: mlmanager.Run, metric: mlmanager.OneMetric, options?: mlmanager.When)
---@param key string
---@param value mlmanager.Number
---@param options? mlmanager.When
function Run:log_metric(key, value, options) end

---@overload fun(self: mlmanager.Run, metric: mlmanager.OneMetric, options?: mlmanager.When)
---@param key string
---@param value mlmanager.Number
---@param options? mlmanager.When
function Run:lm(key, value, options) end

---@param metrics mlmanager.Metrics
---@param options? mlmanager.When
function Run:log_metrics(metrics, options) end

---@overload fun(self: mlmanager.Run, batch: mlmanager.Batch)
---@param metrics? mlmanager.Metrics
---@param parameters? mlmanager.Texts
---@param tags? mlmanager.Texts
function Run:log_batch(metrics, parameters, tags) end

---@param evaluator mlmanager.Evaluator
---@return table results
function Run:log_evaluator_metrics(evaluator) end

---As Manager:metric, for this run.
---@param key string
---@return mlmanager.MetricHandle
function Run:metric(key) end

---@overload fun(self: mlmanager.Run, param: mlmanager.OneText)
---@param key string
---@param value mlmanager.Text
function Run:log_param(key, value) end

---@overload fun(self: mlmanager.Run, param: mlmanager.OneText)
---@param key string
---@param value mlmanager.Text
function Run:lp(key, value) end

---@param params mlmanager.Texts
function Run:log_params(params) end

---@overload fun(self: mlmanager.Run, tag: mlmanager.OneText)
---@param key string
---@param value mlmanager.Text
function Run:set_tag(key, value) end

---@overload fun(self: mlmanager.Run, tag: mlmanager.OneText)
---@param key string
---@param value mlmanager.Text
function Run:st(key, value) end

---@param tags mlmanager.Texts
function Run:set_tags(tags) end

---@param key string
function Run:delete_tag(key) end

---@param timer_name string
---@param options? mlmanager.TimerOptions
---@return mlmanager.Timer
function Run:start_timer(timer_name, options) end

---@param timer_name? string
---@return number total_ms milliseconds
function Run:log_and_stop_timer(timer_name) end

return mlmanager
