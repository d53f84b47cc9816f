# SPDX-License-Identifier: Apache-2.0
# Group: peers
"""A tracking server that is away: runs that begin without it, a network that cuts, refuses and
stalls between us and a real MLflow server, a server and processes that are killed. Afterwards the
server holds what was acknowledged, each row once and each artifact whole.

Runs under MLflow 3.17.2 as rest_store.py does, whose server and proxy these are.
"""

import hashlib
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time

from rest_store import HOST, Proxy, Server, read_message, run_tests, wait_until

SCRIPT = pathlib.Path(__file__).with_name("offline.lua")
SEED = int(os.environ.get("OFFLINE_SEED", "1"))
ROUNDS = int(os.environ.get("OFFLINE_ROUNDS", "4"))
AT_ONCE = 3  # processes over one queue
STEPS = 40
RUN_S_MAX = 240


class Weather(Proxy):
    """A network with weather: some requests do not arrive whole, some answers neither, some meet a
    server that is busy, and some take their time."""

    def __init__(self, port, seed):
        self.random = random.Random(seed)
        self.is_calm = True
        self.met = {}
        super().__init__(port)

    def dice(self, what, sides):
        with self.lock:
            is_met = not self.is_calm and self.random.randrange(sides) == 0
            if is_met:
                self.met[what] = self.met.get(what, 0) + 1
            return is_met

    def cut(self, data):
        with self.lock:
            return data[:self.random.randrange(len(data) + 1)]

    def pass_one(self, client):
        request = read_message(client)
        if not request:
            return False
        if self.dice("nobody", 12):
            return False
        for status, sides in ((b"500 Internal Server Error", 14), (b"429 Too Many Requests", 16),
                              (b"503 Service Unavailable", 20)):
            if self.dice(status[:3].decode(), sides):
                client.sendall(b"HTTP/1.1 " + status + b"\r\nRetry-After: 1\r\n"
                               b"Content-Length: 0\r\n\r\n")
                return True
        if self.dice("stall", 30):
            time.sleep(7)
        try:
            with socket.create_connection(("127.0.0.1", self.target)) as server:
                if self.dice("cut request", 12):
                    server.sendall(self.cut(request))
                    return False
                server.sendall(request)
                answer = read_message(server)
        except OSError:
            return False
        if not answer:
            return False
        if self.dice("cut answer", 8):
            client.sendall(self.cut(answer))
            return False
        client.sendall(answer)
        return True


class Folder:
    """A state directory, and programs of ours that use it."""

    def __init__(self, path):
        self.path = path
        path.mkdir()
        self.environment = dict(os.environ, XDG_STATE_HOME=str(path), HOME=str(path))

    def start(self, *words):
        return subprocess.Popen([HOST, *map(str, words)], cwd=self.path, env=self.environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *words):
        process = self.start(*words)
        out, err = process.communicate(timeout=RUN_S_MAX)
        return process.returncode, out, err

    def diary(self, name):
        return self.path / (name + ".diary")

    def log(self, url, name, seed):
        return self.start(SCRIPT, url, name, self.diary(name), seed, STEPS)


class Wanted:
    """What a diary says that the server must hold (done) and may hold (tried)."""

    def __init__(self, diary):
        self.runs, self.ids, self.parents = {}, {}, {}
        self.is_over = False
        for line in diary.read_text().splitlines():
            word, _, rest = line.partition(" ")
            if word == "id":
                name, run_id, parent = rest.split(" ")
                self.ids[name], self.parents[name] = run_id, parent
            elif word == "over":
                self.is_over = True
            elif word in ("try", "done"):
                self.note(word, *rest.split(" "))

    def note(self, word, what, name, *values):
        if what == "experiment":
            return
        run = self.runs.setdefault(name, {kind: {"done": [], "try": []} for kind in (
            "start", "end", "points", "param", "tag", "artifact")})
        run[what][word].append(tuple(values))


def steps_of(calls):
    return {step for begin, count in calls for step in range(int(begin), int(begin) + int(count))}


def artifacts_of(server, name):
    """The artifacts of a run by their paths, as the server keeps them."""
    ((run_id, experiment_id),) = server.rows(
        "SELECT run_uuid, experiment_id FROM runs WHERE name = ?", name)
    root = server.folder / "artifacts" / str(experiment_id) / run_id / "artifacts"
    return {str(path.relative_to(root)): path.read_bytes()
            for path in root.rglob("*") if path.is_file()}


