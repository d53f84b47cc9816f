# SPDX-License-Identifier: Apache-2.0
"""Searches a store that MLflow wrote through MLflow and through us, and wants the same answers.

Each search runs through MlflowClient and through the program search_driver: the same ids in the
same order, or an error from both. The store is a file, or a database of the server whose URI
without one is MLMANAGER_TEST_POSTGRES. The searches are generated from a fixed seed (SEARCH_SEED,
with SEARCH_COUNT of them), so a failure can be had again. A second file comes from MLflow 2.8;
there MLflow 3 answers from a copy, since it migrates what it opens.
"""

import base64
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

from mlflow_store import POSTGRES, mlflow_uri, our_uri

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

SEED = int(os.environ.get("SEARCH_SEED", "20240517"))
COUNT = int(os.environ.get("SEARCH_COUNT", "500"))
RUNS = 240
DRIVER = os.path.join(os.path.dirname(os.environ["MLMANAGER_HOST"]), "peers", "search_driver")

METRICS = ["loss", "val loss", "acc", "f1/macro", "a.b.c", "genauigkeit_ä", "_hidden", "2nd",
           "and"]
PARAMS = ["model", "lr", "batch-size", "opt.name", "empty", "Größe", "Model"]
TAGS = ["team", "release notes", "mlflow.source.name", "mlflow.user", "stage"]
TEXTS = ["cnn", "CNN", "rnn", "cnn-2", "100%", "a_b", "axb", "it's", 'say "hi"', "über", "ÜBER",
         "0.1", "", "x AND y"]
EXPERIMENTS = ["vision", "Vision 2", "speech_de", "100% sure", "gone"]
T0 = 1_700_000_000_000


def build_store(path, seed, runs, has_datasets):
    """Runs under either MLflow: only what 2.8 has as well."""
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    rng = random.Random(seed)
    client = MlflowClient(mlflow_uri(path))
    experiments = [client.create_experiment(name, artifact_location="file:///nowhere/" + str(i))
                   for i, name in enumerate(EXPERIMENTS)]
    for i, experiment in enumerate(experiments):
        for key in rng.sample(TAGS, 2):
            client.set_experiment_tag(experiment, key, rng.choice(TEXTS))
    for i in range(runs):
        # Several runs begin in the same millisecond, so that ids decide.
        tags = {"mlflow.runName": rng.choice(["night-%d" % (i % 7), "Probe", "it's"])}
        run = client.create_run(rng.choice(experiments), start_time=T0 + rng.randrange(40) * 1000,
                                tags=tags)
        run_id = run.info.run_id
        metrics = []
        for key in rng.sample(METRICS, rng.randrange(len(METRICS) + 1)):
            value = rng.choice([0.25, 0.5, 0.5, 1.0, -1.0, 0.0, math.nan, math.inf, -math.inf,
                                rng.random()])
            metrics += [Metric(key, rng.random(), T0, 0), Metric(key, value, T0, 1)]
        client.log_batch(
            run_id, metrics=metrics,
            params=[Param(k, rng.choice(TEXTS) or "0")
                    for k in rng.sample(PARAMS, rng.randrange(len(PARAMS)))],
            tags=[RunTag(k, rng.choice(TEXTS)) for k in rng.sample(TAGS, rng.randrange(len(TAGS)))])
        if has_datasets and rng.random() < 0.5:
            log_datasets(client, run_id, rng)
        if rng.random() < 0.8:
            client.set_terminated(run_id, rng.choice(["FINISHED", "FAILED", "KILLED"]),
                                  end_time=T0 + 60000 + rng.randrange(20) * 1000)
        if rng.random() < 0.1:
            client.delete_run(run_id)
    client.delete_experiment(experiments[-1])


def log_datasets(client, run_id, rng):
    from mlflow.entities import Dataset, DatasetInput, InputTag

    inputs = []
    for name in rng.sample(["train.csv", "Train.csv", "test set"], rng.randrange(1, 4)):
        context = rng.choice(["train", "eval", None])
        tags = [InputTag("mlflow.data.context", context)] if context else []
        digest = "d%d" % rng.randrange(3)
        inputs.append(DatasetInput(Dataset(name, digest, "local", "file:///" + name), tags))
    client.log_inputs(run_id, inputs)


# ---- the searches ----

def quoted_key(rng, key):
    bare = re.fullmatch(r"[A-Za-zÀ-ÿ_][\w]*(\.[A-Za-z_]\w*)*|\d+[A-Za-z_]\w*", key)
    return rng.choice([key] * 3 * bool(bare) + ["`%s`" % key, '"%s"' % key])


