# SPDX-License-Identifier: Apache-2.0
# Group: peers
"""Artifacts at s3://, on moto with its signatures checked, and on versitygw, which checks
signatures and the hashes of bodies: the contract, boto3 and MLflow's client beside us, connections
that are cut, bytes that are damaged, keys from every place where they may be.

Runs under MLflow 3.17.2. MLMANAGER_HOST is our program, beside which the driver lies in peers/.
versitygw is built by scripts/versitygw.sh; where it cannot be, its tests are skipped by name.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.config import Config

from rest_store import HOST, Proxy, Report, free_port, read_message, wait_until

DRIVER = pathlib.Path(HOST).parent / "peers" / "artifact_driver"
SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUCKET = "runs"
ROOT = "s3://runs/%s/artifacts"
BIG = 256 << 20
RSS_KB_MAX = 110 << 10

SCRIPT = """
local mlmanager = require "mlmanager"
local manager = mlmanager.MLManager{store = "sqlite:runs.db", artifacts = "s3://runs/of lua"}
manager.create_experiment "artifacts at S3"
local run = manager.start_run()
assert(manager.get_run(run.run_id).info.artifact_uri:match "^s3://runs/of lua/")
manager.log_artifact(arg[1], "a dir/é #1 100%41.bin")
manager.log_text("one\\n", "note.txt")
local names = {}
for _, entry in ipairs(manager.list_artifacts()) do
  names[#names + 1] = entry.path
end
assert(table.concat(names, ",") == "a dir,note.txt", table.concat(names, ","))
manager.download_artifact("a dir/é #1 100%41.bin", arg[2])
manager.delete_artifact("a dir")
assert(#manager.list_artifacts() == 1)
"""


class Service:
    """A server of S3 with one bucket, and the keys to it."""

    region = "us-east-1"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.port = free_port()
        self.url = "http://127.0.0.1:%d" % self.port

    def start(self, command, **environment):
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder,
                                            env=dict(os.environ, **environment),
                                            start_new_session=True)
        wait_until("the service answers", self.is_up, 60)

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError((self.folder / "server.log").read_text()[-3000:])
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def client(self, name="s3", **more):
        keys = dict(aws_access_key_id=self.key, aws_secret_access_key=self.secret)
        return boto3.client(name, endpoint_url=self.url, region_name=self.region,
                            config=Config(s3={"addressing_style": "path"}), **{**keys, **more})

    def environment(self, **more):
        bare = {name: value for name, value in os.environ.items()
                if not name.startswith("AWS_")}
        return dict(bare, HOME=str(self.folder), AWS_ACCESS_KEY_ID=self.key,
                    AWS_SECRET_ACCESS_KEY=self.secret, AWS_DEFAULT_REGION=self.region,
                    MLFLOW_S3_ENDPOINT_URL=self.url, AWS_EC2_METADATA_DISABLED="true", **more)


class OpenMoto(Service):
    """Checks nothing: it answers AssumeRoleWithWebIdentity only so."""

    key, secret = "anybody", "anything"

    def __init__(self, folder):
        super().__init__(folder)
        self.start_moto()
        self.client().create_bucket(Bucket=BUCKET)

    def start_moto(self):
        self.start([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)])


class Moto(OpenMoto):
    name = "moto"

    def __init__(self, folder):
        Service.__init__(self, folder)
        self.start_moto()
        iam = boto3.client("iam", endpoint_url=self.url, region_name="us-east-1",
                           aws_access_key_id="first", aws_secret_access_key="first")
        iam.create_user(UserName="ada")
        made = iam.create_access_key(UserName="ada")["AccessKey"]
        self.key, self.secret = made["AccessKeyId"], made["SecretAccessKey"]
        everything = json.dumps({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
        anybody = json.dumps({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                           "Principal": {"AWS": "*"}}]})
        iam.put_user_policy(UserName="ada", PolicyName="all", PolicyDocument=everything)
        role = iam.create_role(RoleName="runner", AssumeRolePolicyDocument=anybody)
        self.role = role["Role"]["Arn"]
        iam.put_role_policy(RoleName="runner", PolicyName="all", PolicyDocument=everything)
        # From here on moto looks at signatures.
        urllib.request.urlopen(urllib.request.Request(
            self.url + "/moto-api/reset-auth", data=b"0",
            headers={"Content-Type": "text/plain"})).read()
        self.client().create_bucket(Bucket=BUCKET)


class Versitygw(Service):
    name = "versitygw"
    key, secret = "ada", "open sesame/+="
    options = ()

    def __init__(self, folder):
        super().__init__(folder)
        (self.folder / "buckets" / BUCKET).mkdir(parents=True)
        self.start([SOURCE / "build" / "go" / "versitygw", "--port", "127.0.0.1:%d" % self.port,
                    *self.options, "posix", self.folder / "buckets"],
                   ROOT_ACCESS_KEY=self.key, ROOT_SECRET_KEY=self.secret)


class TlsVersitygw(Versitygw):
    """Over TLS, in another region than its clients think, with buckets as hosts' names."""

    def __init__(self, folder):
        certificate = "%s.pem" % folder
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-keyout", "%s.key" % folder, "-out",
                        certificate, "-addext", "subjectAltName=DNS:localhost,DNS:runs.localhost"],
                       check=True, stderr=subprocess.DEVNULL)
        self.options = ("--cert", certificate, "--key", "%s.key" % folder, "--region",
                        "eu-central-1", "--virtual-domain", "localhost")
        super().__init__(folder)
        (self.folder / "buckets" / "with.dots").mkdir()
        self.url = "https://localhost:%d" % self.port
        self.certificate = certificate


