# SPDX-License-Identifier: Apache-2.0
"""MLflow lists, downloads and loads the artifacts that we logged, and we read what it logged.

MLMANAGER_HOST names the host program. The directory of the store has a blank and a '%' in its name.
"""

import hashlib
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import mlflow
import numpy
import PIL.Image
from mlflow import MlflowClient

HOST = pathlib.Path(os.environ["MLMANAGER_HOST"]).resolve()

OURS = r"""
local mlmanager = require "mlmanager"
mlmanager.create_experiment "ours"
mlmanager.start_run { run_name = "r" }
io.open("file.bin", "wb"):write("\0\1\255bytes"):close()
os.execute "mkdir -p tree/deep && echo leaf > tree/deep/leaf.txt"
mlmanager.log_artifact("file.bin")
mlmanager.log_artifact("file.bin", "odd names/with blank + é;&=.bin")
mlmanager.log_artifact("file.bin", "unloadable #?%41.bin")
mlmanager.log_artifact("tree")
mlmanager.log_text("hello wörld\n", "notes/text.txt")
mlmanager.log_dict({ list = { 1, 2.5, "x" }, map = { a = true }, big = 9007199254740993,
  odd = { 0 / 0, math.huge, -math.huge }, text = "ä😀\"\\/\n" }, "dict.json")
mlmanager.log_table({ { word = "a/b", n = 1 }, { word = "ü😀", n = 2.5 } }, "tables/t.json")
mlmanager.log_table({ word = { "later" }, n = { 0 / 0 } }, "tables/t.json")
mlmanager.log_image(("\255\0\0\128\0\255\0\255"):rep(3), "rgba.png", { width = 2, height = 3 })
mlmanager.log_image(("\10\20\30"):rep(6), "rgb.png", { width = 3, height = 2 })
mlmanager.log_image("\1\2\3\4", "grey.png", { width = 2, height = 2 })
mlmanager.log_image(("\255\128\0\0\64\255"):rep(400 * 150), { width = 400, height = 300,
  key = "cats/left", step = 2 })
mlmanager.log_image(("\0\255\0\128"):rep(6), { width = 3, height = 2, key = "small" })
print(mlmanager.current_run_id)
mlmanager.end_run()
"""

THEIRS = r"""
local mlmanager = require "mlmanager"
local id = arg[1]
local function walk(path)
  for _, a in ipairs(mlmanager.list_artifacts(path, id)) do
    if a.is_dir then
      walk(a.path)
    else
      print(a.path, a.file_size, #mlmanager.retrieve_artifact_stream(id, a.path),
        mlmanager.artifact_sha256(a.path, id))
    end
  end
end
walk()
mlmanager.set_active_run(id)
mlmanager.log_table({ q = { "ours" }, n = { 3 } }, "their table.json")
"""