def digest(content):
    return hashlib.sha256(content).hexdigest()


def check_artifacts(server, run, name):
    done, tried = ({path.replace("_", " "): int(count) for path, count in run["artifact"][word]}
                   for word in ("done", "try"))
    there = artifacts_of(server, name)
    assert done.keys() <= there.keys() <= tried.keys(), (name, done, there.keys())
    for path, content in there.items():
        assert digest(content) == digest(path.encode() * tried[path]), (name, path)


def check_run(server, wanted, name):
    run = wanted.runs[name]
    rows = server.rows("SELECT run_uuid, status FROM runs WHERE name = ?", name)
    assert len(rows) <= 1, "%s is there %d times" % (name, len(rows))
    if not run["start"]["done"]:
        return
    assert len(rows) == 1, "%s is not there" % name
    run_id, status = rows[0]
    tags = dict(server.rows("SELECT key, value FROM tags WHERE run_uuid = ?", run_id))
    assert wanted.ids.get(name, run_id) in (run_id, tags["mlmanager.run_id"])
    params = dict(server.rows("SELECT key, value FROM params WHERE run_uuid = ?", run_id))
    done, tried = (dict(run["param"][word]) for word in ("done", "try"))
    assert done.items() <= params.items() <= tried.items(), (name, done, params, tried)
    for key in {key for key, _ in run["tag"]["try"]}:
        values = [value for tag, value in run["tag"]["try"] if tag == key]
        last_done = [value for tag, value in run["tag"]["done"] if tag == key][-1:]
        assert tags.get(key) in [*last_done, values[-1], *([None] if not last_done else [])], (
            name, key, tags.get(key), last_done, values)
    points = [step for step, in server.rows(
        "SELECT step FROM metrics WHERE run_uuid = ? AND key = 'loss'", run_id)]
    assert len(points) == len(set(points)), "%s has points twice" % name
    missing = steps_of(run["points"]["done"]) - set(points)
    assert not missing, "%s lacks %d points" % (name, len(missing))
    assert set(points) <= steps_of(run["points"]["try"])
    check_artifacts(server, run, name)
    if run["end"]["done"]:
        assert status == "FINISHED", (name, status)
    else:
        assert status in ("KILLED", "FINISHED") if run["end"]["try"] else status == "KILLED", (
            name, status)
    parent = wanted.parents.get(name, "-")
    if parent != "-":
        (parent_id,) = server.rows("SELECT run_uuid FROM runs WHERE name = ?", parent)
        assert (tags["mlflow.parentRunId"],) == parent_id, (name, tags, parent_id)


def check(server, folder, names):
    for name in names:
        wanted = Wanted(folder.diary(name))
        for run in wanted.runs:
            check_run(server, wanted, run)


def deliver(folder, url):
    """Until nothing waits; the last time there is nothing to do."""
    def is_done():
        status, out, err = folder.run("sync", "--store", url)
        assert status in (0, 1), (status, out, err)
        return status == 0
    wait_until("all that waits is delivered", is_done)
    assert not list(folder.path.glob("mlmanager/*/staged/*")), "files are left over"
    status, out, err = folder.run("sync", "--store", url)
    assert (status, out, err) == (0, "%s: 0 runs, 0 points delivered\n" % url, ""), (out, err)


# ---- the tests ----


ARTIFACTS = """
    local manager = require "mlmanager".MLManager { store = arg[1], server_wait_ms = 200 }
    manager:create_experiment "offline"
    manager:start_run { run_name = "artifacts" }
    manager:log_artifact(arg[2], "models/big ä.bin")
    manager:log_artifact(arg[3], "plots")
    manager:log_artifact(arg[3], "plots.zip", { zip = true })
    manager:log_text("old, and longer", "notes.txt")
    manager:log_text("new", "notes.txt")
    manager:log_text("gone", "gone.txt")
    manager:delete_artifact "gone.txt"
    manager:log_dict({ lr = 0.1 }, "config.json")
    manager:log_table({ x = { 1 } }, "rows.json")
    manager:log_table({ x = { 2 } }, "rows.json")
    manager:log_image(("\\255\\0\\0\\255"):rep(4), "red.png", { width = 2, height = 2 })
    manager:start_run { run_name = "artifacts inside", nested = true }
    manager:log_text("inside", "inside.txt")
    manager:end_run()
    manager:end_run()
"""