def read_answer(server, is_head):
    """Of a request that may have asked for leave to send its body."""
    answer = b"HTTP/1.1 100 "
    while answer.startswith(b"HTTP/1.1 100 "):
        answer = server.recv(1 << 16) if is_head else read_message(server)
        if answer.startswith(b"HTTP/1.1 100 "):
            answer = answer.partition(b"\r\n\r\n")[2] or b"HTTP/1.1 100 "
    return answer


class S3Proxy(Proxy):
    """Knows that the answer to a HEAD has no body. What after() gives may be a part of the answer:
    then the connection is cut behind it."""

    def pass_one(self, client):
        request = read_message(client)
        if not request:
            return False
        with self.lock:
            self.count += 1
            number = self.count
        changed = self.before(number, request)
        if changed is None:
            return False
        is_head = request.startswith(b"HEAD")
        with socket.create_connection(("127.0.0.1", self.target)) as server:
            server.sendall(changed)
            answer = read_answer(server, is_head)
        given = self.after(request, answer)
        client.sendall(given)
        return not is_head and len(given) == len(answer)

    def environment(self, service):
        return service.environment() | {"MLFLOW_S3_ENDPOINT_URL": self.url}


def drive(environment, *arguments, **more):
    return subprocess.run([DRIVER, *map(str, arguments)], stdout=subprocess.PIPE, text=True,
                          timeout=600, env=environment, **more)


def must(done):
    assert done.returncode == 0, done.stdout
    return done.stdout


def make_file(path, size):
    path.write_bytes(os.urandom(size))
    return path


# ---- the tests ----


def the_contract_holds(service, folder):
    done = drive(service.environment(), "contract", "s3://runs/contract")
    print("".join("     %s\n" % line for line in done.stdout.splitlines()), end="")
    assert done.returncode == 0 and " 0 failed" in done.stdout


def scripts_log_and_read(service, folder):
    script = folder / "script.lua"
    script.write_text(SCRIPT)
    logged = make_file(folder / "logged.bin", 3 << 20)
    subprocess.run([HOST, script, logged, folder / "back.bin"], check=True, cwd=folder,
                   env=service.environment())
    assert (folder / "back.bin").read_bytes() == logged.read_bytes()


