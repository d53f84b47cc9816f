# SPDX-License-Identifier: Apache-2.0
"""Archives and directories of runs, between mlmanager and MLflow's file store.

MLflow opens what `mlmanager export` wrote where it is unpacked, and reads of it what it reads of
the store itself; `mlmanager import` takes what MLflow wrote into a directory; MLflow opens a store
after `mlmanager gc`. Runs under MLflow 3.17.2; MLFLOW_OLD_PYTHON is the python of a venv with
MLflow 2.8.0, which does the same.

Called by itself as `mlruns.py dump URI` or `build URI`, under either MLflow.
"""

import contextlib
import hashlib
import json
import math
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import traceback

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
# MLflow keeps its file store for old directories only.
os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")

HOST = os.environ.get("MLMANAGER_HOST", "")
SCRIPT = """
local m = require "mlmanager"
m.create_experiment { name = "vision ü: 1", tags = { team = "pd", ["a/b"] = "x" } }
m.start_run { run_name = "outer: 'x' # 1", tags = { note = "# Title\\n\\ttext", ["a/b"] = "1" } }
m.log_params { lr = 0.1, ["p/q"] = "läßt 100%", empty = "" }
for i = 1, 3000 do m.log_metric("loss", 1 / i) end
for i, value in ipairs { 0 / 0, math.huge, -math.huge, -1e-300, 0.1 } do
  m.log_metric("odd/values", value, { step = 7 - i, timestamp = 1000 + i })
end
m.start_run { run_name = "inner", nested = true }
m.log_metric("loss", 2)
m.end_run "FAILED"
m.end_run()
m.start_run { run_name = "gone" }
local gone = m.current_run_id
m.end_run()
m.delete_run(gone)
m.create_experiment "dead"
m.start_run { run_name = "in dead" }
m.end_run()
m.delete_experiment(m.experiment_id)
"""


# ---- under either MLflow ----


def artifacts_of(client, run_id, path=None):
    found = {}
    for entry in client.list_artifacts(run_id, path):
        if entry.is_dir:
            found.update(artifacts_of(client, run_id, entry.path))
        else:
            with tempfile.TemporaryDirectory() as folder:
                local = client.download_artifacts(run_id, entry.path, folder)
                found[entry.path] = hashlib.sha256(open(local, "rb").read()).hexdigest()
    return found


def dump(uri):
    """Every experiment and run by MlflowClient, without what a copy has of its own."""
    from mlflow.entities import ViewType
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    lines = []
    for experiment in client.search_experiments(view_type=ViewType.ALL, max_results=1000):
        lines.append({"kind": "experiment", "name": experiment.name, "tags": experiment.tags,
                      "stage": experiment.lifecycle_stage})
        for run in client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL,
                                      max_results=1000):
            run_id = run.info.run_id
            lines.append({
                "kind": "run", "id": run_id, "name": run.info.run_name,
                "experiment": experiment.name, "user": run.info.user_id,
                "status": run.info.status, "stage": run.info.lifecycle_stage,
                "start": run.info.start_time, "end": run.info.end_time,
                "params": run.data.params, "tags": run.data.tags,
                "history": {key: sorted([m.timestamp, m.step, repr(m.value)] for m in
                                        client.get_metric_history(run_id, key))
                            for key in run.data.metrics},
                "inputs": sorted(
                    [i.dataset.name, i.dataset.digest, i.dataset.source_type, i.dataset.source,
                     i.dataset.schema or "", i.dataset.profile or "",
                     sorted([tag.key, tag.value] for tag in i.tags)]
                    for i in run.inputs.dataset_inputs),
                "artifacts": artifacts_of(client, run_id),
            })
    return sorted(lines, key=lambda line: (line["kind"], line.get("id") or line["name"]))


def build(uri):
    """Writes what a user of MLflow writes; only what 2.8 has as well."""
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    kept = client.create_experiment("mlflow ü: 1", tags={"team": "pd"})
    dead = client.create_experiment("dead one")
    parent = client.create_run(kept, tags={"mlflow.user": "grace"}, run_name="outer").info.run_id
    child = client.create_run(kept, tags={"mlflow.parentRunId": parent}).info.run_id
    lost = client.create_run(kept).info.run_id
    client.create_run(dead)
    client.log_batch(parent, [Metric("m%d" % (i % 7), i * 0.5, 1000 + i, i) for i in range(700)],
                     [Param("p/%d" % i, "värde: %d" % i) for i in range(20)],
                     [RunTag("t %d" % i, "x\n" * i) for i in range(20)])
    for step, value in enumerate([1.5, math.nan, 1e300, -1e-300, 0.1]):
        client.log_metric(child, "odd", value, timestamp=2000 - step, step=step)
    client.log_inputs(parent, [
        DatasetInput(Dataset("train: 1", "d1", "local", '{"uri": "/x: y"}', schema="{}"),
                     [InputTag("mlflow.data.context", "training")]),
        DatasetInput(Dataset("test", "d2", "local", "null"), [])])
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model ü.bin"
        path.write_bytes(os.urandom(100000))
        client.log_artifact(child, str(path), "deep/er")
    client.set_terminated(parent, "FINISHED")
    client.set_terminated(child, "KILLED", end_time=5)
    client.delete_run(lost)
    client.delete_experiment(dead)


