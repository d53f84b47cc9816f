# SPDX-License-Identifier: Apache-2.0
"""mlflow_peer.py DIRECTORY [quick]: the same work through MLflow on a store of its own.

Prints peer lines for table.lua; the names are those of our figures.
"""

import os
import resource
import statistics
import subprocess
import sys
import time

# MLflow would ask the network.
os.environ.update(
    MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true", GIT_PYTHON_REFRESH="quiet"
)

ONE_METRIC = """
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("bench")
with mlflow.start_run():
    mlflow.log_metric("loss", 0.3)
"""


def peer(name, unit, value, what):
    print(f"peer\t{name}\t{unit}\t{value:.6g}\t{what}", flush=True)


def cold_start(directory, name, uri, fresh):
    times = []
    for i in range(1 if fresh else 3):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", ONE_METRIC, uri],
            check=True,
            cwd=directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        times.append((time.perf_counter() - start) * 1e3)
    peer(name, "ms", statistics.median(times), "import, set_experiment, start_run, log_metric")


def main():
    directory = sys.argv[1]
    quick = sys.argv[2:] == ["quick"]
    uri = f"sqlite:///{directory}/mlflow-peer.db"
    cold_start(directory, "cold start, new store", uri, True)
    cold_start(directory, "cold start, store exists", uri, False)

    import mlflow
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

    mlflow.set_tracking_uri(uri)
    client = MlflowClient()
    experiment = mlflow.set_experiment("bench").experiment_id

    times = []
    with mlflow.start_run() as run:
        for i in range(100 if quick else 500):
            start = time.perf_counter()
            mlflow.log_metric("loss", i * 0.37, step=i)
            times.append((time.perf_counter() - start) * 1e9)
    peer("log_metric from C", "ns", statistics.median(times), "log_metric, from Python")
    peer("log_metric from Lua", "ns", statistics.median(times), "log_metric, from Python")

    times = []
    for _ in range(10 if quick else 50):
        start = time.perf_counter()
        client.set_terminated(client.create_run(experiment).info.run_id)
        times.append((time.perf_counter() - start) * 1e6)
    peer("start + end of a run", "us", statistics.median(times), "create_run, set_terminated")

    count = 10_000 if quick else 100_000
    start = time.perf_counter()
    with mlflow.start_run() as run:
        for first in range(0, count, 1000):
            now = int(time.time() * 1000)
            client.log_batch(
                run.info.run_id,
                metrics=[Metric("loss", i * 0.37, now, i) for i in range(first, first + 1000)],
            )
    rate = count / (time.perf_counter() - start) / 1000
    peer("sustained until queryable", "k/s", rate, f"log_batch of 1000, {count // 1000}k points")

    start = time.perf_counter()
    history = client.get_metric_history(run.info.run_id, "loss")
    elapsed = (time.perf_counter() - start) * 1e3
    assert len(history) == count
    name = "get_metric_history of 100k points" if quick else "get_metric_history of 1M points"
    scale = 100_000 / count if quick else 1_000_000 / count
    peer(name, "ms", elapsed * scale, f"get_metric_history of {count // 1000}k, times {scale:g}")
    peer(
        "memory of the host during 1M points",
        "MB",
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "this process",
    )

    store = mlflow.tracking._tracking_service.utils._get_store()
    run_count = 200 if quick else 1000
    for i in range(run_count):
        made = store.create_run(experiment, "u", 1700000000000 + i, [], f"run-{i}")
        now = 1700000000000 + i
        names = ("loss", "accuracy", "val_loss", "val_accuracy", "auc")
        store.log_batch(
            made.info.run_id,
            [Metric(key, (i * 7919 % 1000) / 1000, now, 9) for key in names],
            [],
            [],
        )
    times = []
    for _ in range(3):
        start = time.perf_counter()
        client.search_runs(
            [experiment], "metrics.loss < 0.5", order_by=["metrics.accuracy DESC"]
        )
        times.append((time.perf_counter() - start) * 1e3)
    name = "search_runs over 2k runs" if quick else "search_runs over 10k runs"
    peer(
        name + ", filter + order",
        "ms",
        statistics.median(times),
        f"search_runs over {run_count} runs only",
    )


main()
