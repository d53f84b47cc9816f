# SPDX-License-Identifier: Apache-2.0
"""server_peer.py HOST LIBRARY DIRECTORY [quick]: logging to MLflow's own tracking server,
and copying runs to it.

Prints figures and peer lines for table.lua. What the server takes at all is measured by sending it
requests of 1000 points that were made beforehand, over one connection, in turns with our flusher.
"""

import http.client
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

os.environ.update(
    MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true", GIT_PYTHON_REFRESH="quiet",
    MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT="true", MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
)
BATCH = 1000
START_S_MAX = 180


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_server(directory, port):
    log = open(directory / "server.log", "wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
         "--workers", "1", "--backend-store-uri", f"sqlite:///{directory}/server.db",
         "--artifacts-destination", str(directory / "artifacts")],
        stdout=log, stderr=log, cwd=directory, start_new_session=True)
    end = time.monotonic() + START_S_MAX
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return server
        except OSError:
            if time.monotonic() > end or server.poll() is not None:
                raise
            time.sleep(0.2)


def ours(host, library, script, store, points):
    done = subprocess.run([host, script, library, store, str(points)], check=True, text=True,
                          stdout=subprocess.PIPE)
    nanoseconds, elapsed = map(float, done.stdout.split())
    return nanoseconds, points / elapsed


def sync(host, source, url, points):
    """Points a second of `mlmanager sync`, the start of the process included."""
    start = time.perf_counter()
    done = subprocess.run([host, "sync", "--store", source, "--to", url], check=True, text=True,
                          stdout=subprocess.PIPE)
    elapsed = time.perf_counter() - start
    assert "%d points" % points in done.stdout and "1 of them new" in done.stdout, done.stdout
    return points / elapsed


def limit(port, run_id, points):
    bodies = [json.dumps({"run_id": run_id, "metrics": [
        {"key": "loss", "value": i * 0.5, "timestamp": 1700000000000 + i, "step": i}
        for i in range(begin, begin + BATCH)]}) for begin in range(0, points, BATCH)]
    connection = http.client.HTTPConnection("127.0.0.1", port)
    start = time.perf_counter()
    for body in bodies:
        connection.request("POST", "/api/2.0/mlflow/runs/log-batch", body,
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
    return points / (time.perf_counter() - start)


def mlflow_calls(url, quick):
    import mlflow

    mlflow.set_tracking_uri(url)
    mlflow.set_experiment("bench")
    kinds = {"log_metric, synchronous": True, "log_metric, asynchronous": False}
    for name, synchronous in kinds.items():
        times = []
        with mlflow.start_run():
            for i in range(30 if quick else 200):
                start = time.perf_counter()
                mlflow.log_metric("loss", i * 0.37, step=i, synchronous=synchronous)
                times.append((time.perf_counter() - start) * 1e9)
        value = statistics.median(times)
        print(f"peer\tlog_metric to a server\tns\t{value:.6g}\t{name}", flush=True)


def main():
    host, library, directory = sys.argv[1:4]
    quick = sys.argv[4:] == ["quick"]
    script = str(pathlib.Path(__file__).with_name("server_calls.lua"))
    directory = pathlib.Path(directory) / "server"
    directory.mkdir()
    os.environ["XDG_STATE_HOME"] = str(directory)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = start_server(directory, port)
    try:
        points = 10_000 if quick else 40_000
        embedded, calls, rates, limits, syncs = [], [], [], [], []
        ours(host, library, script, url, BATCH)  # the server's first requests are its slowest
        from mlflow import MlflowClient

        client = MlflowClient(url)
        experiment = client.get_experiment_by_name("bench").experiment_id
        for turn in range(3):
            run_id = client.create_run(experiment).info.run_id
            limits.append(limit(port, run_id, points))
            call, rate = ours(host, library, script, url, points)
            calls.append(call)
            rates.append(rate)
            store = f"sqlite:{directory}/embedded{turn}.db"
            embedded.append(ours(host, library, script, store, points)[0])
            syncs.append(sync(host, store, url, points))
        print("figure\tlog_metric to a server\tns\t%.6g\t%.6g\t%s\t%s" % (
            min(calls), min(embedded), "the same with the embedded store", "ratio < 1.25"))
        print("figure\tflusher to a server\tpoints/s\t%.6g\t%.6g\t%s\t%s" % (
            max(rates), max(limits), "its log-batch, 1000 a request", "ratio >= 0.9"), flush=True)
        print("figure\tsync to a server\tpoints/s\t%.6g\t%.6g\t%s\t" % (
            max(syncs), max(limits), "its log-batch, 1000 a request"), flush=True)
        mlflow_calls(url, quick)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


if __name__ == "__main__":
    main()
