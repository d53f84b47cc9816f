# SPDX-License-Identifier: Apache-2.0
"""Our store over REST, on a real MLflow server: the store's contract, the whole tracking API from
Lua, servers that are killed and restarted while it logs, connections that are cut, logins and TLS.

Runs under MLflow 3.17.2, which it starts on free ports of 127.0.0.1. MLMANAGER_HOST is our program,
beside which the C driver lies in peers/.
"""

import contextlib
import datetime
import ipaddress
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request

HOST = os.environ["MLMANAGER_HOST"]
DRIVER = pathlib.Path(HOST).parent / "peers" / "rest_store_driver"
SCRIPT = pathlib.Path(__file__).with_name("rest_store.lua")
SERVER_START_S_MAX = 180
WAIT_S_MAX = 240
POINTS = 4500  # no multiple of what one request takes


class Report:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def run(self, test, *arguments):
        try:
            test(*arguments)
            self.passed += 1
            print("ok   " + test.__name__, flush=True)
        except Exception:
            self.failed += 1
            print("FAIL " + test.__name__)
            traceback.print_exc(file=sys.stdout)
            sys.stdout.flush()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, holds, seconds=WAIT_S_MAX):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise AssertionError("not within %d s: %s" % (seconds, what))
        time.sleep(0.1)