def boto3_and_mlflow_read_what_we_wrote_and_we_what_they_wrote(service, folder):
    client = service.client()
    environment = service.environment()
    for name, size in ("small é#%41 +.bin", 1000), ("parts.bin", (40 << 20) + 5):
        ours = make_file(folder / "ours", size)
        must(drive(environment, "put", ROOT % "both", name, ours))
        answer = client.get_object(Bucket=BUCKET, Key="both/artifacts/" + name,
                                   ChecksumMode="ENABLED")
        assert answer["Body"].read() == ours.read_bytes()
        if service.name == "versitygw":  # moto keeps none of parts
            assert answer["ChecksumSHA256"].endswith("-6" if size > 1 << 20 else "=")
        client.upload_file(str(ours), BUCKET, "both/artifacts/of boto3 " + name)
        back = folder / ("back of " + name)
        must(drive(environment, "get", ROOT % "both", "of boto3 " + name, back))
        assert back.read_bytes() == ours.read_bytes()
    assert "Uploads" not in client.list_multipart_uploads(Bucket=BUCKET)
    program = ("import sys, mlflow.artifacts\n"
               "from mlflow.store.artifact.artifact_repository_registry import *\n"
               "store = get_artifact_repository(sys.argv[1])\n"
               "store.log_artifact(sys.argv[2], 'of mlflow')\n"
               "print(mlflow.artifacts.download_artifacts(sys.argv[1] + '/parts.bin'))\n")
    done = subprocess.run([sys.executable, "-c", program, ROOT % "both", folder / "ours"],
                          stdout=subprocess.PIPE, text=True, env=environment, check=True)
    assert pathlib.Path(done.stdout.strip()).read_bytes() == ours.read_bytes()
    must(drive(environment, "get", ROOT % "both", "of mlflow/ours", folder / "from mlflow"))
    assert (folder / "from mlflow").read_bytes() == ours.read_bytes()


def listings_and_deletions_take_several_pages(service, folder):
    client = service.client()
    for number in range(1203):
        client.put_object(Bucket=BUCKET, Key="pages/artifacts/tree/%04d <&>" % number, Body=b"")
    environment = service.environment()
    listed = must(drive(environment, "list", ROOT % "pages", "tree", "-"))
    assert listed.startswith("tree/0000 <&> 0, "), listed[:100]
    must(drive(environment, "remove", ROOT % "pages", "tree", "-"))
    assert "Contents" not in client.list_objects_v2(Bucket=BUCKET, Prefix="pages/")


def wrong_keys_are_one_sentence(service, folder):
    note = make_file(folder / "note", 10)
    environment = service.environment()
    environment["AWS_SECRET_ACCESS_KEY"] = "verysecret" * 4
    done = drive(environment, "put", ROOT % "wrong", "x", note)
    assert done.stdout.startswith("auth: ") and done.stdout.count("\n") == 1, done.stdout
    assert "secret key of the environment" in done.stdout and "very" not in done.stdout
    done = drive(service.environment(), "put", "s3://no-such-bucket/x", "x", note)
    assert done.stdout.startswith("not_found: there is no bucket 'no-such-bucket'"), done.stdout


