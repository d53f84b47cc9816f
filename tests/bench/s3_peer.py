# SPDX-License-Identifier: Apache-2.0
"""s3_peer.py HOST LIBRARY VERSITYGW DIRECTORY [quick]: a file put to S3 and fetched, beside boto3
at the same server on this machine, in turns, and beside cp. Prints figures for table.lua.
"""

import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import time

import boto3

KEY, SECRET = "bench", "of no use elsewhere"
ROUNDS = 3
START_S_MAX = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_server(program, directory, port):
    (directory / "buckets" / "bench").mkdir(parents=True)
    log = open(directory / "versitygw.log", "wb")
    server = subprocess.Popen(
        [program, "--port", f"127.0.0.1:{port}", "posix", directory / "buckets"],
        stdout=log, stderr=log, start_new_session=True,
        env=dict(os.environ, ROOT_ACCESS_KEY=KEY, ROOT_SECRET_KEY=SECRET))
    end = time.monotonic() + START_S_MAX
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return server
        except OSError:
            if time.monotonic() > end or server.poll() is not None:
                raise
            time.sleep(0.1)


def timed(call):
    os.sync()
    begin = time.monotonic()
    call()
    return time.monotonic() - begin


def main():
    host, library, program, directory = sys.argv[1], *map(pathlib.Path, sys.argv[2:5])
    megabytes = 100 if "quick" in sys.argv[5:] else 1000
    source, copy = directory / "s3-source.bin", directory / "s3-copy.bin"
    with open(source, "wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1000000))
    port = free_port()
    server = start_server(program, directory, port)
    environment = {"MLFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                   "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
                   "AWS_REGION": "us-east-1", "PATH": os.environ["PATH"], "HOME": str(directory)}
    client = boto3.client("s3", endpoint_url=environment["MLFLOW_S3_ENDPOINT_URL"],
                          aws_access_key_id=KEY, aws_secret_access_key=SECRET,
                          region_name="us-east-1")
    script = pathlib.Path(__file__).with_name("s3_calls.lua")
    ours, theirs, grown, cp = [], [], [], []
    try:
        for _ in range(ROUNDS):
            cp.append(timed(lambda: subprocess.run(["cp", source, copy], check=True)))
            os.sync()
            done = subprocess.run([host, script, library, source, copy], check=True, text=True,
                                  stdout=subprocess.PIPE, env=environment, cwd=directory)
            put_s, get_s, mb = map(float, done.stdout.split())
            assert subprocess.run(["cmp", source, copy]).returncode == 0
            ours.append((put_s, get_s))
            grown.append(mb)
            theirs.append((timed(lambda: client.upload_file(str(source), "bench", "theirs")),
                           timed(lambda: client.download_file("bench", "theirs", str(copy)))))
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        source.unlink()
        copy.unlink(missing_ok=True)
    for index, what in enumerate(("put", "get")):
        name = f"artifact of {megabytes} MB, {what}, s3:"
        mine = megabytes / statistics.median(times[index] for times in ours)
        boto = megabytes / statistics.median(times[index] for times in theirs)
        print(f"figure\t{name}\tMB/s\t{mine:.4g}\t{boto:.4g}\tboto3, same server\t")
        copied = megabytes / statistics.median(cp)
        print(f"figure\t{name}\tMB/s\t{mine:.4g}\t{copied:.4g}\tcp\t")
    print(f"figure\tmemory of the host, growth by {megabytes} MB at s3\tMB\t{max(grown):.3g}\tnan"
          "\t\tours < 90")


if __name__ == "__main__":
    main()