# Says how many it has logged, until it is killed.
FILES = """
    local manager = require "mlmanager".MLManager { store = arg[1], server_wait_ms = 200 }
    manager:create_experiment "offline"
    manager:start_run { run_name = arg[3] }
    for i = 1, 1000 do
      manager:log_artifact(arg[2], "file" .. i)
      print(i)
      io.stdout:flush()
    end
"""


def log_files_offline(server, folder, dice):
    """What must arrive of each run: a number of files."""
    big, plots = folder.path / "big.bin", folder.path / "plots"
    big.write_bytes(dice.randbytes(6 << 20))
    (plots / "sub").mkdir(parents=True)
    (plots / "a.svg").write_text("a")
    (plots / "sub" / "b c.svg").write_text("b")
    for name, text in (("artifacts.lua", ARTIFACTS), ("files.lua", FILES)):
        (folder.path / name).write_text(text)
    status, out, err = folder.run("artifacts.lua", server.url, big, plots)
    assert status == 0 and "with " in err and " artifacts (" in err, err
    done = {}
    for i in range(5):
        process = folder.start("files.lua", server.url, big, "killed%d" % i)
        time.sleep(dice.uniform(0.1, 0.6))
        process.kill()
        out, _ = process.communicate()
        done["killed%d" % i] = len(out.split())
    print("     killed after %s files" % ", ".join(map(str, done.values())))
    return big.read_bytes(), done


def check_files(server, big, done):
    there = artifacts_of(server, "artifacts")
    archive = there.pop("plots.zip")
    assert archive[:2] == b"PK"
    assert there.pop("red.png")[:4] == b"\x89PNG"
    assert json.loads(there.pop("rows.json")) == {"columns": ["x"], "data": [[1], [2]]}
    assert json.loads(there.pop("config.json")) == {"lr": 0.1}
    assert digest(there.pop("models/big ä.bin")) == digest(big)
    assert there == {"plots/a.svg": b"a", "plots/sub/b c.svg": b"b", "notes.txt": b"new"}, there
    assert artifacts_of(server, "artifacts inside") == {"inside.txt": b"inside"}
    ((run_id,),) = server.rows("SELECT run_uuid FROM runs WHERE name = 'artifacts'")
    tags = dict(server.rows("SELECT key, value FROM tags WHERE run_uuid = ?", run_id))
    assert json.loads(tags["mlflow.loggedArtifacts"]) == [{"path": "rows.json", "type": "table"}]
    for name, count in done.items():
        if not server.rows("SELECT 1 FROM runs WHERE name = ?", name):
            assert count == 0, (name, count)
            continue
        there = artifacts_of(server, name)
        assert {"file%d" % (i + 1) for i in range(count)} <= there.keys(), (name, count, there)
        assert len(there) <= count + 1, (name, count, there.keys())
        for path, content in there.items():
            assert digest(content) == digest(big), (name, path, len(content))


def what_begins_without_a_server_is_delivered_once(server, folder):
    """The server has never been up. Deliveries are killed at any moment."""
    dice = random.Random(SEED)
    names = ["early%d" % i for i in range(2)]
    big, done = log_files_offline(server, folder, dice)
    for name in names:
        process = folder.log(server.url, name, dice.randrange(1 << 30))
        out, err = process.communicate(timeout=RUN_S_MAX)
        assert process.returncode == 0, err
        assert "mlmanager sync" in err, err
        assert Wanted(folder.diary(name)).is_over
        assert "fail" not in folder.diary(name).read_text()
    status, out, err = folder.run("sync", "--all")
    assert status == 1 and "waiting" in out and "goes on waiting" in err, (out, err)
    server.start()
    kills = 0
    for _ in range(20):
        process = folder.start("sync", "--store", server.url)
        try:
            process.communicate(timeout=dice.uniform(0.01, 1))
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
    print("     %d deliveries were killed" % kills)
    deliver(folder, server.url)
    check(server, folder, names)
    check_files(server, big, done)


