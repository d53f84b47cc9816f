# SPDX-License-Identifier: Apache-2.0
"""One store, two programs: MLflow and we read what the other wrote, and change nothing else.

Each comparison is of a whole store: every experiment, run, param, tag, input and metric history as
MlflowClient tells it and as our store does (the program mlflow_store_driver). Runs under MLflow
3.17.2; MLFLOW_OLD_PYTHON is the python of a venv with MLflow 2.8.0. The stores are SQLite files, or
databases of the PostgreSQL server whose URI without a database is MLMANAGER_TEST_POSTGRES.

Called by itself as `mlflow_store.py dump URI` or `build URI`, under either MLflow.
"""

import contextlib
import json
import math
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
NEW_REVISION = "dc11669786a5"
OLD_REVISION = "acf3f17fdcc7"
POSTGRES = os.environ.get("MLMANAGER_TEST_POSTGRES", "")
SERVER_START_S_MAX = 90


# ---- under either MLflow ----


def dump(uri):
    """Every experiment and run of a store, by MlflowClient."""
    from mlflow.entities import ViewType
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    lines = []
    for experiment in client.search_experiments(view_type=ViewType.ALL, max_results=1000):
        lines.append({"kind": "experiment", "id": experiment.experiment_id, "name": experiment.name,
                      "location": experiment.artifact_location, "tags": experiment.tags,
                      "stage": experiment.lifecycle_stage, "created": experiment.creation_time,
                      "updated": experiment.last_update_time})
        for run in client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL,
                                      max_results=1000):
            lines.append(dump_run(client, run))
    return lines


def dump_run(client, run):
    latest = {metric.key: metric for metric in run.data._metric_objs}
    return {
        "kind": "run", "id": run.info.run_id, "name": run.info.run_name,
        "experiment": run.info.experiment_id, "user": run.info.user_id,
        "artifacts": run.info.artifact_uri, "status": run.info.status,
        "stage": run.info.lifecycle_stage, "start": run.info.start_time,
        "end": -1 if run.info.end_time is None else run.info.end_time,
        "params": run.data.params, "tags": run.data.tags,
        "metrics": {key: [m.timestamp, m.step, m.value] for key, m in latest.items()},
        "history": {key: [[m.timestamp, m.step, m.value]
                          for m in client.get_metric_history(run.info.run_id, key)]
                    for key in run.data.metrics},
        "inputs": [{"name": i.dataset.name, "digest": i.dataset.digest, "source": i.dataset.source,
                    "tags": {tag.key: tag.value for tag in i.tags}}
                   for i in run.inputs.dataset_inputs],
    }


def build(uri):
    """Writes what a user of MLflow writes; only what 2.8 has as well."""
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    number = len(client.search_experiments(max_results=1000))
    kept = client.create_experiment("mlflow %d" % number, tags={"team": "pd"})
    gone = client.create_experiment("mlflow gone %d" % number, artifact_location="s3://b/gone")
    client.rename_experiment(kept, "mlflow renamed %d" % number)
    parent = client.create_run(kept, tags={"mlflow.user": "grace"}, run_name="outer")
    parent_id = parent.info.run_id
    child = client.create_run(kept, tags={"mlflow.parentRunId": parent_id})
    lost = client.create_run(kept)
    client.create_run(gone)
    client.log_param(parent_id, "lr", 0.1)
    client.log_batch(parent_id, [Metric("m%d" % (i % 7), i * 0.5, 1000 + i, i) for i in range(700)],
                     [Param("p %d" % i, "värde %d" % i) for i in range(20)],
                     [RunTag("t/%d" % i, "x" * i) for i in range(20)])
    for step, value in enumerate([1.5, math.nan, math.inf, -math.inf, 0.25]):
        client.log_metric(child.info.run_id, "odd", value, timestamp=2000 - step, step=step)
    # Later in time, earlier in steps: not the latest.
    client.log_metric(child.info.run_id, "back", 1, timestamp=1, step=9)
    client.log_metric(child.info.run_id, "back", 2, timestamp=2, step=3)
    for run_id in (parent_id, child.info.run_id):
        client.log_inputs(run_id, [
            DatasetInput(Dataset("train", "d1", "local", '{"uri": "/x"}', schema="{}"),
                         [InputTag("mlflow.data.context", "training")]),
            DatasetInput(Dataset("test", "d2", "local", '{"uri": "/y"}'), [])])
    client.set_terminated(parent_id, "FINISHED")
    client.set_terminated(child.info.run_id, "KILLED", end_time=5)
    client.delete_run(lost.info.run_id)
    client.delete_run(parent_id)
    client.restore_run(parent_id)
    client.delete_tag(parent_id, "t/3")
    client.delete_experiment(gone)