def quoted_text(rng, text):
    quotes = [q for q in "'\"" if q not in text]
    return rng.choice(quotes).join(["", text, ""])


def number(rng):
    return rng.choice(["0.5", "0.25", "0", "-1", "1", "1e-3", ".5", "1.", "-.5", "1E5",
                       "1.7976931348623157e308", "99999999999999999999", "%r" % rng.random()])


def pattern(rng):
    text = rng.choice(TEXTS)
    return rng.choice([text, text[:2] + "%", "%" + text[-2:], "%", "_" * len(text), "%n_%"])


def word(rng, text):
    return rng.choice([text, text, text.lower(), text.capitalize()])


def text_comparison(rng, left, texts, has_null=False):
    op = rng.choice(["=", "=", "!=", "LIKE", "ILIKE"] + ["IS NULL", "IS NOT NULL"] * has_null)
    if op.startswith("IS"):
        return "%s %s" % (left, word(rng, op))
    if op.endswith("LIKE"):
        return "%s %s %s" % (left, word(rng, op), quoted_text(rng, pattern(rng)))
    space = rng.choice(["", " "])
    return left + space + op + space + quoted_text(rng, rng.choice(texts))


def number_comparison(rng, left, value):
    space = rng.choice(["", " ", "  ", "\t", "\n"])
    return left + space + rng.choice([">", ">=", "=", "!=", "<", "<="]) + space + value


def list_comparison(rng, left, texts):
    chosen = rng.sample(texts, min(len(texts), rng.randrange(1, 5)))
    inside = rng.choice([", ", ","]).join(quoted_text(rng, t) for t in chosen)
    return "%s %s (%s)" % (left, word(rng, rng.choice(["IN", "NOT IN"])), inside)


def run_comparison(rng, store):
    kind = rng.randrange(10)
    attribute = rng.choice(["", "", "attributes.", "attribute.", "attr.", "run."])
    if kind < 3:
        left = rng.choice(["metrics.", "metric.", "`metrics`."])
        return number_comparison(rng, left + quoted_key(rng, rng.choice(METRICS)), number(rng))
    if kind < 5:
        left = rng.choice(["params.", "param.", "parameter.", "parameters."])
        return text_comparison(rng, left + quoted_key(rng, rng.choice(PARAMS)), TEXTS, True)
    if kind < 6:
        key = quoted_key(rng, rng.choice(TAGS + ["mlflow.runName"]))
        return text_comparison(rng, rng.choice(["tags.", "tag."]) + key, TEXTS + ["Probe"], True)
    if kind < 7:
        left = rng.choice(["dataset.", "datasets."])
        name, texts = rng.choice([("name", ["train.csv", "Train.csv", "test set", "x"]),
                                  ("digest", ["d0", "d1"]), ("context", ["train", "eval"])])
        if rng.random() < 0.4:
            return list_comparison(rng, left + name, texts)
        return text_comparison(rng, left + name, texts)
    if kind < 8:
        name = rng.choice(["start_time", "end_time", "created", "Created"])
        value = str(T0 + rng.choice([0, 5000, 20000, 70000])) + rng.choice(["", "", ".5", ".0"])
        return number_comparison(rng, attribute + name, value)
    if kind < 9:
        name = rng.choice(["run_name", "`run name`", "`Run name`", "`Run Name`"])
        return text_comparison(rng, attribute + name, ["Probe", "it's", "night-1"])
    name, texts = rng.choice([("status", ["RUNNING", "FINISHED", "finished", "FAILED"]),
                              ("user_id", ["root", "unknown", ""]), ("run_id", store.run_ids),
                              ("artifact_uri", ["file:///nowhere"])])
    if name == "run_id" and rng.random() < 0.7:
        return list_comparison(rng, attribute + name, texts)
    return text_comparison(rng, attribute + name, texts)


def experiment_comparison(rng, store):
    kind = rng.randrange(6)
    attribute = rng.choice(["", "", "attribute."])
    if kind < 2:
        left = rng.choice(["tags.", "tag."]) + quoted_key(rng, rng.choice(TAGS))
        return text_comparison(rng, left, TEXTS, True)
    if kind < 3:
        value = str(T0 + rng.choice([0, 10**11, 2 * 10**11]))
        return number_comparison(rng, attribute + rng.choice(["creation_time", "last_update_time"]),
                                 value)
    if kind < 4:
        ids = [str(i) for i in range(7)]
        if rng.random() < 0.5:
            return list_comparison(rng, attribute + "experiment_id", ids)
        return attribute + "experiment_id %s '%s'" % (rng.choice(["=", "!="]), rng.choice(ids))
    return text_comparison(rng, attribute + "name", EXPERIMENTS)