def either_id_finds_a_run(server, folder):
    diary = folder.diary("early0").read_text()
    (run_id,) = [line.split(" ")[2] for line in diary.splitlines()
                 if line.startswith("id early0-1 ")]
    ((server_id,),) = server.rows("SELECT run_uuid FROM tags WHERE value = ?", run_id)
    for either in (run_id, server_id):
        status, out, err = folder.run("show", "--store", server.url, either)
        assert status == 0 and server_id in out, (out, err)


def a_changed_param_is_told_by_its_key(server, folder):
    script = folder.path / "conflict.lua"
    script.write_text("""
        local manager = require "mlmanager".MLManager { store = arg[1], server_wait_ms = 200 }
        manager:create_experiment "offline"
        manager:start_run { run_name = "conflict" }
        manager:log_param("lr", 0.1)
        print(manager.current_run_id)
        io.stdout:flush()
        io.read()
        manager:log_params { lr = 0.2, seed = 7 }
        manager:log_metric("loss", 1)
        manager:end_run()
    """)
    proxy = Proxy(server.port)
    url = proxy.url
    process = subprocess.Popen([HOST, str(script), url], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               cwd=folder.path, env=folder.environment)
    run_id = process.stdout.readline().strip()
    proxy.before = lambda number, request: None
    _, err = process.communicate("go\n", timeout=RUN_S_MAX)
    assert process.returncode == 0 and "mlmanager sync" in err, err
    proxy.before = lambda number, request: request
    status, out, err = folder.run("sync", "--store", url)
    proxy.close()
    assert status == 1 and "param 'lr'" in err and "'0.1'" in err, (out, err)
    assert "1 refused" in out, out
    params = dict(server.rows("SELECT key, value FROM params WHERE run_uuid = ?", run_id))
    assert params == {"lr": "0.1", "seed": "7"}, params
    assert server.rows("SELECT status FROM runs WHERE run_uuid = ?", run_id) == [("FINISHED",)]


def log_names_offline(server, folder, run_name, *names):
    """A run that was begun with its server, which then goes away. Returns the way back to it."""
    script = folder.path / "names.lua"
    script.write_text("""
        local manager = require "mlmanager".MLManager { store = arg[1], server_wait_ms = 200 }
        manager:create_experiment "offline"
        manager:start_run { run_name = arg[2] }
        print "ready"
        io.stdout:flush()
        io.read()
        for i = 3, #arg do manager:log_text("of " .. arg[i], arg[i]) end
        for _, artifact in ipairs(manager:list_artifacts()) do print(artifact.path) end
        manager:end_run()
    """)
    proxy = Proxy(server.port)
    process = subprocess.Popen([HOST, str(script), proxy.url, run_name, *names],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, cwd=folder.path,
                               env=folder.environment)
    assert process.stdout.readline() == "ready\n"
    proxy.before = lambda number, request: None
    out, err = process.communicate("go\n", timeout=RUN_S_MAX)
    assert process.returncode == 0 and "with %d artifact" % len(names) in err, err
    assert out.split("\n")[:-1] == sorted(names), out
    proxy.before = lambda number, request: request
    return proxy


def a_refused_artifact_is_told_with_the_place_of_its_bytes(server, folder):
    proxy = log_names_offline(server, folder, "refused", "a#b.txt", "fine.txt")
    status, out, err = folder.run("sync", "--store", proxy.url)
    assert status == 1 and "1 artifact (11 bytes)" in out and "1 refused" in out, (out, err)
    assert "artifact 'a#b.txt' was refused" in err, err
    place = pathlib.Path(err.split("it stays in '")[1].split("'")[0])
    assert place.read_text() == "of a#b.txt"
    assert artifacts_of(server, "refused") == {"fine.txt": b"of fine.txt"}
    status, out, err = folder.run("sync", "--store", proxy.url)
    assert status == 1 and "1 refused before" in out, (out, err)
    assert "artifact 'a#b.txt' was refused" in err and str(place) in err, err
    place.unlink()
    status, out, err = folder.run("sync", "--store", proxy.url)
    assert (status, err) == (0, ""), (out, err)
    proxy.close()


