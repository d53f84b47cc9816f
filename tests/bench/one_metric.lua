-- SPDX-License-Identifier: Apache-2.0
-- A script that logs one metric and ends: what a cold start is measured with.
local mlmanager = require "mlmanager"
mlmanager.create_experiment("bench")
mlmanager.start_run()
mlmanager.log_metric("loss", 0.3)
