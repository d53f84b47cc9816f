# SPDX-License-Identifier: Apache-2.0
"""Artifacts behind a tracking server: the contract on a real MLflow server, the calls of a script,
MLflow's own client beside us, connections that are cut, programs that die in the middle.

Runs under MLflow 3.17.2. MLMANAGER_HOST is our program, beside which the driver lies in peers/.
"""

import os
import pathlib
import socket
import subprocess
import sys
import time

from rest_store import HOST, Proxy, read_message, run_tests



DRIVER = pathlib.Path(HOST).parent / "peers" / "artifact_driver"
ROOT = "mlflow-artifacts:/0/%s/artifacts"
BIG = 256 << 20
RSS_KB_MAX = 64 << 10

SCRIPT = """
local mlmanager = require "mlmanager"
local manager = mlmanager.MLManager{store = arg[1]}
manager.create_experiment "artifacts of a server"
local run = manager.start_run{run_name = "first"}
local id = run.run_id
assert(manager.get_run(id).info.artifact_uri:match "^mlflow%-artifacts:/")
manager.log_artifact(arg[2], "a dir/é.bin")
manager.log_text("one\\n", "note 100%.txt")
manager.end_run()
local names = {}
for _, entry in ipairs(manager.list_artifacts("", id)) do
  names[#names + 1] = entry.path
end
assert(table.concat(names, ",") == "a dir,note 100%.txt", table.concat(names, ","))
assert(manager.retrieve_artifact_stream(id, "note 100%.txt") == "one\\n")
manager.download_artifact("a dir/é.bin", arg[3], id)
local ok, why = pcall(manager.download_artifact, "none", arg[3], id)
assert(not ok and why.code == "not_found", tostring(why))
manager.delete_artifact("note 100%.txt", id)
assert(not pcall(manager.retrieve_artifact_stream, id, "note 100%.txt"))
print(id)
"""


class CuttingProxy(Proxy):
    """Gives half of the first long answer, and then nothing more."""

    has_cut = False

    def pass_one(self, client):
        request = read_message(client)
        if not request:
            return False
        with socket.create_connection(("127.0.0.1", self.target)) as server:
            server.sendall(request)
            answer = read_message(server)
        if len(answer) > 1 << 20 and not self.has_cut:
            self.has_cut = True
            client.sendall(answer[:len(answer) // 2])
            return False
        client.sendall(answer)
        return True


def drive(*arguments, **more):
    return subprocess.run([DRIVER, *map(str, arguments)], stdout=subprocess.PIPE, text=True,
                          timeout=600, **more)


def make_file(path, size):
    path.write_bytes(os.urandom(size))
    return path


# ---- the tests ----


def the_contract_holds(server, folder):
    done = drive("contract", "mlflow-artifacts:/0", server.url,
                 env=dict(os.environ, MLM_TEST_PEER="mlflow"))
    print("".join("     %s\n" % line for line in done.stdout.splitlines()), end="")
    assert done.returncode == 0 and " 0 failed" in done.stdout


def a_script_logs_and_reads(server, folder):
    import mlflow
    script = folder / "script.lua"
    script.write_text(SCRIPT)
    logged = make_file(folder / "logged.bin", 3 << 20)
    done = subprocess.run([HOST, script, server.url, logged, folder / "back.bin"], text=True,
                          stdout=subprocess.PIPE, cwd=folder,
                          env=dict(os.environ, XDG_STATE_HOME=str(folder), HOME=str(folder)))
    assert done.returncode == 0, done
    run_id = done.stdout.strip()
    assert (folder / "back.bin").read_bytes() == logged.read_bytes()
    # MLflow's client reads it, and we read what MLflow's client wrote.
    mlflow.set_tracking_uri(server.url)
    path = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="a dir/é.bin")
    assert pathlib.Path(path).read_bytes() == logged.read_bytes()
    mlflow.MlflowClient().log_text(run_id, "of MLflow", "from/mlflow.txt")
    uri = mlflow.get_run(run_id).info.artifact_uri
    assert drive("get", uri, "from/mlflow.txt", folder / "text", server.url).returncode == 0
    assert (folder / "text").read_text() == "of MLflow"


def a_host_in_the_uri_is_asked(server, folder):
    note = make_file(folder / "note", 10)
    uri = "mlflow-artifacts://127.0.0.1:%d/0/host/artifacts" % server.port
    done = drive("put", uri, "note", note, "http://127.0.0.1:1")
    assert done.returncode == 0, done.stdout
    assert drive("list", ROOT % "host", "", "-", server.url).stdout == "note 10\n"
    done = drive("list", ROOT % "host", "", "-", "sqlite:/x.db")
    assert done.stdout.startswith("unsupported: ") and "tracking server" in done.stdout


def a_connection_that_is_cut_is_tried_again(server, folder):
    logged = make_file(folder / "cut.bin", 5 << 20)
    proxy = Proxy(server.port, before=lambda number, data:
                  None if data.startswith(b"PUT") and number < 4 else data)
    done = drive("put", ROOT % "cut", "x", logged, proxy.url)
    proxy.close()
    assert done.returncode == 0, done.stdout
    proxy = CuttingProxy(server.port)
    done = drive("get", ROOT % "cut", "x", folder / "cut.back", proxy.url)
    proxy.close()
    assert done.returncode == 0 and proxy.has_cut, done.stdout
    assert (folder / "cut.back").read_bytes() == logged.read_bytes()


def a_program_that_dies_leaves_nothing_visible(server, folder):
    program = subprocess.Popen([DRIVER, "put", ROOT % "killed", "half", "-", server.url],
                               stdin=subprocess.PIPE)
    program.stdin.write(bytes(8 << 20))
    program.stdin.flush()
    time.sleep(0.5)
    program.kill()
    program.wait()
    time.sleep(1)
    done = drive("list", ROOT % "killed", "", "-", server.url)
    assert "half" not in done.stdout, done.stdout


def bytes_stream_both_ways(server, folder):
    big = make_file(folder / "big.bin", BIG)
    for action, path in ("put", big), ("get", folder / "big.back"):
        done = drive(action, ROOT % "big", "big", path, server.url,
                     env=dict(os.environ, MLM_TEST_PEAK="1"))
        assert done.returncode == 0 and int(done.stdout) < RSS_KB_MAX, done.stdout
    assert subprocess.run(["cmp", big, folder / "big.back"]).returncode == 0


TESTS = [
    the_contract_holds,
    a_script_logs_and_reads,
    a_host_in_the_uri_is_asked,
    a_connection_that_is_cut_is_tried_again,
    a_program_that_dies_leaves_nothing_visible,
    bytes_stream_both_ways,
]

if __name__ == "__main__":
    sys.exit(run_tests("mlm-mlflow-artifacts-", TESTS))