class Server:
    """An MLflow server over an SQLite file, which can be killed and started again."""

    def __init__(self, folder, app=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.port = free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.app = app
        self.process = None

    def start(self):
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1",
                   "--port", str(self.port), "--workers", "1",
                   "--backend-store-uri", "sqlite:///%s" % (self.folder / "store.db"),
                   "--artifacts-destination", str(self.folder / "artifacts")]
        environment = dict(os.environ, MLFLOW_DISABLE_TELEMETRY="true",
                           MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
                           MLFLOW_FLASK_SERVER_SECRET_KEY="for tests",
                           MLFLOW_AUTH_ADMIN_PASSWORD="geheim-12345")
        environment.pop("MLFLOW_TRACKING_URI", None)
        if self.app:
            command += ["--app-name", self.app]
        log = open(self.folder / "server.log", "ab")
        with log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder,
                                            env=environment, start_new_session=True)
        wait_until("the server answers", self.is_up, SERVER_START_S_MAX)

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError((self.folder / "server.log").read_text()[-3000:])
        try:
            with urllib.request.urlopen(self.url + "/health", timeout=5) as answer:
                return answer.read() == b"OK"
        except OSError:
            return False

    def kill(self):
        """kill -9, with its workers, which are of its session."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def rows(self, sql, *arguments):
        with contextlib.closing(sqlite3.connect(self.folder / "store.db", timeout=60)) as db:
            return db.execute(sql, arguments).fetchall()


def run_tests(prefix, tests, starts=True, place=lambda folder: folder):
    """Runs test(server, place(folder)) for each, on one server, which begins running unless
    starts is False. The exit status."""
    report = Report()
    for name in list(os.environ):
        if name.startswith("MLFLOW_") and name != "MLFLOW_OLD_PYTHON" or name.endswith("_proxy"):
            del os.environ[name]
    folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
    server = Server(folder / "server")
    given = place(folder)
    try:
        if starts:
            server.start()
        for test in tests:
            report.run(test, server, given)
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
    print("%d passed, %d failed" % (report.passed, report.failed))
    return 1 if report.failed else 0


class Proxy:
    """Between us and a server. before(n, request) and after(n, answer) see the n-th request and
    its answer: what they give back goes on, None cuts the connection."""

    def __init__(self, port, before=None, after=None, context=None):
        self.target = port
        self.before = before or (lambda number, data: data)
        self.after = after or (lambda number, data: data)
        self.context = context
        self.count = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = "%s://127.0.0.1:%d" % ("https" if context else "http", self.port)
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client:
            if self.context:
                client = self.context.wrap_socket(client, server_side=True)
            with client:
                while self.pass_one(client):
                    pass

    def pass_one(self, client):
        request = read_message(client)
        if not request:
            return False
        with self.lock:
            self.count += 1
            number = self.count
        request = self.before(number, request)
        if request is None:
            return False
        if request.startswith(b"HTTP/"):  # an answer of the proxy's own
            client.sendall(request)
            return True
        with socket.create_connection(("127.0.0.1", self.target)) as server:
            server.sendall(request)
            answer = self.after(number, read_message(server))
        if answer:
            client.sendall(answer)
        return answer is not None


def read_message(peer):
    data = b""
    while b"\r\n\r\n" not in data:
        more = peer.recv(65536)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    size = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            size = int(line.split(b":")[1])
    while len(body) < size:
        more = peer.recv(65536)
        if not more:
            break
        body += more
        data += more
    return data


class Script:
    """One of rest_store.lua's programs, which stops where it says so until it is told to go on."""

    def __init__(self, folder, url, name, *arguments, **environment):
        self.process = subprocess.Popen(
            [HOST, str(SCRIPT), url, name, *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder,
            env=dict(os.environ, XDG_STATE_HOME=str(folder), HOME=str(folder),
                     PYTHONUNBUFFERED="1", **environment))

    def expect(self, word):
        line = self.process.stdout.readline()
        assert line.split(" ")[0].strip() == word, "%r, not %s" % (line, word)
        return line.split()[1:]

    def go_on(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def end(self):
        rest, _ = self.process.communicate(timeout=WAIT_S_MAX)
        assert self.process.returncode == 0, (self.process.returncode, rest)
        return rest


def journals(folder):
    """What is left of journals; the queue of what waited stays, empty."""
    return list((folder / "mlmanager").rglob("*.head"))


def server_id(server, run_id):
    """A run that began while the server was away has two ids."""
    rows = server.rows("SELECT run_uuid FROM tags WHERE key = 'mlmanager.run_id' AND value = ?",
                       run_id)
    return rows[0][0] if rows else run_id


def check_points(server, run_id, count):
    """Every point once: steps 0 to count - 1 of "loss"."""
    rows = server.rows("SELECT count(*), count(DISTINCT step), min(step), max(step) FROM metrics "
                       "WHERE run_uuid = ? AND key = 'loss'", server_id(server, run_id))
    assert rows == [(count, count, 0, count - 1)], rows


# ---- the tests ----


def the_store_keeps_its_contract(server, folder):
    done = subprocess.run([DRIVER, server.url], stdout=subprocess.PIPE, text=True, cwd=folder,
                          timeout=600)
    print("".join("     %s\n" % line for line in done.stdout.splitlines()), end="")
    assert done.returncode == 0 and " 0 failed" in done.stdout


def every_call_of_the_tracking_api(server, folder):
    script = Script(folder, server.url, "everything")
    script.expect("everything")
    script.end()
    assert not journals(folder), journals(folder)


def the_environment_of_mlflow_is_followed(server, folder):
    script = Script(folder, "environment", "everything", MLFLOW_TRACKING_URI=server.url)
    script.expect("everything")
    script.end()


def a_server_that_is_away_while_we_log(server, folder):
    """The script logs all of its points before the server is back: it never waits for it."""
    script = Script(folder, server.url, "flood", POINTS)
    (run_id,) = script.expect("started")
    server.kill()
    script.go_on()
    script.expect("logged")
    server.start()
    script.go_on()
    script.expect("ended")
    script.end()
    check_points(server, run_id, POINTS)
    assert server.rows("SELECT status FROM runs WHERE run_uuid = ?",
                       server_id(server, run_id)) == [("FINISHED",)]
    assert not journals(folder), journals(folder)


def a_server_that_is_killed_in_the_middle_of_a_request(server, folder):
    killed = threading.Event()

    def kill_at_the_third(number, request):
        if b"log-batch" in request and not killed.is_set() and number > 6:
            killed.set()
            threading.Thread(target=server.kill).start()
        return request

    proxy = Proxy(server.port, before=kill_at_the_third)
    script = Script(folder, proxy.url, "flood", POINTS)
    (run_id,) = script.expect("started")
    script.go_on()
    script.expect("logged")
    wait_until("the server is killed", lambda: killed.is_set() and server.process is None)
    server.start()
    script.go_on()
    script.expect("ended")
    script.end()
    proxy.close()
    check_points(server, run_id, POINTS)


def a_process_that_dies_while_the_server_is_away(server, folder):
    script = Script(folder, server.url, "flood", POINTS)
    (run_id,) = script.expect("started")
    server.kill()
    script.go_on()
    script.expect("logged")
    script.process.kill()
    script.process.communicate()
    server.start()
    assert journals(folder)
    script = Script(folder, server.url, "wait_for_end", run_id)
    assert script.expect("status") == ["KILLED"]
    script.end()
    check_points(server, run_id, POINTS)
    assert not journals(folder), journals(folder)


def answers_that_are_cut_off_lose_and_double_nothing(server, folder):
    """Every third answer never comes, though the server did what it was asked; and every fifth
    request is refused as too many."""
    before = server.rows("SELECT count(*) FROM runs")[0][0]

    def refuse(number, request):
        if number % 5 == 0:
            return (b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\n"
                    b"Content-Length: 0\r\n\r\n")
        return request

    def cut(number, answer):
        return None if number % 3 == 0 else answer

    proxy = Proxy(server.port, before=refuse, after=cut)
    script = Script(folder, proxy.url, "several", 4, 1200)
    run_ids = script.expect("ended")
    script.end()
    proxy.close()
    assert len(set(run_ids)) == 4
    assert server.rows("SELECT count(*) FROM runs")[0][0] - before == 4
    for run_id in [server_id(server, run_id) for run_id in run_ids]:
        check_points(server, run_id, 1200)
        assert server.rows("SELECT status FROM runs WHERE run_uuid = ?", run_id) == [("FINISHED",)]
        assert server.rows("SELECT value FROM params WHERE run_uuid = ?", run_id) == [("0.1",)]


def garbage_and_internal_errors_pass(server, folder):
    def spoil(number, request):
        if b"log-batch" in request and number % 2 == 0:
            body = b"<html>oops</html>"
            return b"HTTP/1.1 500 Oops\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        return request

    proxy = Proxy(server.port, before=spoil)
    script = Script(folder, proxy.url, "several", 1, POINTS)
    (run_id,) = script.expect("ended")
    script.end()
    proxy.close()
    check_points(server, run_id, POINTS)


def tls_and_a_bearer_token(server, folder):
    certificate(folder, "ca.pem", "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")

    def check_token(number, request):
        if b"\r\nauthorization: bearer tok-1\r\n" in request.lower():
            return request
        return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"

    proxy = Proxy(server.port, before=check_token, context=context)
    trusted = str(folder / "ca.pem")
    for variables, expected in [
            ({"MLFLOW_TRACKING_SERVER_CERT_PATH": trusted, "MLFLOW_TRACKING_TOKEN": "tok-1"},
             ["ok"]),
            ({"REQUESTS_CA_BUNDLE": trusted, "MLFLOW_TRACKING_TOKEN": "tok-1"}, ["ok"]),
            ({"MLFLOW_TRACKING_INSECURE_TLS": "true", "MLFLOW_TRACKING_TOKEN": "tok-1"}, ["ok"]),
            ({"MLFLOW_TRACKING_SERVER_CERT_PATH": trusted}, ["auth"]),
            ({"MLFLOW_TRACKING_TOKEN": "tok-1"}, ["peer"])]:
        script = Script(folder, proxy.url, "ask", **variables)
        assert script.expect("asked") == expected, variables
        script.end()
    proxy.close()


def basic_authentication(other, folder):
    other.kill()
    server = Server(folder / "auth", "basic-auth")
    try:
        server.start()
        login = server.url.replace("//", "//admin:geheim-12345@")
        for url, variables, expected in [
                (login, {}, ["ok"]),
                (server.url, {"MLFLOW_TRACKING_USERNAME": "admin",
                              "MLFLOW_TRACKING_PASSWORD": "geheim-12345"}, ["ok"]),
                (server.url, {}, ["auth"]),
                (login.replace("12345", "99999"), {}, ["auth"])]:
            script = Script(folder, url, "ask", **variables)
            assert script.expect("asked") == expected, (url, variables)
            script.end()
        script = Script(folder, login, "everything")
        script.expect("everything")
        script.end()
    finally:
        server.kill()


def certificate(folder, ca_name, server_name):
    """A certificate authority of our own, and what it signed for 127.0.0.1."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    now = datetime.datetime.now(datetime.timezone.utc)

    def make(name, issuer, issuer_key, is_ca):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (x509.CertificateBuilder().subject_name(subject)
                   .issuer_name(issuer or subject).public_key(key.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=1))
                   .add_extension(x509.BasicConstraints(is_ca, None), critical=True))
        if not is_ca:
            names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(issuer_key or key, hashes.SHA256()), key

    def pem(one):
        return one.public_bytes(serialization.Encoding.PEM)

    ca, ca_key = make("mlmanager tests", None, None, True)
    one, key = make("127.0.0.1", ca.subject, ca_key, False)
    (folder / ca_name).write_bytes(pem(ca))
    (folder / server_name).write_bytes(pem(one) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))


TESTS = [
    the_store_keeps_its_contract,
    every_call_of_the_tracking_api,
    the_environment_of_mlflow_is_followed,
    tls_and_a_bearer_token,
    answers_that_are_cut_off_lose_and_double_nothing,
    garbage_and_internal_errors_pass,
    a_server_that_is_away_while_we_log,
    a_server_that_is_killed_in_the_middle_of_a_request,
    a_process_that_dies_while_the_server_is_away,
    basic_authentication,
]

if __name__ == "__main__":
    sys.exit(run_tests("mlm-rest-store-", TESTS))