def cut_connections_are_tried_again(service, folder):
    for size in 12 << 20, 40 << 20:  # read in one answer, and in parts
        logged = make_file(folder / "cut.bin", size)
        cut = []

        def cut_requests(number, data):
            if data.startswith(b"PUT") and len(cut) < 3:
                cut.append(number)
                return None
            return data

        def cut_answers(request, answer):
            if len(answer) > 1 << 20 and len(cut) < 5:
                cut.append(0)
                return answer[:len(answer) // 2]
            return answer

        proxy = S3Proxy(service.port, before=cut_requests)
        must(drive(proxy.environment(service), "put", ROOT % "cut", "x", logged))
        proxy.close()
        assert len(cut) == 3
        proxy = S3Proxy(service.port, after=cut_answers)
        must(drive(proxy.environment(service), "get", ROOT % "cut", "x", folder / "cut.back"))
        proxy.close()
        assert len(cut) == 5
        assert (folder / "cut.back").read_bytes() == logged.read_bytes()


def large_ones_come_in_parts_of_one_state(service, folder):
    logged = make_file(folder / "parts.bin", (40 << 20) + 5)
    must(drive(service.environment(), "put", ROOT % "parts", "x", logged))
    ranges = []

    def note(number, data):
        head = data[:4000].partition(b"\r\n\r\n")[0].lower()
        if b"\r\nrange: " in head:
            ranges.append(head.partition(b"\r\nrange: bytes=")[2].partition(b"\r\n")[0])
        return data

    proxy = S3Proxy(service.port, before=note)
    must(drive(proxy.environment(service), "get", ROOT % "parts", "x", folder / "parts.back"))
    proxy.close()
    assert (folder / "parts.back").read_bytes() == logged.read_bytes()
    assert sorted(ranges, key=lambda text: int(text.split(b"-")[0])) == [
        b"%d-%d" % (first, min(first + (8 << 20), (40 << 20) + 5) - 1)
        for first in range(0, (40 << 20) + 5, 8 << 20)], ranges

    def replace_meanwhile(number, data):
        if note(number, data) and len(ranges) == 7:
            service.client().put_object(Bucket=BUCKET, Key="parts/artifacts/x", Body=b"new")
        return data

    proxy = S3Proxy(service.port, before=replace_meanwhile)
    done = drive(proxy.environment(service), "get", ROOT % "parts", "x", folder / "parts.back")
    proxy.close()
    assert done.stdout.startswith("again: ") and "replaced while" in done.stdout, done.stdout


def an_answer_to_the_end_of_an_upload_may_be_lost(service, folder):
    logged = make_file(folder / "lost.bin", 20 << 20)
    lost = []

    def lose(request, answer):
        if request.startswith(b"POST") and b"uploadId=" in request[:2000] and not lost:
            lost.append(answer)
            return b""
        return answer

    proxy = S3Proxy(service.port, after=lose)
    must(drive(proxy.environment(service), "put", ROOT % "lost", "x", logged))
    proxy.close()
    assert lost
    must(drive(service.environment(), "get", ROOT % "lost", "x", folder / "lost.back"))
    assert (folder / "lost.back").read_bytes() == logged.read_bytes()


def flip(data):
    place = len(data) - 1000
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1:]


def damaged_bytes_are_seen(service, folder):
    logged = make_file(folder / "flip.bin", 12 << 20)
    damaged = []

    def damage_once(number, data):
        if data.startswith(b"PUT") and not damaged:
            damaged.append(number)
            return flip(data)
        return data

    if service.name == "versitygw":  # moto does not look at the bytes
        proxy = S3Proxy(service.port, before=damage_once)
        must(drive(proxy.environment(service), "put", ROOT % "flip", "x", logged))
        proxy.close()
        assert damaged
    else:
        must(drive(service.environment(), "put", ROOT % "flip", "x", logged))
    must(drive(service.environment(), "get", ROOT % "flip", "x", folder / "flip.back"))
    assert (folder / "flip.back").read_bytes() == logged.read_bytes()
    small = make_file(folder / "small.bin", 5000)
    must(drive(service.environment(), "put", ROOT % "flip", "small", small))
    service.client().put_object(Bucket=BUCKET, Key="flip/artifacts/of boto3", Body=bytes(5000))
    # moto keeps no checksum of parts.
    for name in ("of boto3", "small") + (("x",) if service.name == "versitygw" else ()):
        proxy = S3Proxy(service.port, after=lambda request, answer:
                        flip(answer) if len(answer) > 4000 else answer)
        done = drive(proxy.environment(service), "get", ROOT % "flip", name, folder / "flipped")
        proxy.close()
        assert done.stdout.startswith("corrupt: "), done.stdout