# ---- under the newer one ----


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def run(self, test, *arguments):
        try:
            test(*arguments)
        except Exception:
            self.failed += 1
            traceback.print_exc()
            print("FAIL " + test.__name__)
        else:
            self.passed += 1
            print("ok " + test.__name__)
        sys.stdout.flush()


def driver(path, *arguments):
    program = pathlib.Path(os.environ["MLMANAGER_HOST"]).parent / "peers" / "mlflow_store_driver"
    done = subprocess.run([program, our_uri(path), *arguments], stdout=subprocess.PIPE,
                          check=True, timeout=120, text=True)
    return [json.loads(line) if line.startswith("{") else line
            for line in done.stdout.splitlines()]


def old_mlflow(*arguments):
    done = subprocess.run([os.environ["MLFLOW_OLD_PYTHON"], __file__, *arguments],
                          stdout=subprocess.PIPE, check=True, timeout=300, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def our_uri(path):
    return POSTGRES + "/" + database(path) if POSTGRES else "sqlite:" + str(path)


def mlflow_uri(path):
    if POSTGRES:
        return "postgresql+psycopg2" + POSTGRES[len("postgresql"):] + "/" + database(path)
    return "sqlite:///" + str(path)


def rows(name, sql):
    import psycopg2

    connection = psycopg2.connect(POSTGRES + "/" + name)
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def database(path):
    """The database in the place of the file; it is made when it is named first."""
    name = pathlib.Path(path).stem
    if (name,) not in rows("postgres", "SELECT datname FROM pg_database"):
        rows("postgres", 'CREATE DATABASE "%s"' % name)
    return name


# What PostgreSQL says of its tables, with the name of the table first.
CATALOG = {
    "column": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               a.attidentity, pg_get_expr(d.adbin, d.adrelid)
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
              AND c.relnamespace = 'public'::regnamespace""",
    "constraint": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace""",
    "index": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "trigger": """
        SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger
        WHERE NOT tgisinternal""",
}


def catalog(name):
    return {(kind, *row) for kind, sql in CATALOG.items() for row in rows(name, sql)
            if not row[0].startswith("mlm_")}


def schema(path):
    """What a migration would change: the tables of MLflow, their indexes and the revision."""
    version = "SELECT version_num FROM alembic_version"
    if POSTGRES:
        return catalog(database(path)), rows(database(path), version)
    with sqlite3.connect(path) as db:
        return (sorted(db.execute("SELECT type, name, sql FROM sqlite_master "
                                  "WHERE tbl_name NOT LIKE 'mlm\\_%' ESCAPE '\\'").fetchall()),
                db.execute(version).fetchall())


def comparable(lines, order):
    """NaN compares as text; inputs have no order. The order of histories is for the caller."""
    def plain(value):
        if isinstance(value, float) and math.isnan(value):
            return "NaN"
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return value
    for line in lines:
        if "inputs" in line:
            line["inputs"].sort(key=lambda item: (item["name"], item["digest"]))
            line["history"] = {key: order(points) for key, points in line["history"].items()}
    return {(line["kind"], line["id"]): plain(line) for line in lines}


def require_same(ours, theirs, order=list):
    """MLflow 2.8 gives histories in the order of the database: sorted is the order of both then."""
    ours, theirs = comparable(ours, order), comparable(theirs, order)
    assert ours.keys() == theirs.keys(), (ours.keys() ^ theirs.keys())
    for key, line in ours.items():
        for name, value in line.items():
            assert value == theirs[key][name], (key, name, value, theirs[key][name])


def mlflow_reads_what_we_wrote(folder):
    path = folder / "ours.db"
    ids = driver(path, "write", "aaaaaaaa")[0]
    before = schema(path)
    assert before[1] == [(NEW_REVISION,)], before[1]
    theirs = dump(mlflow_uri(path))
    require_same(driver(path, "dump"), theirs)
    runs = {line["id"]: line for line in theirs if line["kind"] == "run"}
    parent, child = runs[ids["parent"]], runs[ids["child"]]
    assert child["tags"]["mlflow.parentRunId"] == ids["parent"]
    assert parent["name"] == parent["tags"]["mlflow.runName"] == "renamed"
    assert (parent["status"], child["status"]) == ("FAILED", "FINISHED")
    assert parent["params"] == {"lr": "0.1", "a b/c": "läßt", "empty": ""}
    assert len(parent["history"]["loss"]) == 1000
    assert sum(math.isnan(value) for _, _, value in parent["history"]["odd/values"]) == 1
    assert len(runs) == 4 and sum(run["stage"] == "deleted" for run in runs.values()) == 2
    assert schema(path) == before, "MLflow changed the schema"


def mlflow_writes_into_our_store(folder):
    path = folder / "shared.db"
    driver(path, "write", "bbbbbbbb")
    before = schema(path)
    build(mlflow_uri(path))
    build(mlflow_uri(path))
    driver(path, "write", "cccccccc")
    require_same(driver(path, "dump"), dump(mlflow_uri(path)))
    assert schema(path) == before, "the schema changed"
    assert driver(path, "check") == [], driver(path, "check")


def we_use_a_store_of_mlflow(folder):
    path = folder / "mlflow.db"
    build(mlflow_uri(path))
    before = schema(path)
    require_same(driver(path, "dump"), dump(mlflow_uri(path)))
    driver(path, "write", "dddddddd")
    require_same(driver(path, "dump"), dump(mlflow_uri(path)))
    assert schema(path) == before, "the schema changed"
    assert driver(path, "check") == [], driver(path, "check")


def we_use_a_store_of_mlflow_2_8(folder):
    path = folder / "old.db"
    old_mlflow("build", mlflow_uri(path))
    before = schema(path)
    assert before[1] == [(OLD_REVISION,)], before[1]
    require_same(driver(path, "dump"), old_mlflow("dump", mlflow_uri(path)), sorted)
    driver(path, "write", "eeeeeeee")
    old_mlflow("build", mlflow_uri(path))
    require_same(driver(path, "dump"), old_mlflow("dump", mlflow_uri(path)), sorted)
    assert schema(path) == before, "the schema changed"
    assert driver(path, "check") == [], driver(path, "check")


def mlflow_migrates_an_old_store_that_we_used(folder):
    """Later the user's own MLflow may migrate it: our table is not in its way."""
    path = folder / "old.db"
    ours = driver(path, "dump")
    dump(mlflow_uri(path))
    assert schema(path)[1] == [(NEW_REVISION,)], schema(path)[1]
    require_same(driver(path, "dump"), ours)
    driver(path, "write", "ffffffff")
    require_same(driver(path, "dump"), dump(mlflow_uri(path)))


def our_schema_is_mlflows(folder):
    """As SQLAlchemy reflects it, which is how alembic finds what it changes."""
    import sqlalchemy

    driver(folder / "schema-ours.db", "check")
    dump(mlflow_uri(folder / "schema-mlflow.db"))
    ours, theirs = (sqlalchemy.inspect(sqlalchemy.create_engine(mlflow_uri(folder / name)))
                    for name in ("schema-ours.db", "schema-mlflow.db"))
    tables = sorted(theirs.get_table_names())
    assert sorted(name for name in ours.get_table_names() if not name.startswith("mlm_")) == tables
    for table in tables:
        assert columns_of(ours, table) == columns_of(theirs, table), table
        for what in ("foreign_keys", "unique_constraints", "check_constraints"):
            left, right = (
                sorted(json.dumps(item, sort_keys=True)
                       for item in getattr(side, "get_" + what)(table))
                for side in (ours, theirs))
            assert left == right, (table, what, left, right)
        left, right = ours.get_pk_constraint(table), theirs.get_pk_constraint(table)
        left_indexes, right_indexes = indexes_of(ours, table), indexes_of(theirs, table)
        if table == "metrics":
            # Clustered: the same columns in another order, the indexes kept for their names.
            assert left["name"] == right["name"] == "metric_pk"
            assert sorted(left["constrained_columns"]) == sorted(right["constrained_columns"])
            left_indexes = [index[:3] for index in left_indexes]
            right_indexes = [index[:3] for index in right_indexes]
        else:
            assert left == right, (table, left, right)
        assert left_indexes == right_indexes, (table, left_indexes, right_indexes)


# The clustered key serves as the two indexes do, of which only the names are kept.
DIFFERENT = {("constraint", "metrics", "metric_pk"), ("index", "metrics", "metric_pk"),
             ("index", "metrics", "index_metrics_run_uuid"),
             ("index", "metrics", "index_metrics_run_uuid_key_step")}


def postgres_says_the_same_of_both_schemas(folder):
    ours, theirs = (catalog(database(folder / name)) for name in ("schema-ours", "schema-mlflow"))
    differences = {row[:3] for row in ours ^ theirs}
    assert differences == DIFFERENT, sorted(ours ^ theirs, key=str)
    # By the same names.
    assert {row[:3] for row in ours} == {row[:3] for row in theirs}


def columns_of(inspector, table):
    return sorted((column["name"], str(column["type"]), column["nullable"], column["default"],
                   str(column.get("computed"))) for column in inspector.get_columns(table))


def indexes_of(inspector, table):
    return sorted((index["name"], index["column_names"], index["unique"],
                   str(index.get("dialect_options"))) for index in inspector.get_indexes(table))


def mlflows_server_answers_on_our_store(folder):
    path = folder / "served.db"
    ids = driver(path, "write", "abababab")[0]
    before = schema(path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = open(folder / "server.log", "w")
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", mlflow_uri(path),
         "--host", "127.0.0.1", "--port", str(port), "--workers", "1"],
        stdout=log, stderr=log, cwd=folder, start_new_session=True)
    try:
        base = "http://127.0.0.1:%d" % port
        wait_until_up(server, base + "/health")
        answer = call(base + "/api/2.0/mlflow/runs/search", {
            "experiment_ids": [ids["experiment"]], "filter": "params.lr = '0.1'"})
        assert [run["info"]["run_id"] for run in answer["runs"]] == [ids["parent"]], answer
        answer = call(base + "/ajax-api/2.0/mlflow/runs/search",
                      {"experiment_ids": [ids["experiment"]]})
        assert {run["info"]["run_id"] for run in answer["runs"]} == {ids["parent"], ids["child"]}
        page = urllib.request.urlopen(base + "/", timeout=30).read()
        assert b"<html" in page.lower()
    finally:
        stop(server)
        log.close()
    assert schema(path) == before, "the server changed the schema"


