#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# scripts/versitygw.sh: versitygw, an S3 server over a directory, built from Go's module proxy as
# build/go/versitygw. Made once; silent when it is there. It takes a Go as new as its module wants.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
version=v1.8.0
mkdir -p "$root/build/go"
exec 9>"$root/build/go/lock"
flock 9
[ ! "$root/build/go/versitygw" -nt "${BASH_SOURCE[0]}" ] || exit 0
echo "versitygw: building $version"
GOBIN=$root/build/go go install "github.com/versity/versitygw/cmd/versitygw@$version" </dev/null
touch "$root/build/go/versitygw"
