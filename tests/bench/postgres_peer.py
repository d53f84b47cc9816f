# SPDX-License-Identifier: Apache-2.0
"""postgres_peer.py URI POINTS: MLflow logs so many points in batches of 1000; prints points/s."""

import os
import sys
import time

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", GIT_PYTHON_REFRESH="quiet")
BATCH = 1000


def main():
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

    client = MlflowClient(sys.argv[1])
    points = int(sys.argv[2])
    experiment = client.get_experiment_by_name("bench")
    experiment_id = experiment.experiment_id if experiment else client.create_experiment("bench")
    run_id = client.create_run(experiment_id).info.run_id
    batches = [[Metric("loss", i * 0.5, 1700000000000 + i, i) for i in range(begin, begin + BATCH)]
               for begin in range(0, points, BATCH)]
    start = time.perf_counter()
    for batch in batches:
        client.log_batch(run_id, batch)
    print("%.6g" % (points / (time.perf_counter() - start)))


if __name__ == "__main__":
    main()
