# SPDX-License-Identifier: Apache-2.0
"""Runs between an embedded store and a real MLflow server, by `mlmanager sync`: there, back again,
twice, and killed half way.

Runs under MLflow 3.17.2; MLMANAGER_HOST is our program. THIRD_STORE is a store to use as well.
"""

import os
import subprocess
import sys
import time

from rest_store import HOST, Proxy, Server, run_tests

THIRD = os.environ.get("THIRD_STORE", "sqlite:third.db")

WRITE = """
local m = require "mlmanager"
m.create_experiment { name = "sync ü: 1", tags = { team = "pd", ["a/b"] = "x" } }
m.start_run { run_name = "outer: 'x' # 1", tags = { note = "# Title\\n\\ttext" } }
m.log_params { lr = 0.1, ["p/q"] = "läßt 100%", empty = "" }
for i = 1, 3210 do m.log_metric("loss", 1 / i) end
for i, value in ipairs { 0 / 0, math.huge, -math.huge, -1e-300, 0.1 } do
  m.log_metric("odd/values", value, { step = 7 - i, timestamp = 1000 + i })
end
m.log_text("hi", "a ü %/b c.txt")
m.log_text("", "empty")
m.log_text(("model"):rep(500000), "model.bin")
m.start_run { run_name = "inner", nested = true }
m.log_metric("loss", 2)
m.end_run "FAILED"
m.end_run()
m.start_run { run_name = "gone" }
local gone = m.current_run_id
m.end_run()
m.delete_run(gone)
"""

# All that a reader sees, with names in the place of ids.
READ = """
local m = require "mlmanager"
m.set_active_experiment "sync ü: 1"
local experiment = m.get_experiment(m.experiment_id)
print(experiment.tags.team, experiment.tags["a/b"])
local runs, names = m.search_runs { view = "all", order_by = { "attributes.run_name" } }, {}
for _, run in ipairs(runs) do names[run.info.run_id] = run.info.run_name end
local function show(what, values)
  local lines = {}
  for key, value in pairs(values) do
    if key == "mlflow.parentRunId" then value = names[value] or value end
    if key ~= "mlmanager.run_id" then lines[#lines + 1] = ("%s=%q"):format(key, value) end
  end
  table.sort(lines)
  print(what, table.concat(lines, " | "))
end
local function show_artifacts(id, path)
  for _, artifact in ipairs(m.list_artifacts(path, id)) do
    if artifact.is_dir then
      show_artifacts(id, artifact.path)
    else
      print("artifact", artifact.path, artifact.file_size, m.artifact_sha256(artifact.path, id))
    end
  end
end
for _, run in ipairs(runs) do
  local info, keys = run.info, {}
  print("run", info.run_name, info.status, info.lifecycle_stage, info.start_time, info.end_time)
  show("params", run.data.params)
  show("tags", run.data.tags)
  for key in pairs(run.data.metrics) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local points = m.get_metric_history(info.run_id, key)
    local lines = {}
    for i = 1, #points do
      lines[i] = ("%d %d %s"):format(points[i].step, points[i].timestamp, points[i].value)
    end
    table.sort(lines)
    print("metric", key, table.concat(lines, ","))
  end
  show_artifacts(info.run_id, "")
end
"""


def run(folder, *arguments, status=0):
    done = subprocess.run([HOST, *arguments], cwd=folder, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=300,
                          env=dict(os.environ, XDG_STATE_HOME=str(folder), HOME=str(folder)))
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stderr if status else done.stdout


def write(folder, store, script, name="script.lua"):
    (folder / name).write_text(script)
    return run(folder, "--store", store, name)


def seen(folder, store):
    return write(folder, store, READ, "read.lua")


def sync(folder, source, into):
    return run(folder, "sync", "--store", source, "--to", into)


