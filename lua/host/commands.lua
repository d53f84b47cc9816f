-- SPDX-License-Identifier: Apache-2.0
-- What the program can be told: the one source of `help`, of reading options (arguments.lua), of
-- the man page (manual.lua) and of completion (completion.lua). Nothing but data.
--
-- A command: name, summary (one line), arguments, options, text, examples. An argument: name,
-- kind, text ("a run"), optional, many, least. An option: name, short, text, and where it takes a
-- value: value (what to call it), kind, choices, min, many (may be given again). Texts are
-- paragraphs with blank lines between; lines that begin with blanks stand as they are.
--
-- Kinds, which completion knows: choice, column, experiment, file, filter, integer, metric, number,
-- order, run, store, text, topic.

local commands = {}

commands.date = "2026-11-28" -- of the last change, for the man page

commands.usage = {
  { "[OPTIONS] SCRIPT [ARGUMENTS...]", "run a Lua script" },
  { "[OPTIONS] -e CODE [SCRIPT ...]", "run CODE, then the script" },
  { "[OPTIONS] -", "run what standard input says" },
  { "[OPTIONS]", "a session on the terminal" },
  { "COMMAND [OPTIONS] [ARGUMENTS...]", "look at and change what is in the store" },
}

commands.text = [[
mlmanager keeps track of experiments: which run had which parameters, how its metrics went, what
came out of it. Scripts in Lua log them; the commands show them.

What follows the script is the script's. A script that is called as a command is run by
./NAME or -- NAME.
]]

-- Of scripts, and of every command as well.
commands.global_options = {
  { name = "--store", value = "URI", kind = "store",
    text = "the tracking store; else MLFLOW_TRACKING_URI, else sqlite:mlmanager.db in the "
      .. "current directory" },
  { name = "--artifacts", value = "PATH", kind = "file",
    text = "where new experiments keep artifacts: a directory, s3://BUCKET/PATH, or blob: for the "
      .. "database itself; else mlartifacts beside the database" },
  { name = "--help", short = "-h", text = "what the program or the command takes" },
}

-- Of the program only.
commands.script_options = {
  { name = "-e", value = "CODE", kind = "text", text = "run CODE; may be given again" },
  { name = "--version", short = "-v", text = "the versions of mlmanager and Lua" },
  { name = "--", text = "what follows is the script, whatever its name" },
}

local function format(...)
  return { name = "--format", value = "FORMAT", kind = "choice", choices = { ... },
    text = "how to write it; else a table on a terminal and tsv on a pipe" }
end

local function run_argument(more)
  local argument = { name = "RUN", kind = "run", text = "a run" }
  for name, value in pairs(more or {}) do
    argument[name] = value
  end
  return argument
end

local function experiments_option(text)
  return { name = "--experiment", short = "-e", value = "EXPERIMENT", kind = "experiment",
    many = true, text = text }
end

local NO_PAGER = { name = "--no-pager", text = "never hand long output to a pager" }

