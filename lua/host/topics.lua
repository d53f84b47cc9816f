-- SPDX-License-Identifier: Apache-2.0
-- What `mlmanager help TOPIC` and the man page tell beside the commands: name, title of the man
-- page's section where that is another, summary, text as in commands.lua.

return {
  {
    name = "filter", summary = "how --filter and --order-by are written",
    text = [[
A filter is comparisons joined by AND, in MLflow's grammar:

  metrics.loss < 0.1 AND params.optimizer = 'adam' AND tags.team IS NOT NULL

On the left stands metrics.KEY, params.KEY, tags.KEY, datasets.KEY (name, digest, context) or an
attribute: run_id, run_name, status, user_id, artifact_uri, start_time, end_time. A key with
blanks or signs stands in backticks or double quotes: metrics.`val loss`. A metric's value is the
latest one.

Metrics and times are compared with numbers by =, !=, <, <=, > and >=; times are milliseconds
since 1970. All else is compared with text in single quotes by =, !=, LIKE and ILIKE, where %
stands for any text and _ for one character, and ILIKE does not mind the case. run_id and
datasets also know IN ('a', 'b'). params and tags also know IS NULL and IS NOT NULL.

Experiments are filtered by name, experiment_id, creation_time, last_update_time and tags.KEY.

An order is one of these on the left, then ASC or DESC: "metrics.loss ASC".
]],
  },
  {
    name = "stores", summary = "where experiments are kept",
    text = [[
--store sqlite:PATH names an SQLite file with MLflow's schema; sqlite:///relative.db and
sqlite:////absolute.db are MLflow's spellings of the same. Without it MLFLOW_TRACKING_URI is
asked, and then mlmanager.db in the current directory is taken.

--store postgresql://USER@HOST/DATABASE names a PostgreSQL database: one that MLflow made, or an
empty one, in which a script makes MLflow's tables. It is libpq's URI, so ?sslmode=verify-full and
the like may follow, and PGPASSWORD and ~/.pgpass hold passwords; a socket's directory is written
postgresql://USER@%2Frun%2Fpostgresql/DATABASE, and "postgresql+psycopg2://" is the same as
"postgresql://". Any number of programs and machines may log there at once, and MLflow with them.
Metrics go through a journal under ~/.local/state/mlmanager, so they are logged while the server
restarts, and other calls wait for it; a program that starts while it is away hears so at once.
Artifacts go to mlartifacts in the current directory, where MLflow can use them too; a team gives
--artifacts a place that all of them reach, or blob: for the database itself, where MLflow does not
see them. Completion in a shell asks no server.

--store https://HOST (or http://HOST:5000) names a tracking server, MLflow's or one like it.
MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, say who asks;
MLFLOW_TRACKING_SERVER_CERT_PATH names the file of its certificate authority. Metrics go to a
journal under ~/.local/state/mlmanager and from there to the server, which may be away meanwhile.
Artifacts at mlflow-artifacts: go through the server, which takes no '#' in their names, no '%20' or
other escape, no ';' or '?' at the end of a part, and no blank, 'file:' or 'C:' at the beginning;
while it is away they are copied below that directory, which needs room for them, and are sent
later. One that the server refuses is told by 'mlmanager sync' and stays there as a file.

--artifacts s3://BUCKET/PATH keeps the artifacts of new experiments at S3, or at the service that
MLFLOW_S3_ENDPOINT_URL or AWS_ENDPOINT_URL names. The keys are found where AWS's own programs find
them, in their order: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; what the profile AWS_PROFILE of
~/.aws leads to (keys, a role, a credential_process), or AWS_ROLE_ARN and
AWS_WEB_IDENTITY_TOKEN_FILE; the container or the instance. A profile that logs in by the browser is
for the aws program: eval "$(aws configure export-credentials --format env)". Give the bucket a rule
for incomplete uploads: those of programs that were killed are not seen, and take room.

A script makes the store where there is none. The commands that only look do not: they say that
there is none at that place.
]],
  },
  {
    name = "tables", summary = "the columns of runs, and what does not fit",
    text = [[
A run has these columns: name, experiment, started, ended, status, duration, a column for each
param and metric by its key, "KEY min" and "KEY max" for a metric's least and greatest value,
tags.KEY, run_id, user_id, experiment_id, artifact_uri and lifecycle_stage. Where a param and a
metric have the same key, they are called params.KEY and metrics.KEY.

On a terminal a table is as wide as that. Where it does not fit, columns in the middle are left
out; the first one and that by which it is sorted stay. The last line says how many are shown.

On a pipe there is a line a run with tabs between, all columns and every digit; --format json and
--format csv are for programs as well. Times are milliseconds since 1970, durations milliseconds.
NaN and infinities are texts in JSON, as in MLflow's REST API.
]],
  },
  {
    name = "environment", summary = "the variables that are heeded",
    text = [[
  MLFLOW_TRACKING_URI      the store, where --store does not name it
  MLFLOW_EXPERIMENT_NAME   the experiment of commands and scripts that name none
  MLFLOW_EXPERIMENT_ID     the same, by its id
  MLFLOW_RUN_ID            the run that a script takes up
  MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD, MLFLOW_TRACKING_TOKEN   who asks a server
  MLFLOW_TRACKING_SERVER_CERT_PATH   the file of its certificate authority
  MLFLOW_TRACKING_CLIENT_CERT_PATH   the file of our certificate and its key
  MLFLOW_TRACKING_INSECURE_TLS   true: do not check its certificate
  MLFLOW_HTTP_REQUEST_TIMEOUT   how many seconds one request may take
  MLFLOW_TRUNCATE_LONG_VALUES   true: cut values that are too long; false: refuse them
  MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING   true: sample the machine during runs
  MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL, MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING,
  MLFLOW_SYSTEM_METRICS_NODE_ID   how often, how many make one point, and the machine's name
  MLFLOW_S3_ENDPOINT_URL   the service of artifacts at s3://, where it is not Amazon's
  MLFLOW_S3_IGNORE_TLS     true: do not check its certificate
  AWS_CA_BUNDLE            the file of its certificate authority
  AWS_S3_ADDRESSING_STYLE  path or virtual: where the bucket stands in addresses; auto
  MLFLOW_S3_UPLOAD_EXTRA_ARGS   boto3's arguments of an upload, in JSON
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE, AWS_REGION and other
                           variables of AWS mean what they mean to its programs
  MLMANAGER_JOURNAL_DIR    where journals are kept
  MLMANAGER_HISTORY        where sessions keep what was typed, or off; else
                           $XDG_STATE_HOME/mlmanager/history
  NO_COLOR                 not empty: no colour
  PAGER                    the pager; else less -FRX
]],
  },
  {
    name = "status", title = "exit status", summary = "what the exit status means",
    text = [[
  0     done
  1     it failed: the sentence on standard error says why
  2     the command line means nothing, or its filter does not
  129   ended by SIGHUP: the terminal went away
  130   ended by Ctrl-C
  143   ended by SIGTERM

A script ends with the status that it gives os.exit, and with 1 after an error.
]],
  },
}