def everything_arrives_and_the_second_time_changes_nothing(server, folder):
    write(folder, "sqlite:first.db", WRITE)
    before = seen(folder, "sqlite:first.db")
    assert before.count("\nartifact\t") == 3 and before.count("\nrun\t") == 3, before
    assert "3 of them new" in sync(folder, "sqlite:first.db", server.url)
    assert seen(folder, server.url) == before
    tables = "metrics", "params", "tags", "runs", "experiments"
    counts = [server.rows("SELECT count(*) FROM " + table) for table in tables]
    again = sync(folder, "sqlite:first.db", server.url)
    assert "0 of them new" in again and "artifact" not in again, again
    assert [server.rows("SELECT count(*) FROM " + table) for table in tables] == counts
    assert seen(folder, server.url) == before


def from_a_server_into_a_new_store(server, folder):
    before = seen(folder, server.url)
    assert "3 of them new" in sync(folder, server.url, "sqlite:second.db")
    assert seen(folder, "sqlite:second.db") == before
    assert "0 of them new" in sync(folder, server.url, "sqlite:second.db")
    assert seen(folder, "sqlite:second.db") == before


def what_comes_back_is_known_again(server, folder):
    before = seen(folder, "sqlite:first.db")
    assert "0 of them new" in sync(folder, server.url, "sqlite:first.db")
    assert seen(folder, "sqlite:first.db") == before


def by_whatever_way_it_comes_a_run_is_one(server, folder):
    def nothing_new(said):
        assert "0 of them new" in said, said

    before = seen(folder, "sqlite:first.db")
    assert "3 of them new" in sync(folder, server.url, THIRD)
    for source, into in (("sqlite:first.db", THIRD), (THIRD, server.url),
                         (THIRD, "sqlite:first.db")):
        nothing_new(sync(folder, source, into))
    for name, store in (("first", "sqlite:first.db"), ("third", THIRD),
                        ("server", server.url)):
        run(folder, "export", "--all", "-o", name + ".tar.gz", "--store", store)
    for name in "first", "third", "server":
        for store in "sqlite:first.db", THIRD, server.url:
            nothing_new(run(folder, "import", name + ".tar.gz", "--store", store))
    assert "3 of them new" in run(folder, "import", "server.tar.gz", "--store", "sqlite:fourth.db")
    nothing_new(run(folder, "import", "first.tar.gz", "--store", "sqlite:fourth.db"))
    nothing_new(sync(folder, "sqlite:first.db", "sqlite:fourth.db"))
    for store in "sqlite:first.db", THIRD, "sqlite:fourth.db", server.url:
        assert seen(folder, store) == before, store


def through_two_servers(server, folder):
    other = Server(folder / "other")
    other.start()
    try:
        assert "3 of them new" in sync(folder, server.url, other.url)
        for source, into in ((other.url, server.url), ("sqlite:first.db", other.url),
                             (other.url, "sqlite:first.db"), (other.url, THIRD)):
            assert "0 of them new" in sync(folder, source, into), (source, into)
        assert seen(folder, other.url) == seen(folder, "sqlite:first.db")
    finally:
        other.kill()


def two_at_once_bring_it_once(server, folder):
    write(folder, "sqlite:wide.db", """
    local m = require "mlmanager"
    m.create_experiment "wide"
    for n = 1, 12 do
      m.start_run { run_name = "wide " .. n }
      m.log_metric("loss", n)
      m.end_run()
    end
    """)
    both = [subprocess.Popen([HOST, "sync", "--store", "sqlite:wide.db", "--to", server.url],
                             cwd=folder, stdout=subprocess.PIPE, text=True,
                             env=dict(os.environ, XDG_STATE_HOME=str(folder), HOME=str(folder)))
            for _ in range(2)]
    said = sorted(process.communicate(timeout=300)[0] for process in both)
    assert "0 of them new" in said[0] and "12 of them new" in said[1], said
    assert server.rows("SELECT count(*) FROM runs WHERE name LIKE 'wide %'") == [(12,)]