commands.list = {
  {
    name = "experiments", summary = "list the experiments",
    options = {
      { name = "--filter", value = "FILTER", kind = "filter",
        text = "only those it is true of, such as \"name LIKE 'vision%'\"" },
      { name = "--deleted", text = "the deleted ones" },
      { name = "--all", text = "the deleted ones as well" },
      { name = "--limit", short = "-n", value = "N", kind = "integer", min = 1,
        text = "at most N experiments" },
      format("table", "json", "csv", "tsv"),
      NO_PAGER,
    },
    text = [[
The latest created comes first.
]],
    examples = {
      { "mlmanager experiments", "all that are not deleted" },
      { "mlmanager experiments --format json | jq -r '.[].name'", "their names, for a script" },
    },
  },
  {
    name = "runs", summary = "list runs, their params and metrics",
    options = {
      experiments_option("only runs of this experiment, by name or id; else "
        .. "MLFLOW_EXPERIMENT_NAME, else all"),
      { name = "--filter", value = "FILTER", kind = "filter",
        text = "only runs it is true of; see 'help filter'" },
      { name = "--order-by", value = "KEY [ASC|DESC]", kind = "order", many = true,
        text = "such as 'metrics.loss DESC'; else the latest started first" },
      { name = "--columns", value = "NAMES", kind = "column",
        text = "what to show, with commas between; '...' stands for what is shown without; see "
          .. "'help tables'" },
      { name = "--limit", short = "-n", value = "N", kind = "integer", min = 1,
        text = "at most N runs; else 100 in a table and all elsewhere" },
      { name = "--deleted", text = "the deleted runs" },
      { name = "--all", text = "the deleted runs as well" },
      format("table", "json", "csv", "tsv"),
      NO_PAGER,
    },
    text = [[
Shows the params that differ between the runs, the last value of each metric, and for the metrics
that most runs have also the best: the least of a loss or an error, the greatest of an accuracy
or a score, both where the name does not tell. Nested runs stand below their parent.
]],
    examples = {
      { "mlmanager runs --filter \"metrics.loss < 0.1 and params.opt = 'adam'\"",
        "runs that went well with adam" },
      { "mlmanager runs --order-by 'metrics.val_loss ASC' --limit 5", "the five best" },
      { "mlmanager runs --format csv > runs.csv", "all of them, for a spreadsheet" },
    },
  },
  {
    name = "show", summary = "tell all about a run",
    arguments = { run_argument { optional = true } },
    options = { format("table", "json", "csv", "tsv"), NO_PAGER },
    text = [[
Tells when and from what the run came, why it failed, its params, its metrics with their curves,
last, least and greatest values, its tags, inputs and nested runs. Without a run: the latest.

A run is called by its name, or by its id or a part of it from the beginning. Where several runs
have the name, they are listed.
]],
    examples = {
      { "mlmanager show", "the latest run" },
      { "mlmanager show 3fa9", "the run whose id begins so" },
      { "mlmanager show --format json calm-crane-12 | jq .metrics", "for a script" },
    },
  },
  {
    name = "compare", summary = "tell in what runs differ",
    arguments = { run_argument { many = true, least = 2, text = "runs" } },
    options = {
      { name = "--all", text = "what is equal as well" },
      format("table", "json", "csv", "tsv"),
      NO_PAGER,
    },
    text = [[
A column for each run, a line for what differs between them: where they come from, params, the
last and the best value of metrics, tags.
]],
    examples = {
      { "mlmanager compare baseline calm-crane-12", "two runs by their names" },
    },
  },
  {
    name = "plot", summary = "draw metrics as curves",
    arguments = {
      { name = "RUN", kind = "run", optional = true, many = true,
        text = "a run; left out with --runs, --experiment and --filter" },
      { name = "METRIC", kind = "metric", many = true, text = "a metric" },
    },
    options = {
      { name = "--runs", value = "RUNS", kind = "run", many = true,
        text = "these runs, with commas between" },
      experiments_option "the runs of this experiment, the newest first",
      { name = "--filter", value = "FILTER", kind = "filter",
        text = "the runs it is true of; see 'help filter'" },
      { name = "--x", value = "AXIS", kind = "choice", choices = { "step", "time", "relative" },
        text = "over steps, over local time or over the time since each run's start; else steps" },
      { name = "--log-x", text = "a logarithmic x axis" },
      { name = "--log-y", text = "a logarithmic y axis; what is 0 or less is marked and counted" },
      { name = "--smooth", value = "N", kind = "integer", min = 1,
        text = "a mean over about N points, with the raw values faint behind" },
      { name = "--kernel", value = "KERNEL", kind = "choice", choices = { "ema", "mean" },
        text = "how to smooth: an exponential moving average weighted by distance, or the mean "
          .. "around each point; else ema" },
      { name = "--clip", text = "end the y axis where 98 in 100 values do, and mark the others" },
      { name = "--title", value = "TEXT", kind = "text", text = "what to write above" },
      { name = "--width", value = "N", kind = "integer", min = 20,
        text = "columns; else those of the terminal, 80 on a pipe" },
      { name = "--height", value = "N", kind = "integer", min = 6,
        text = "lines of all of it; else what fits the terminal" },
    },
    text = [[
Every point is drawn: no extreme is lost, however long the run. Up to 26 curves share a plot; each
has a letter, which stands on the curve and in the legend before the last value.
]],
    examples = {
      { "mlmanager plot 3f2a train_loss valid_loss --log-y", "two metrics of one run" },
      { "mlmanager plot baseline calm-crane-12 loss", "one metric of two runs" },
      { "mlmanager plot --experiment vision --filter \"params.opt = 'adam'\" loss --smooth 20",
        "one metric of many runs" },
    },
  },
  {
    name = "watch", summary = "follow the newest runs and their curves on the whole screen",
    arguments = { { name = "RUN", kind = "run", optional = true, text = "the run to begin with" } },
    options = {
      experiments_option "only runs of this experiment",
      { name = "--filter", value = "FILTER", kind = "filter",
        text = "only runs it is true of, or with this in their name" },
    },
    text = [[
Shows what other programs log while they do, and writes nothing to the store. The keys are on the
screen; '?' tells more about them. A store that is not there yet is waited for.
]],
    examples = {
      { "mlmanager watch", "the newest run, whichever that is at the time" },
    },
  },
  {
    name = "delete", summary = "delete runs or experiments, restorably",
    arguments = { run_argument { many = true, optional = true } },
    options = { experiments_option "this experiment and its runs, by name or id" },
    text = [[
Nothing is deleted unless all that is named is found. What is deleted is out of sight and can be
restored; the last line says how.
]],
    examples = {
      { "mlmanager delete 3fa9 calm-crane-12", "two runs" },
      { "mlmanager delete --experiment 'first steps'", "an experiment with its runs" },
    },
  },
  {
    name = "restore", summary = "bring back deleted runs or experiments",
    arguments = { run_argument { many = true, optional = true } },
    options = { experiments_option "this experiment and its deleted runs, by name or id" },
    text = [[
'mlmanager runs --deleted' and 'mlmanager experiments --deleted' list what can be restored.
]],
    examples = {
      { "mlmanager restore 3fa9", "the run whose id begins so" },
    },
  },
  {
    name = "rename", summary = "give a run or an experiment another name",
    arguments = { run_argument { optional = true },
      { name = "NAME", kind = "text", text = "a new name" } },
    options = {
      { name = "--experiment", short = "-e", value = "EXPERIMENT", kind = "experiment",
        text = "rename this experiment instead of a run" },
    },
    examples = {
      { "mlmanager rename calm-crane-12 baseline", "a run" },
      { "mlmanager rename --experiment sweep 'first sweep'", "an experiment" },
    },
  },
  {
    name = "export", summary = "write runs into an archive",
    arguments = { { name = "RUN", kind = "run", text = "a run, with those nested in it",
      optional = true, many = true } },
    options = {
      { name = "--output", short = "-o", value = "FILE", kind = "file",
        text = "the archive to write: .tar.gz, .tgz, .tar.zst, .tar or .zip" },
      experiments_option "all runs of this experiment",
      { name = "--all", text = "everything, deleted runs and experiments included" },
      { name = "--force", text = "replace FILE if it is there" },
    },
    text = [[
The archive holds a directory mlruns/ as MLflow's file store has it, with params, tags, whole
metric histories, dataset inputs and artifacts. 'mlmanager import' reads it, and so does MLflow
where it is unpacked (3.17, which would rather have a database, if MLFLOW_ALLOW_FILE_STORE=true).

The file gets its name once it is whole. What cannot be read is told, left out, and makes the exit
status 1.
]],
    examples = {
      { "mlmanager export -o runs.tar.gz --experiment vision", "one experiment" },
      { "mlmanager export -o all.tar.zst --all", "the whole store" },
    },
  },
  {
    name = "import", summary = "take runs from an archive or a directory",
    arguments = { { name = "FILE", kind = "file",
      text = "an archive that export wrote, or MLflow's mlruns directory or an archive of it" } },
    options = {
      { name = "--experiment", short = "-e", value = "NAME", kind = "experiment",
        text = "put all runs into this experiment; else into those they come from, by name" },
      { name = "--dry-run", text = "only say what would be imported" },
      { name = "--max-bytes", value = "N", kind = "integer", min = 1,
        text = "an archive may unpack to so many bytes; else to 16 GiB" },
    },
    text = [[
Runs keep their ids. One that is in the store already gets what it lacks and nothing else, so
importing twice, or again after it was cut short, does no harm. What cannot be taken, such as a
param that has another value here, is told and does not hold up the rest; it makes the exit status
1.

An archive is unpacked below TMPDIR, else below /var/tmp. Nothing in it is trusted: links, names
that lead out of it and more bytes than --max-bytes end the import before it began.
]],
    examples = {
      { "mlmanager import runs.tar.gz", "what another store exported" },
      { "mlmanager import mlruns/", "move in from MLflow's file store" },
    },
  },
  {
    name = "sync", summary = "send what waits for a server; copy runs into another store",
    arguments = { { name = "RUN", kind = "run", text = "a run, with those nested in it",
      optional = true, many = true } },
    options = {
      { name = "--to", value = "URI", kind = "store", text = "the store to copy to" },
      experiments_option "all runs of this experiment",
      { name = "--all",
        text = "everything, as where nothing is named; without --to, what waits for any server" },
      { name = "--dry-run",
        text = "only say what would be copied; a store that is not there counts as empty" },
    },
    text = [[
Without --to, sends what was logged while the tracking server was away (--store, else
MLFLOW_TRACKING_URI, names it), in order and exactly once, artifacts last. Each run is told when the
server has all of it. What the server refuses, such as a param that would change, is told, dropped,
and does not hold up the rest; of an artifact the bytes stay on this machine, in the file that is
told, until you remove it. What cannot go yet goes on waiting. Either makes the exit status 1.

With --to, copies. Runs keep their ids, and come with everything they have: params, tags, whole
metric histories, dataset inputs, artifacts, nesting and times. A run that is there already gets
what is new or changed here. Doing it twice changes nothing, and so does ending it half way and
doing it again. A tracking server gives a run an id of its own; the first one goes along as the tag
mlmanager.run_id, by which the run is known again whatever way it comes. --artifacts says where
experiments that are new there keep artifacts.
]],
    examples = {
      { "mlmanager sync --store https://mlflow.example.org", "what waits for that server" },
      { "mlmanager sync --to sqlite:/mnt/team/mlmanager.db", "everything into a store on a share" },
    },
  },
  {
    name = "gc", summary = "remove deleted runs and experiments for good",
    options = {
      { name = "--older-than", value = "AGE", kind = "text",
        text = "only what was deleted so long ago: 30d, 12h, 1d12h30m" },
      experiments_option "only what is in this experiment, and the experiment if it is deleted",
      { name = "--run-ids", value = "IDS", kind = "run", many = true,
        text = "only these runs, separated by commas; each must be deleted" },
      { name = "--dry-run", text = "only say what would be removed" },
      { name = "--yes", short = "-y", text = "do not ask" },
      { name = "--abandon-artifacts",
        text = "also remove runs whose artifacts cannot be, and leave these where they are" },
      { name = "--compact", text = "give the bytes back to the file system at the end" },
    },
    text = [[
Goes after 'mlmanager delete', which only marks. Params, metrics, tags, inputs and artifacts of
the runs go with them, and cannot be brought back. A run whose artifacts cannot be removed, because
they are elsewhere or forbidden, is named and kept, so that gc can finish it another time.

The bytes are free again in the database file, which does not shrink: what is logged next takes
them. --compact rewrites the file, which takes as long as copying it and as much room meanwhile.
]],
    examples = {
      { "mlmanager gc --older-than 30d --dry-run", "what a month-old bin holds" },
      { "mlmanager gc --older-than 30d --yes", "empty it, from cron" },
    },
  },
  {
    name = "doctor", summary = "check and repair the store",
    options = {
      { name = "--dry-run", text = "only say what would be repaired" },
    },
    text = [[
Checks the database file, its schema, the latest values of metrics against their histories, runs
left open by processes that died, and journals. The exit status is 0 when the store is in order
or was put in order, 1 when problems are left.
]],
    examples = {
      { "mlmanager doctor --dry-run", "what would be repaired in ./mlmanager.db" },
    },
  },
  {
    name = "completion", summary = "print a completion script for a shell",
    arguments = { { name = "SHELL", kind = "choice", choices = { "bash", "zsh", "fish" },
      text = "a shell: bash, zsh or fish" } },
    text = [[
With it the shell completes commands, options, runs, experiments, metrics, params and the words of
a filter, as they are in the store. An installed mlmanager brings the scripts along.

  bash:  mlmanager completion bash > ~/.local/share/bash-completion/completions/mlmanager
  zsh:   mlmanager completion zsh > ~/.zfunc/_mlmanager   (a folder of $fpath)
  fish:  mlmanager completion fish > ~/.config/fish/completions/mlmanager.fish
]],
    examples = {
      { "source <(mlmanager completion bash)", "for this session of bash" },
    },
  },
  {
    name = "help", summary = "tell about a command or a topic",
    arguments = { { name = "TOPIC", kind = "topic", text = "a command or a topic",
      optional = true } },
    text = [[
Without a topic: what there is.
]],
    examples = {
      { "mlmanager help filter", "how to write a filter" },
    },
  },
}

return commands