# ---- under the newer one ----


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def run(self, test, *arguments):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="mlm-mlruns-"))
        before = os.getcwd()
        try:
            os.chdir(folder)
            test(folder, *arguments)
        except Exception:
            self.failed += 1
            print("FAIL %s %s" % (test.__name__, " ".join(map(str, arguments))))
            traceback.print_exc(file=sys.stdout)
        else:
            self.passed += 1
            print("ok   %s %s" % (test.__name__, " ".join(map(str, arguments))))
        finally:
            os.chdir(before)
            shutil.rmtree(folder, ignore_errors=True)


def mlmanager(*words, script=None):
    result = subprocess.run([HOST, *words], input=script, capture_output=True, text=True)
    assert result.returncode == 0 and result.stderr == "", (words, result)
    return result.stdout


def under(python, *words):
    result = subprocess.run([python, os.path.abspath(__file__), *words], capture_output=True,
                            text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def compare(left, right):
    assert [line.get("id", line["kind"]) for line in left] \
        == [line.get("id", line["kind"]) for line in right], (left, right)
    for a, b in zip(left, right):
        for key in a:
            assert a[key] == b[key], (a.get("id"), key, a[key], b[key])
    assert any(line["kind"] == "run" for line in left)


def without_default(lines):
    return [line for line in lines if line.get("name") != "Default"]


def make_store():
    mlmanager("-", script=SCRIPT)
    with contextlib.closing(sqlite3.connect("mlmanager.db")) as db:
        uri = db.execute("SELECT artifact_uri FROM runs WHERE name = 'inner'").fetchone()[0]
    place = pathlib.Path(uri) / "sub dir"
    place.mkdir(parents=True)
    (place / "m ü.bin").write_bytes(os.urandom(50000))
    (place.parent / "empty").write_bytes(b"")


def mlflow_opens_an_unpacked_archive(folder, python, suffix):
    make_store()
    expected = under(sys.executable, "dump", "sqlite:///mlmanager.db")
    mlmanager("export", "--all", "-o", "all" + suffix)
    shutil.unpack_archive("all" + suffix, folder / "unpacked")
    os.chdir(folder / "unpacked")
    compare(under(python, "dump", "file:" + str(folder / "unpacked" / "mlruns")), expected)


def a_directory_of_mlflows_is_imported(folder, python):
    uri = "file:" + str(folder / "mlruns")
    under(python, "build", uri)
    expected = without_default(under(python, "dump", uri))
    mlmanager("import", "mlruns")
    compare(without_default(under(sys.executable, "dump", "sqlite:///mlmanager.db")), expected)
    mlmanager("import", "mlruns")
    compare(without_default(under(sys.executable, "dump", "sqlite:///mlmanager.db")), expected)


def mlflow_opens_a_store_after_gc(folder):
    make_store()
    expected = [line for line in under(sys.executable, "dump", "sqlite:///mlmanager.db")
                if line["stage"] == "active"]
    mlmanager("gc", "--yes", "--compact")
    compare(under(sys.executable, "dump", "sqlite:///mlmanager.db"), expected)
    mlmanager("doctor")


def gc_takes_what_mlflow_deleted(folder):
    under(sys.executable, "build", "sqlite:///theirs.db")
    expected = [line for line in under(sys.executable, "dump", "sqlite:///theirs.db")
                if line["stage"] == "active"]
    mlmanager("gc", "--yes", "--store", "sqlite:theirs.db")
    compare(under(sys.executable, "dump", "sqlite:///theirs.db"), expected)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "dump":
        for line in dump(sys.argv[2]):
            print(json.dumps(line))
        return 0
    if len(sys.argv) == 3 and sys.argv[1] == "build":
        build(sys.argv[2])
        return 0
    report = Report()
    old = os.environ["MLFLOW_OLD_PYTHON"]
    report.run(mlflow_opens_an_unpacked_archive, sys.executable, ".tar.gz")
    report.run(mlflow_opens_an_unpacked_archive, old, ".zip")
    report.run(a_directory_of_mlflows_is_imported, sys.executable)
    report.run(a_directory_of_mlflows_is_imported, old)
    report.run(mlflow_opens_a_store_after_gc)
    report.run(gc_takes_what_mlflow_deleted)
    print("%d passed, %d failed" % (report.passed, report.failed))
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
