#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# scripts/run.sh [ARGUMENTS…]: brings the release build up to date and becomes the host program,
# in the caller's directory.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
"$here/setup.sh"
"$here/build.sh" release mlmanager_host
exec "$here/../build/release/mlmanager" "$@"