BLOBS = r"""
local manager = require "mlmanager".MLManager { artifacts = "blob:" }
manager:create_experiment "blobs"
manager:start_run { run_name = "b" }
manager:log_text("x", "y")
manager:log_metric("loss", 0.5)
manager:end_run()
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


def run_script(directory, text, *arguments):
    script = pathlib.Path(directory) / "script.lua"
    script.write_text(text)
    result = subprocess.run(
        [HOST, script, *arguments], cwd=directory, capture_output=True, text=True
    )
    check("the script ends well", result.returncode == 0, result.stderr)
    return result.stdout


def paths_of(client, run_id, path=None):
    found = {}
    for info in client.list_artifacts(run_id, path):
        if info.is_dir:
            found.update(paths_of(client, run_id, info.path))
        else:
            found[info.path] = info.file_size
    return found


def read_ours(directory):
    run_id = run_script(directory, OURS).strip()
    client = MlflowClient()
    sizes = {path: size for path, size in paths_of(client, run_id).items()
             if not path.startswith("images/")}
    odd = "odd names/with blank + é;&=.bin"
    check(
        "MLflow lists what we logged",
        set(sizes)
        == {
            # MLflow lists this name and cuts it when it is to download it.
            "unloadable #?%41.bin",
            "file.bin", odd, "tree/deep/leaf.txt", "notes/text.txt", "dict.json",
            "tables/t.json", "rgba.png", "rgb.png", "grey.png",
        },
        sizes,
    )
    check("with its size", sizes.get("file.bin") == 8 and sizes.get(odd) == 8, sizes)
    for name in ("file.bin", odd):
        path = pathlib.Path(client.download_artifacts(run_id, name))
        check("MLflow downloads " + name, path.read_bytes() == b"\0\1\xffbytes")
    tree = pathlib.Path(client.download_artifacts(run_id, "tree"))
    check("and trees", (tree / "deep/leaf.txt").read_text() == "leaf\n")
    uri = client.get_run(run_id).info.artifact_uri
    text = mlflow.artifacts.load_text(uri + "/notes/text.txt")
    check("load_text", text == "hello wörld\n", text)
    loaded = mlflow.artifacts.load_dict(uri + "/dict.json")
    odd_numbers = loaded.pop("odd")
    check(
        "load_dict",
        loaded
        == {"list": [1, 2.5, "x"], "map": {"a": True}, "big": 9007199254740993,
            "text": "ä😀\"\\/\n"},
        loaded,
    )
    check(
        "its NaN and infinities",
        math.isnan(odd_numbers[0]) and odd_numbers[1:] == [math.inf, -math.inf],
    )
    experiment = client.get_experiment_by_name("ours").experiment_id
    table = client.load_table(experiment, "tables/t.json")
    check("load_table, columns", list(table.columns) == ["n", "word"], table.columns)
    check("load_table, words", list(table.word) == ["a/b", "ü😀", "later"], list(table.word))
    numbers = list(table.n)
    check("load_table, numbers", numbers[:2] == [1, 2.5] and math.isnan(numbers[2]), numbers)
    for name, mode, first in (
        ("rgba.png", "RGBA", (255, 0, 0, 128)),
        ("rgb.png", "RGB", (10, 20, 30)),
        ("grey.png", "L", 1),
    ):
        image = mlflow.artifacts.load_image(uri + "/" + name)
        check("load_image " + name, image.mode == mode and image.getpixel((0, 0)) == first, image)
    size = mlflow.artifacts.load_image(uri + "/rgba.png").size
    check("its size", size == (2, 3), size)
    check_rows(client, run_id)
    client.delete_run(run_id)


def check_rows(client, run_id):
    """Images by key and step, beside those that MLflow's client logs of the same pixels."""
    ours = sorted(entry.path for entry in client.list_artifacts(run_id, "images"))
    row = numpy.tile(numpy.array([[255, 128, 0], [0, 64, 255]], dtype=numpy.uint8), (60000, 1))
    small = numpy.tile(numpy.array([0, 255, 0, 128], dtype=numpy.uint8), (2, 3, 1))
    with mlflow.start_run() as run:
        mlflow.log_image(row.reshape(300, 400, 3), key="cats/left", step=2)
        mlflow.log_image(small, key="small")
    theirs = sorted(entry.path for entry in client.list_artifacts(run.info.run_id, "images"))
    unique = re.compile(r"timestamp\+\d{13}\+[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-"
                        r"[0-9a-f]{4}-[0-9a-f]{12}")
    names = [unique.sub("", name) for name in ours]
    check("a row's names are MLflow's", len(names) == 4 and
          names == [unique.sub("", name) for name in theirs], ours, theirs)
    tags = [client.get_run(which).data.tags.get("mlflow.loggedImages")
            for which in (run_id, run.info.run_id)]
    check("and its tag", tags == ["True", "True"], tags)
    for our, their in zip(ours, theirs):
        images = [PIL.Image.open(client.download_artifacts(which, name)) for which, name in
                  ((run_id, our), (run.info.run_id, their))]
        (our_size, their_size) = (image.size for image in images)
        # MLflow makes small ones larger.
        size = (3, 2) if "small" in our else their_size
        average = [numpy.asarray(image.convert("RGBA")).mean(axis=(0, 1)) for image in images]
        check("Pillow opens " + unique.sub("", our),
              our_size == size and images[0].format == images[1].format and
              abs(average[0] - average[1]).max() < 6, our_size, their_size, *average)
    client.delete_run(run.info.run_id)


def read_theirs(directory):
    experiment = mlflow.create_experiment("theirs")
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_text("plain", "a b/ö.txt")
        mlflow.log_dict({"x": 1}, "d.json")
        mlflow.log_table({"n": [1, 2], "q": ["a", "b"]}, "their table.json")
        mlflow.log_image(numpy.zeros((2, 2, 3), dtype=numpy.uint8), "i.png")
        mlflow.log_image(numpy.zeros((2, 2, 3), dtype=numpy.uint8), key="k", step=1)
    run_id = run.info.run_id
    client = MlflowClient()
    theirs = paths_of(client, run_id)
    ours = {}
    same = True
    for line in run_script(directory, THEIRS, run_id).splitlines():
        name, size, got, sha256 = line.split("\t")
        ours[name] = int(size)
        bytes_ = pathlib.Path(client.download_artifacts(run_id, name)).read_bytes()
        is_same = int(got) == int(size)
        if name != "their table.json":
            is_same = is_same and hashlib.sha256(bytes_).hexdigest() == sha256
        same = same and is_same
    check("we list what MLflow logged", ours == theirs, ours, theirs)
    check("we read its bytes", same)
    table = client.load_table(experiment, "their table.json")
    check("we add rows to its table", list(table.q) == ["a", "b", "ours"], list(table.q))
    tag = client.get_run(run_id).data.tags["mlflow.loggedArtifacts"]
    entries = [entry for entry in json.loads(tag) if entry["path"] == "their table.json"]
    check("and leave one entry in its tag", len(entries) == 1, tag)


def see_blobs(directory):
    run_script(directory, BLOBS)
    runs = mlflow.search_runs(experiment_names=["blobs"])
    check("MLflow shows a run whose artifacts are in the database", len(runs) == 1, runs)
    check("with its location", runs.artifact_uri[0].startswith("blob:/"), runs.artifact_uri)
    try:
        MlflowClient().list_artifacts(runs.run_id[0])
        check("and says that it cannot list them", False)
    except mlflow.exceptions.MlflowException as failure:
        check("and says that it cannot list them", "blob" in str(failure), failure)


with tempfile.TemporaryDirectory(prefix="peer %41 ") as place:
    os.chdir(place)
    mlflow.set_tracking_uri("sqlite:///mlmanager.db")
    read_ours(place)
    read_theirs(place)
    see_blobs(place)
    os.chdir("/")
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