def a_program_that_dies_leaves_nothing_visible(service, folder):
    program = subprocess.Popen([DRIVER, "put", ROOT % "killed", "half", "-"],
                               stdin=subprocess.PIPE, env=service.environment())
    program.stdin.write(bytes(40 << 20))
    program.stdin.flush()
    time.sleep(1)
    program.kill()
    program.wait()
    assert must(drive(service.environment(), "list", ROOT % "killed", "", "-")) == "\n"


def a_reader_that_fails_leaves_no_parts(service, folder):
    client = service.client()
    # A directory opens, and cannot be read.
    assert drive(service.environment(), "put", ROOT % "none", "x", "/proc/self/mem").returncode
    for upload in client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()):
        assert "none/" not in upload["Key"]
    assert must(drive(service.environment(), "list", ROOT % "none", "", "-")) == "\n"


def bytes_stream_both_ways(service, folder):
    big = make_file(folder / "big.bin", BIG)
    for action, path in ("put", big), ("get", folder / "big.back"):
        peak = must(drive(service.environment(MLM_TEST_PEAK="1"), action, ROOT % "big", "big",
                          path))
        assert int(peak) < RSS_KB_MAX, peak
    assert subprocess.run(["cmp", big, folder / "big.back"]).returncode == 0
    must(drive(service.environment(), "remove", ROOT % "big", "", "-"))


class Metadata(BaseHTTPRequestHandler):
    """The metadata service of an instance, and that of a container."""

    def log_message(self, *arguments):
        pass

    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_PUT(self):
        assert self.path == "/latest/api/token"
        assert self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        self.answer("a token")

    def do_GET(self):
        keys = json.dumps({"AccessKeyId": self.server.service.key,
                           "SecretAccessKey": self.server.service.secret,
                           "Expiration": "2099-01-01T00:00:00Z"})
        if self.path == "/container":
            is_known = self.headers["Authorization"] == "of the container"
        else:
            is_known = self.headers["X-aws-ec2-metadata-token"] == "a token"
        if not is_known:
            self.send_error(401)
        elif self.path.endswith("/security-credentials/"):
            self.answer("a-role")
        else:
            self.answer(keys)


def keys_come_from_where_they_are(service, folder):
    note = make_file(folder / "note", 10)
    bare = service.environment()
    del bare["AWS_ACCESS_KEY_ID"], bare["AWS_SECRET_ACCESS_KEY"]
    done = drive(bare, "put", ROOT % "keys", "none", note)
    assert done.stdout.startswith("auth: there are no AWS credentials"), done.stdout
    (folder / "shared").write_text(
        "[default]\naws_access_key_id = x\naws_secret_access_key = y\n\n[other]\n"
        "aws_access_key_id=%s\naws_secret_access_key = %s\n" % (service.key, service.secret))
    profile = bare | {"AWS_PROFILE": "other", "AWS_SHARED_CREDENTIALS_FILE": str(folder / "shared")}
    must(drive(profile, "put", ROOT % "keys", "profile", note))
    metadata = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    metadata.service = service
    threading.Thread(target=metadata.serve_forever, daemon=True).start()
    url = "http://127.0.0.1:%d" % metadata.server_address[1]
    instance = bare | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": url,
                       "AWS_EC2_METADATA_DISABLED": "false"}
    must(drive(instance, "put", ROOT % "keys", "instance", note))
    (folder / "token").write_text("of the container\n")
    container = bare | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url + "/container",
                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(folder / "token")}
    must(drive(container, "put", ROOT % "keys", "container", note))
    metadata.shutdown()
    listed = must(drive(bare | profile, "list", ROOT % "keys", "", "-"))
    assert listed == "container 10, instance 10, profile 10\n", listed


def a_session_token_is_shown(service, folder):
    made = service.client("sts").assume_role(RoleArn=service.role, RoleSessionName="tests")
    keys = made["Credentials"]
    environment = service.environment()
    environment |= {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
                    "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
                    "AWS_SESSION_TOKEN": keys["SessionToken"]}
    must(drive(environment, "put", ROOT % "token", "x", make_file(folder / "note", 10)))