def a_forbidden_artifact_waits_for_the_permission(server, folder):
    proxy = log_names_offline(server, folder, "forbidden", "first.txt", "second.txt")
    forbidden = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    proxy.before = lambda number, request: (
        forbidden if request.startswith(b"PUT ") else request)
    for _ in range(2):
        status, out, err = folder.run("sync", "--store", proxy.url)
        assert status == 1 and "1 waiting" in out, (out, err)
        assert "artifact 'first.txt' goes on waiting: " in err and "403" in err, err
        assert "artifact 'second.txt' goes on waiting" in err, err
    ((status,),) = server.rows("SELECT status FROM runs WHERE name = 'forbidden'")
    assert status == "FINISHED", status
    proxy.before = lambda number, request: request
    deliver(folder, proxy.url)
    assert artifacts_of(server, "forbidden") == {
        "first.txt": b"of first.txt", "second.txt": b"of second.txt"}
    proxy.close()


def any_weather_and_any_kill_lose_and_double_nothing(server, folder):
    dice = random.Random(SEED)
    weather = Weather(server.port, SEED)
    names, kills = [], 0
    for round_number in range(ROUNDS):
        weather.is_calm = False
        processes = {}
        for i in range(AT_ONCE):
            name = "r%d.%d" % (round_number, i)
            processes[name] = folder.log(weather.url, name, dice.randrange(1 << 30))
            names.append(name)
        restart = None
        if round_number == ROUNDS // 2:
            time.sleep(0.7)
            server.kill()
            restart = threading.Thread(target=server.start)
            restart.start()
        for i, process in enumerate(processes.values()):
            limit = dice.uniform(0.1, 4) if i == 0 else RUN_S_MAX
            try:
                _, err = process.communicate(timeout=limit)
                assert process.returncode == 0, err
            except subprocess.TimeoutExpired:
                assert i == 0, "a process did not end"
                process.send_signal(signal.SIGKILL)
                process.communicate()
                kills += 1
        if restart:
            restart.join()
    print("     seed %d: %d runs of the program, %d of them killed; %s" % (
        SEED, len(names), kills, ", ".join("%s %d" % pair for pair in sorted(
            weather.met.items()))))
    weather.is_calm = True
    deliver(folder, weather.url)
    check(server, folder, names)
    weather.close()


def log_metric_never_waits(server, folder):
    """Not for a server that takes connections and says nothing."""
    script = folder.path / "stall.lua"
    script.write_text("""
        local manager = require "mlmanager".MLManager { store = arg[1], server_wait_ms = 300 }
        manager:create_experiment "offline"
        manager:start_run { run_name = "stalled" }
        print "ready"
        io.stdout:flush()
        io.read()
        for i = 1, 20000 do manager:log_metric("loss", i) end
        print "logged"
        io.stdout:flush()
        manager:end_run()
    """)
    proxy = Proxy(server.port)
    process = subprocess.Popen([HOST, str(script), proxy.url], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               cwd=folder.path, env=folder.environment)
    assert process.stdout.readline() == "ready\n"
    stalls = threading.Event()
    proxy.before = lambda number, request: stalls.wait(60) and None
    process.stdin.write("go\n")
    process.stdin.flush()
    assert process.stdout.readline() == "logged\n"
    _, err = process.communicate(timeout=RUN_S_MAX)
    assert process.returncode == 0 and "mlmanager sync" in err, err
    stalls.set()
    proxy.before = lambda number, request: request
    deliver(folder, proxy.url)
    proxy.close()
    rows = server.rows("SELECT count(*), count(DISTINCT step) FROM metrics JOIN runs "
                       "USING (run_uuid) WHERE name = 'stalled'")
    assert rows == [(20000, 20000)], rows
    assert server.rows("SELECT status FROM runs WHERE name = 'stalled'") == [("FINISHED",)]


TESTS = [
    what_begins_without_a_server_is_delivered_once,
    either_id_finds_a_run,
    a_changed_param_is_told_by_its_key,
    a_refused_artifact_is_told_with_the_place_of_its_bytes,
    a_forbidden_artifact_waits_for_the_permission,
    log_metric_never_waits,
    any_weather_and_any_kill_lose_and_double_nothing,
]

if __name__ == "__main__":
    sys.exit(run_tests("mlm-offline-", TESTS, starts=False,
                       place=lambda folder: Folder(folder / "state")))
