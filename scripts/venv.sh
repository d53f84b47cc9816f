#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# scripts/venv.sh VERSION: MLflow of that version, its driver for PostgreSQL, scikit-learn and
# psutil, and beside the newer one boto3 and moto, a stand-in for AWS; from PyPI, in
# build/venv/mlflow-VERSION. Made once; silent when it is there.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/build/venv/mlflow-$1
mkdir -p "$root/build/venv"
exec 9>"$venv.lock"
flock 9
# One that an older form of this script made lacks something.
[ ! "$venv/complete" -nt "${BASH_SOURCE[0]}" ] || exit 0

echo "venv: installing mlflow $1 from PyPI"
rm -rf "$venv"
# Debian's python3-venv belongs to Debian's interpreter, which need not be the first in PATH.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
"$python" -m venv "$venv"
packages=("mlflow==$1" scikit-learn psutil psycopg2-binary)
case $1 in
# It imports pkg_resources without asking for it, and a class that SQLAlchemy has dropped.
2.*) packages+=("setuptools<80" "sqlalchemy<2.1") ;;
# Its basic-auth app needs it; all of mlflow[auth] is more.
3.*) packages+=("flask-wtf<2" boto3 "moto[s3,server]") ;;
esac
"$venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}" </dev/null
"$venv/bin/python" -c 'import mlflow.store.db.utils, psutil, psycopg2, sklearn'
touch "$venv/complete"