def identity_of(environment):
    """Whom boto3 asks as."""
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    return subprocess.run([sys.executable, "-c", program], env=environment, text=True, check=True,
                          stdout=subprocess.PIPE).stdout


def roles_are_taken_up(service, folder):
    """By keys of another profile, by those that a program prints; boto3 takes the same ways."""
    note = make_file(folder / "note", 10)
    bare = service.environment() | {"AWS_ENDPOINT_URL_STS": service.url,
                                    "AWS_CONFIG_FILE": str(folder / "config"),
                                    "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none")}
    del bare["AWS_ACCESS_KEY_ID"], bare["AWS_SECRET_ACCESS_KEY"]
    printed = json.dumps({"Version": 1, "AccessKeyId": service.key,
                          "SecretAccessKey": service.secret})
    (folder / "print.sh").write_text("echo '%s'\n" % printed)
    (folder / "config").write_text(
        "[profile base]\naws_access_key_id = %s\naws_secret_access_key = %s\n"
        "[profile role]\nrole_arn = %s\nsource_profile = base\nrole_session_name = of.role\n"
        "[profile program]\ncredential_process = sh '%s'\n"
        "[profile sourced]\nrole_arn = %s\ncredential_source = Environment\n"
        "[profile browser]\nsso_start_url = https://x\nsso_region = us-east-1\n"
        "sso_account_id = 1\nsso_role_name = x\n"
        % (service.key, service.secret, service.role, folder / "print.sh", service.role))
    for name in "role", "program":
        way = bare | {"AWS_PROFILE": name}
        must(drive(way, "put", ROOT % "roles", name, note))
        assert ("/runner/" in identity_of(way)) == (name == "role")
    way = service.environment() | {"AWS_ENDPOINT_URL_STS": service.url,
                                   "AWS_CONFIG_FILE": str(folder / "config"),
                                   "AWS_PROFILE": "sourced"}
    listed = must(drive(way, "list", ROOT % "roles", "", "-"))
    assert listed == "program 10, role 10\n", listed
    done = drive(bare | {"AWS_PROFILE": "browser"}, "put", ROOT % "roles", "x", note)
    assert done.stdout.startswith("auth: ") and "export-credentials" in done.stdout, done.stdout
    wrong = bare | {"AWS_PROFILE": "role", "AWS_CONFIG_FILE": str(folder / "wrong")}
    (folder / "wrong").write_text((folder / "config").read_text().replace(service.secret, "no"))
    done = drive(wrong, "put", ROOT % "roles", "x", note)
    assert done.stdout.startswith("auth: the AWS role") and \
        "SignatureDoesNotMatch" in done.stdout, done.stdout


def a_token_takes_up_a_role(service, folder):
    """As EKS has it, on a service that does not ask whose token it is."""
    (folder / "token").write_text("a token of the cluster")
    pod = OpenMoto(folder / "open")
    try:
        bare = pod.environment() | {"AWS_ENDPOINT_URL_STS": pod.url, "AWS_ROLE_ARN": service.role,
                                    "AWS_WEB_IDENTITY_TOKEN_FILE": str(folder / "token")}
        del bare["AWS_ACCESS_KEY_ID"], bare["AWS_SECRET_ACCESS_KEY"]
        must(drive(bare, "put", ROOT % "pod", "x", make_file(folder / "note", 10)))
        assert must(drive(bare, "list", ROOT % "pod", "", "-")) == "x 10\n"
        assert "/runner/" in identity_of(bare)
    finally:
        pod.kill()


