# SPDX-License-Identifier: Apache-2.0
"""Compares what is sampled of the machine with psutil, and its names with MLflow's own monitors.

MLMANAGER_HOST names the host program; the readings come from the C test beside it.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import psutil
from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

HOST = pathlib.Path(os.environ["MLMANAGER_HOST"]).resolve()
TICKS = os.sysconf("SC_CLK_TCK")
NEAR_BYTES = 512e6  # others use memory and disk while this runs
NEAR_PERCENT = 5

SCRIPT = """
local manager = require("mlmanager").MLManager { system_metrics = true }
manager:create_experiment("system")
manager:start_run()
local id = manager.current_run_id
repeat
  local points = manager:get_metric_history(id, "system/cpu_utilization_percentage")
until #points >= 3
manager:end_run()
for key, value in pairs(manager:get_run(id).data.metrics) do
  print(key, value)
end
"""

passed = failed = 0


def check(name, ok, *shown):
    global passed, failed
    if ok:
        passed += 1
        print("ok  ", name)
    else:
        failed += 1
        print("FAIL", name, *shown)


def psutil_readings():
    memory = psutil.virtual_memory()
    network = psutil.net_io_counters()
    disk = psutil.disk_usage("/")
    cpu = psutil.cpu_times()
    busy = [cpu.user, cpu.nice, cpu.system, cpu.irq, cpu.softirq, cpu.steal]
    idle = cpu.idle + cpu.iowait
    return {
        "memory total": memory.total,
        "memory used": memory.total - memory.available,
        "network received": network.bytes_recv,
        "network sent": network.bytes_sent,
        "disk used": disk.used,
        "disk available": disk.free,
        "cpu ticks": round((sum(busy) + idle) * TICKS),
        "cpu idle ticks": round(idle * TICKS),
    }


def compare_readings():
    before = psutil_readings()
    test = HOST.parent / "tests" / "system_sample_test"
    text = subprocess.run([test, "--print"], check=True, capture_output=True, text=True).stdout
    after = psutil_readings()
    ours = dict(zip(before, map(int, text.split()), strict=True))
    check("memory total", ours["memory total"] == before["memory total"], ours, before)
    for name in ("memory used", "disk used", "disk available"):
        low, high = sorted((before[name], after[name]))
        check(name, low - NEAR_BYTES <= ours[name] <= high + NEAR_BYTES, low, ours[name], high)
    for name in ("network received", "network sent", "cpu ticks", "cpu idle ticks"):
        # These only grow; a tick of rounding for each of the fields that are summed.
        low, high = before[name] - 8, after[name] + 8
        check(name, low <= ours[name] <= high, low, ours[name], high)


def mlflow_metrics():
    metrics = {}
    for monitor in (CPUMonitor(), DiskMonitor(), NetworkMonitor()):
        monitor.collect_metrics()
        metrics.update(monitor.aggregate_metrics())
    return {"system/" + key: value for key, value in metrics.items()}


def compare_logged():
    with tempfile.TemporaryDirectory() as directory:
        script = pathlib.Path(directory) / "system.lua"
        script.write_text(SCRIPT)
        environment = dict(os.environ, MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL="0.1")
        result = subprocess.run(
            [HOST, script], cwd=directory, env=environment, capture_output=True, text=True
        )
    check("the script ends well", result.returncode == 0, result.stderr)
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    ours = {key: float(value) for key, value in lines}
    theirs = mlflow_metrics()
    check("MLflow's names", sorted(ours) == sorted(theirs), sorted(ours), sorted(theirs))
    for key in ("system_memory_usage_percentage", "disk_usage_percentage"):
        name = "system/" + key
        near = abs(ours.get(name, -100) - theirs[name]) <= NEAR_PERCENT
        check(name, near, ours.get(name), theirs[name])
    for key in ("disk_usage_megabytes", "disk_available_megabytes"):
        name = "system/" + key
        near = abs(ours.get(name, -1e9) - theirs[name]) * 1e6 <= NEAR_BYTES
        check(name, near, ours.get(name), theirs[name])


compare_readings()
compare_logged()
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