def filter_of(rng, store, subject):
    comparison = run_comparison if subject == "runs" else experiment_comparison
    parts = [comparison(rng, store) for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3]))]
    joints = [" AND ", " and ", "\nAND\t"]
    # MLflow takes AND as read, but loses its way where IS NULL or a list is near.
    joints += [" "] * (not re.search(r"(?i)null|\(", " ".join(parts)))
    text = rng.choice(joints).join(parts)
    return text + rng.choice(["", "", "", " and"])


def order_of(rng, subject):
    if subject == "runs":
        key = rng.choice(
            ["metrics." + quoted_key(rng, rng.choice(METRICS))] * 3
            + ["params." + quoted_key(rng, rng.choice(PARAMS)),
               "tags." + quoted_key(rng, rng.choice(TAGS)),
               rng.choice(["start_time", "attributes.end_time", "Created", "run_name", "status",
                           "run_id", "attr.user_id", "artifact_uri"])])
    else:
        key = rng.choice(["name", "experiment_id", "creation_time", "attribute.last_update_time"])
    return key + rng.choice(["", " ASC", " DESC", " desc", "  asc"])


def mutated(rng, text):
    """One thing of a right filter made wrong, most times."""
    pieces = re.findall(r"\w+|\s+|[<>=!]+|[^\w\s]", text) or [""]
    i = rng.randrange(len(pieces))
    edit = rng.randrange(5)
    if edit == 0:
        pieces[i] = ""
    elif edit == 1:
        pieces[i] += pieces[i]
    elif edit == 2:
        pieces[i] = rng.choice(["OR", "and", "(", ")", "'", '"', "`", "=", "==", "<>", ",", ";",
                                ".", "nan", "NOT", "IS NULL", "IN", "5", "'x'", "metrics",
                                "lifecycle_stage"])
    elif edit == 3:
        pieces[i] = pieces[i].swapcase()
    else:
        pieces.insert(i, rng.choice([" ", " or ", " NOT ", "x", "-", "'x'", " foo.bar "]))
    return "".join(pieces)


# What we do otherwise on purpose: (who refuses it, in what, its form, why). Only searches that were
# changed at random may differ, and experiments in lower case.
DIFFERENT = [
    ("mlflow", "filter", r"^\s*$", "blanks are an empty filter"),
    ("mlflow", "filter", r"(?i)\bIS\s+NOT\s{2,}NULL\b", "NOT NULL may have any blanks inside"),
    ("mlflow", "filter", r"\de\+\d", "1e+5 is a number"),
    ("mlflow", "filter", r"(?i)\bNULL\b|\(", "AND may be left out beside IS NULL and lists too"),
    ("mlflow", "order_by", r"^\s|\s$", "an order may have blanks around it"),
    ("mlflow", "any", r"\.\d+(e\d+)?(?!\w)", "keys of digits alone need no quotes"),
    ("mlflow", "any", r"`(metrics|params|tags|attribute)`\.", "entities may be in ` everywhere"),
    ("answer", "order_by", r"[`'\"]\w+$", "`a`ASC is a and ASC; MLflow looks for aASC"),
    ("ours", "order_by", r"[`'\"]\w", "a blank follows a key in quotes"),
    ("ours", "filter", r"(?i)\de-?\d+[a-z_]", "1e5and is not 1e5 and and"),
    ("ours", "any", r"\s\.", "a dot has no blank before it"),
    ("ours", "any", r"\.(\s|$|[^\w\s`'\"])", "a key is not empty and does not begin with a blank"),
    ("ours", "any", r"\.(``|\'\'|\"\")", "a key is not empty"),
    ("ours", "any", r"[`'\"]\.|\.\w+\.?[`'\"]|[`'\"]{2}", "a quoted key is quoted as a whole"),
    ("ours", "filter", r"(=|LIKE)\s*\(", "a list goes with IN only"),
    ("ours", "filter", r"\((['\"]).*\1\s*(['\"])", "texts of a list have commas between them"),
]
# MLflow takes these words for experiments in capitals only.
LOWER_CASE = re.compile(r"\b(?!(?:LIKE|ILIKE|IN|NOT IN)\b)(?i:i?like|(?:not\s+)?in)\b")