def wait_until_up(server, url):
    deadline = time.monotonic() + SERVER_START_S_MAX
    while True:
        assert server.poll() is None, "the server ended with status %d" % server.returncode
        try:
            if urllib.request.urlopen(url, timeout=5).status == 200:
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, "the server did not come up"
        time.sleep(0.1)


def call(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def stop(server):
    """With its workers, which are of its session."""
    os.killpg(server.pid, 15)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, 9)
        server.wait()


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "dump":
        for line in dump(sys.argv[2]):
            print(json.dumps(line))
        return 0
    if len(sys.argv) == 3 and sys.argv[1] == "build":
        build(sys.argv[2])
        return 0
    report = Report()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mlm-mlflow-store-"))
    # MLflow makes artifact directories where it runs.
    os.chdir(folder)
    try:
        report.run(mlflow_reads_what_we_wrote, folder)
        report.run(mlflow_writes_into_our_store, folder)
        report.run(we_use_a_store_of_mlflow, folder)
        report.run(we_use_a_store_of_mlflow_2_8, folder)
        report.run(mlflow_migrates_an_old_store_that_we_used, folder)
        report.run(our_schema_is_mlflows, folder)
        if POSTGRES:
            report.run(postgres_says_the_same_of_both_schemas, folder)
        report.run(mlflows_server_answers_on_our_store, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("%d passed, %d failed" % (report.passed, report.failed))
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