def tls_is_checked_and_buckets_are_hosts(service, folder):
    note = make_file(folder / "note", 10)
    tls = TlsVersitygw(folder / "tls")
    try:
        trusting = tls.environment(AWS_CA_BUNDLE=tls.certificate)
        virtual = {"MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE": "virtual"}
        must(drive(trusting, "put", ROOT % "tls", "in the path", note))
        must(drive(trusting | virtual, "put", ROOT % "tls", "in the host", note))
        must(drive(tls.environment(MLFLOW_S3_IGNORE_TLS="true"), "put", ROOT % "tls", "any", note))
        (folder / "config").write_text("[default]\nregion = eu-central-1\ns3 =\n"
                                       "  addressing_style = virtual\n")
        of_profile = trusting | {"AWS_CONFIG_FILE": str(folder / "config")}
        del of_profile["AWS_DEFAULT_REGION"]
        must(drive(of_profile, "put", ROOT % "tls", "by the profile", note))
        # The star of a certificate would not stand for two names.
        must(drive(trusting | virtual, "put", "s3://with.dots/tls/artifacts", "x", note))
        client = boto3.client("s3", endpoint_url=tls.url, region_name="eu-central-1",
                              verify=tls.certificate, aws_access_key_id=tls.key,
                              aws_secret_access_key=tls.secret,
                              config=Config(s3={"addressing_style": "path"}))
        listed = [entry["Key"] for entry in client.list_objects_v2(Bucket=BUCKET)["Contents"]]
        assert listed == ["tls/artifacts/" + name for name in
                          ("any", "by the profile", "in the host", "in the path")], listed
        assert client.list_objects_v2(Bucket="with.dots")["KeyCount"] == 1
        done = drive(tls.environment(), "put", ROOT % "tls", "x", note)
        assert "certificate of localhost" in done.stdout and "not trusted" in done.stdout, done
    finally:
        tls.kill()


def arguments_of_an_upload(service, folder):
    note = make_file(folder / "note", 10)
    environment = service.environment(
        MLFLOW_S3_UPLOAD_EXTRA_ARGS='{"StorageClass": "STANDARD_IA", "CacheControl": "no-store"}')
    must(drive(environment, "put", ROOT % "extra", "x", note))
    head = service.client().head_object(Bucket=BUCKET, Key="extra/artifacts/x")
    assert head["CacheControl"] == "no-store"
    environment["MLFLOW_S3_UPLOAD_EXTRA_ARGS"] = '{"Storage": "x"}'
    done = drive(environment, "put", ROOT % "extra", "y", note)
    assert done.stdout.startswith("invalid: ") and "'Storage'" in done.stdout, done.stdout


TESTS = (the_contract_holds, scripts_log_and_read,
         boto3_and_mlflow_read_what_we_wrote_and_we_what_they_wrote,
         listings_and_deletions_take_several_pages, wrong_keys_are_one_sentence,
         cut_connections_are_tried_again, large_ones_come_in_parts_of_one_state,
         an_answer_to_the_end_of_an_upload_may_be_lost,
         damaged_bytes_are_seen, a_program_that_dies_leaves_nothing_visible,
         a_reader_that_fails_leaves_no_parts, bytes_stream_both_ways,
         keys_come_from_where_they_are, arguments_of_an_upload)


def run(report, service_class, tests, folder):
    service = service_class(folder / service_class.name)
    try:
        for test in tests:
            place = folder / ("%s-%s" % (service.name, test.__name__))
            place.mkdir()
            print("%s:" % service.name)
            report.run(test, service, place)
            shutil.rmtree(place, ignore_errors=True)
    finally:
        service.kill()


def main():
    report = Report()
    for name in list(os.environ):
        if name.startswith(("MLFLOW_", "AWS_")) or name.endswith("_proxy"):
            del os.environ[name]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mlm-s3-"))
    skipped = 0
    try:
        run(report, Moto, TESTS + (a_session_token_is_shown, roles_are_taken_up,
                                   a_token_takes_up_a_role), folder)
        if subprocess.run([SOURCE / "scripts" / "versitygw.sh"]).returncode == 0:
            run(report, Versitygw, TESTS + (tls_is_checked_and_buckets_are_hosts,), folder)
        else:
            skipped = 1
            print("skipped versitygw (it takes a newer Go, and Go's module proxy)")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("%d passed, %d failed%s" % (report.passed, report.failed,
                                      ", 1 skipped" if skipped else ""))
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