def reason_for(search, refused_by, edit):
    texts = [("filter", search["filter"])] + [("order_by", text) for text in search["order_by"]]
    for where, text in texts:
        is_experiments = search["subject"] == "experiments"
        if is_experiments and refused_by == "mlflow" and LOWER_CASE.search(text):
            return "operators of experiments may be in lower case"
        for side, place, form, why in DIFFERENT if edit else []:
            if side == refused_by and place in (where, "any") and re.search(form, text):
                return why
    return None


# ---- the two sides ----

class Store:
    def __init__(self, path, mlflow_path):
        from mlflow.tracking import MlflowClient

        self.client = MlflowClient(mlflow_uri(mlflow_path))
        self.driver = subprocess.Popen([DRIVER, our_uri(path)], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self.experiment_ids = [e.experiment_id for e in self.client.search_experiments(view_type=3)]
        self.run_ids = sorted(run.info.run_id for run in self.client.search_runs(
            self.experiment_ids, run_view_type=3, max_results=50000))

    def ask_mlflow(self, search):
        """(ids, next page token or None), or an exception."""
        try:
            common = {"filter_string": search["filter"], "max_results": search["max_results"],
                      "order_by": search["order_by"], "page_token": search["page_token"]}
            if search["subject"] == "runs":
                page = self.client.search_runs(search["ids"], run_view_type=search["view"] + 1,
                                               **common)
                return [run.info.run_id for run in page], page.token or None
            page = self.client.search_experiments(view_type=search["view"] + 1, **common)
            return [e.experiment_id for e in page], page.token or None
        except Exception as error:  # a wrong filter makes MLflow raise several kinds
            return error

    def ask_ours(self, search):
        def escape(text):
            return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")

        fields = [search["subject"], str(search["view"]), str(search["max_results"]),
                  search["page_token"] or "", ",".join(search["ids"])]
        fields += [escape(text) for text in [search["filter"]] + search["order_by"]]
        self.driver.stdin.write("\t".join(fields) + "\n")
        self.driver.stdin.flush()
        answer = self.driver.stdout.readline().rstrip("\n").split("\t")
        if answer[0] == "ok":
            return answer[2:], None if answer[1] == "-" else answer[1]
        return ValueError(": ".join(answer[1:]))

    def close(self):
        self.driver.stdin.close()
        if self.driver.wait() != 0:
            raise RuntimeError("search_driver ended with status %d" % self.driver.returncode)


def token_of(page):
    return json.loads(base64.b64decode(page)) if page else None


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def say(self, ok, name, detail=""):
        self.passed += ok
        self.failed += not ok
        print("%s %s%s" % ("ok  " if ok else "FAIL", name, "" if ok else detail), flush=True)


def compare(store, search, seen, edit=""):
    """None when both agree, or differ on purpose; else a text."""
    theirs, ours = store.ask_mlflow(search), store.ask_ours(search)
    if isinstance(ours, Exception) and not str(ours).startswith("invalid: "):
        return "ours failed: %s" % ours
    if isinstance(theirs, Exception) and isinstance(ours, Exception):
        seen["refused"] += 1
        return None
    if isinstance(theirs, Exception) or isinstance(ours, Exception):
        refused_by = "mlflow" if isinstance(theirs, Exception) else "ours"
        why = reason_for(search, refused_by, edit)
        if why:
            seen["different"][why] = seen["different"].get(why, 0) + 1
            return None
        return "refused by %s only: %s" % (refused_by, theirs if refused_by == "mlflow" else ours)
    if theirs[0] != ours[0]:
        if reason_for(search, "answer", edit):
            return None
        return "MLflow finds %d, ours %d: %s\n       %s" % (
            len(theirs[0]), len(ours[0]), theirs[0][:4], ours[0][:4])
    if token_of(theirs[1]) != token_of(ours[1]):
        return "next page %s, ours %s" % (token_of(theirs[1]), token_of(ours[1]))
    seen["found"] += len(ours[0]) > 0
    seen["empty"] += len(ours[0]) == 0
    return None


def new_search(rng, store, subject):
    search = {"subject": subject, "view": rng.choice([0, 0, 1, 2]), "filter": "", "order_by": [],
              "max_results": rng.choice([1000, 1000, 20, 7]), "page_token": None,
              "ids": rng.sample(store.experiment_ids, rng.randrange(1, 6))}
    if subject == "experiments":
        search["ids"] = []
    return search


def compare_generated(report, store, name, seed, count, subject, edit):
    rng = random.Random(seed)
    seen = {"found": 0, "empty": 0, "refused": 0, "different": {}}
    wrong = []
    for i in range(count):
        search = new_search(rng, store, subject)
        search["filter"] = filter_of(rng, store, subject)
        search["order_by"] = [order_of(rng, subject) for _ in range(rng.choice([0, 1, 1, 2, 3]))]
        if edit == "filter":
            search["filter"] = mutated(rng, search["filter"])
            search["order_by"] = []
        elif edit == "order":
            search["filter"] = ""
            search["order_by"] = [mutated(rng, order_of(rng, subject))]
        problem = compare(store, search, seen, edit)
        if problem:
            wrong.append("\n     %s order %s view %d: %s" % (
                repr(search["filter"]), search["order_by"], search["view"], problem))
    detail = "%d found some, %d none, %d refused by both, %d refused by one on purpose" % (
        seen["found"], seen["empty"], seen["refused"], sum(seen["different"].values()))
    report.say(not wrong, "%s (%s)" % (name, detail), "".join(wrong[:10]))
    # Searches that find nothing, or are all refused, would agree about anything.
    least = count // 4 if not edit else 1
    report.say(seen["found"] >= least, "%s: enough of them find something" % name)
    if edit:
        report.say(seen["refused"] >= count // 4, "%s: enough of them are wrong" % name)


def compare_pages(report, store):
    for order in (["metrics.loss DESC"], []):
        ids, token, pages = [], None, 0
        seen = {"found": 0, "empty": 0, "refused": 0, "different": {}}
        problem = None
        while not problem:
            search = {"subject": "runs", "view": 2, "filter": "", "order_by": order,
                      "max_results": 50, "page_token": token, "ids": store.experiment_ids}
            problem = compare(store, search, seen)
            page, token = store.ask_ours(search)
            ids += page
            pages += 1
            if not token:
                break
        problem = problem or (sorted(ids) != store.run_ids and "pages lose or repeat runs")
        report.say(not problem and pages > 3, "pages of 50 by %s" % order, ": %s" % problem)


def compare_limits(report, store):
    base = {"subject": "runs", "view": 0, "filter": "", "order_by": [], "max_results": 10,
            "page_token": None, "ids": store.experiment_ids}
    beyond = base64.b64encode(b'{"offset": 9999}').decode()
    cases = {"max_results 50000": {"max_results": 50000},
             "max_results 50001": {"max_results": 50001},
             "a token that is no base64": {"page_token": "@@@"},
             "a token without an offset": {"page_token": base64.b64encode(b'{"a": 1}').decode()},
             "an offset beyond the end": {"page_token": beyond},
             "a field twice": {"order_by": ["start_time", "Created DESC"]},
             "an experiment id that is no number": {"ids": ["x"]}}
    for name, change in cases.items():
        seen = {"found": 0, "empty": 0, "refused": 0, "different": {}}
        problem = compare(store, dict(base, **change), seen)
        report.say(not problem, name, ": %s" % problem)


def compare_store(report, label, store, count):
    searches = [("runs", "", count), ("runs", "filter", count // 2), ("runs", "order", count // 5),
                ("experiments", "", count // 4), ("experiments", "filter", count // 4)]
    for i, (subject, edit, n) in enumerate(searches):
        name = "%s: %d %s%s" % (label, n, subject, " with a changed " + edit if edit else "")
        compare_generated(report, store, name, SEED + i, n, subject, edit)


def main():
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        new = os.path.join(folder, "new.db")
        build_store(new, SEED, RUNS, True)
        store = Store(new, new)
        compare_store(report, "MLflow 3", store, COUNT)
        compare_pages(report, store)
        compare_limits(report, store)
        store.close()

        old_python = os.environ.get("MLFLOW_OLD_PYTHON")
        if POSTGRES:
            skipped = ""
        elif old_python:
            old, copy = os.path.join(folder, "old.db"), os.path.join(folder, "copy.db")
            subprocess.run([old_python, os.path.abspath(__file__), "build", old], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            shutil.copy(old, copy)
            store = Store(old, copy)
            compare_store(report, "a file of MLflow 2.8", store, COUNT // 4)
            store.close()
            skipped = ""
        else:
            skipped = ", 1 skipped"
            print("skipped a file of MLflow 2.8 (MLFLOW_OLD_PYTHON is not set)")
    print("%d passed, %d failed%s" % (report.passed, report.failed, skipped))
    return 1 if report.failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["build"]:
        build_store(sys.argv[2], SEED + 1, RUNS // 3, True)
    else:
        sys.exit(main())