def what_is_new_follows(server, folder):
    write(folder, "sqlite:first.db", """
    local m = require "mlmanager"
    m.set_active_experiment "sync ü: 1"
    local run = m.search_runs { filter = "attributes.run_name = 'inner'" }[1]
    m.set_active_run(run.info.run_id)
    m.log_metric("later", 1)
    m.set_tag("note", "changed")
    m.log_text("new", "new.txt")
    m.end_run "FINISHED"
    """)
    assert "0 of them new" in sync(folder, "sqlite:first.db", server.url)
    assert seen(folder, server.url) == seen(folder, "sqlite:first.db")


def what_the_server_refuses_is_named_and_holds_up_nothing(server, folder):
    write(folder, "sqlite:odd.db", """
    local m = require "mlmanager"
    m.create_experiment "odd"
    m.start_run { run_name = "odd" }
    m.log_text("x", "a#b.txt") -- MLflow's server takes no '#'
    m.log_text("x", "z.txt")
    m.end_run()
    """)
    said = run(folder, "sync", "--store", "sqlite:odd.db", "--to", server.url, status=1)
    assert "artifact 'a#b.txt' left out" in said and said.count("\n") == 1, said
    assert server.rows("SELECT status FROM runs WHERE name = 'odd'") == [("FINISHED",)]
    assert list((server.folder / "artifacts").rglob("z.txt"))


def an_upload_that_is_cut_arrives_within_the_same_copy(server, folder):
    write(folder, "sqlite:cut.db", """
    local m = require "mlmanager"
    m.create_experiment "cut"
    m.start_run { run_name = "cut" }
    m.log_text(("model"):rep(1000000), "model.bin")
    m.end_run()
    """)
    uploads = []

    def cut_twice(_, data):
        if data.startswith(b"PUT"):
            uploads.append(len(data))
        return None if data.startswith(b"PUT") and len(uploads) < 3 else data

    proxy = Proxy(server.port, before=cut_twice)
    said = sync(folder, "sqlite:cut.db", proxy.url)
    proxy.close()
    assert "1 artifact (5.0 MB)" in said and len(uploads) == 3, (said, uploads)
    there = [path.read_bytes() for path in (server.folder / "artifacts").rglob("model.bin")]
    assert b"model" * 1000000 in there, list(map(len, there))


def killed_at_any_time_and_run_again(server, folder):
    write(folder, "sqlite:long.db", """
    local m = require "mlmanager"
    m.create_experiment "sync ü: 1"
    for n = 1, 4 do
      m.start_run { run_name = "long " .. n }
      for i = 1, 5000 do m.log_metric("loss", i) end
      m.log_text(("x"):rep(1000000), "x.txt")
      m.end_run()
    end
    """)
    before = server.rows("SELECT count(*) FROM runs")[0][0]
    for delay in 0.1, 0.3, 0.6, 1.0, 1.5:
        process = subprocess.Popen(
            [HOST, "sync", "--store", "sqlite:long.db", "--to", server.url], cwd=folder,
            stdout=subprocess.DEVNULL, env=dict(os.environ, XDG_STATE_HOME=str(folder)))
        time.sleep(delay)
        process.kill()
        process.wait()
    sync(folder, "sqlite:long.db", server.url)
    assert server.rows("SELECT count(*) FROM runs")[0][0] - before == 4
    rows = server.rows("SELECT count(*), count(DISTINCT step) FROM metrics JOIN runs "
                       "USING (run_uuid) WHERE name LIKE 'long %' GROUP BY run_uuid")
    assert rows == [(5000, 5000)] * 4, rows
    whole = seen(folder, "sqlite:long.db").split("\n", 1)[1]
    assert whole in seen(folder, server.url)


TESTS = [
    everything_arrives_and_the_second_time_changes_nothing,
    from_a_server_into_a_new_store,
    what_comes_back_is_known_again,
    by_whatever_way_it_comes_a_run_is_one,
    through_two_servers,
    two_at_once_bring_it_once,
    what_is_new_follows,
    what_the_server_refuses_is_named_and_holds_up_nothing,
    an_upload_that_is_cut_arrives_within_the_same_copy,
    killed_at_any_time_and_run_again,
]

if __name__ == "__main__":
    sys.exit(run_tests("mlm-sync-", TESTS))
