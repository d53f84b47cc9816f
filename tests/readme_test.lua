-- SPDX-License-Identifier: Apache-2.0
-- Runs every command of README.md, in order, in one shell and a fresh directory:
--   lua5.4 tests/readme_test.lua
-- A block marked sh is run; a text block after it is what it printed last. A console block is
-- played at a terminal. The optional one needs MLflow in build/venv and is skipped without.

local process = require "tests.lua.process"

local TERMINAL = "build/release/tests/terminal"
-- So that what a transcript shows is all that is printed.
local PLAIN = "env MLMANAGER_HISTORY=off NO_COLOR=1 LC_ALL=C.UTF-8"
-- The editor's own sign, which comes once for each line.
local PROMPT = "expect \\e[?2004h"

local root = os.getenv("PWD")
local passed, failed, skipped = 0, 0, 0

local function result(name, problem)
  if problem then
    failed = failed + 1
    print("FAIL " .. name .. "\n" .. problem)
  else
    passed = passed + 1
    print("ok   " .. name)
  end
end

--- The fenced blocks: { kind=, line=, text= }.
local function blocks_of(path)
  local blocks, block, number = {}, nil, 0
  for line in io.lines(path) do
    number = number + 1
    local kind = line:match("^```(.*)$")
    if block and kind then
      block.text = table.concat(block, "\n")
      blocks[#blocks + 1] = block
      block = nil
    elseif block then
      block[#block + 1] = line
    elseif kind then
      block = { kind = kind, line = number + 1 }
    end
  end
  return blocks
end

--- What a terminal test has to do for a transcript.
local function steps_of(block)
  local steps = {}
  for i = 2, #block do
    local prompt, typed = block[i]:match("^(>>? )(.*)$")
    steps[#steps + 1] = prompt and PROMPT
    steps[#steps + 1] = "expect " .. (prompt or block[i])
    steps[#steps + 1] = typed and "send " .. typed .. "\\r"
  end
  steps[#steps + 1] = PROMPT
  steps[#steps + 1] = "send \\x04"
  steps[#steps + 1] = "end"
  return table.concat(steps, "\n") .. "\n"
end

--- This very test would run itself.
local function without_tests(text)
  return (text:gsub("scripts/test%.sh[^\n]*", ":"))
end

local directory = process.directory()
for _, name in ipairs { "scripts", "examples", "build", "src", "lua", "CMakeLists.txt" } do
  os.execute(("ln -s %s/%s %s/%s"):format(root, name, directory, name))
end

-- One shell runs all blocks, as a reader would, and says how each of them ended.
local blocks = blocks_of("README.md")
local shell = { "exec 2>&1", "trap 'bad=$?' ERR" }
for i, block in ipairs(blocks) do
  if block.kind == "sh" then
    shell[#shell + 1] = ("bad=0; echo '@@@ begin %d'"):format(i)
    shell[#shell + 1] = without_tests(block.text)
    shell[#shell + 1] = ("echo \"@@@ end %d $bad\""):format(i)
  elseif block.kind == "console" then
    process.write(directory .. "/steps", steps_of(block))
    shell[#shell + 1] = ("bad=0; echo '@@@ begin %d'"):format(i)
    shell[#shell + 1] = ("%s %s/%s %s <steps"):format(PLAIN, root, TERMINAL,
      block[1]:match("^%$ (.*)$"))
    shell[#shell + 1] = ("echo \"@@@ end %d $bad\""):format(i)
  end
end
local run = process.run { "bash", "-c", table.concat(shell, "\n"), directory = directory,
  environment = { LC_ALL = "C.UTF-8" } }
for i, block in ipairs(blocks) do
  local name = ("README.md:%d"):format(block.line)
  if block.kind == "sh" or block.kind == "console" then
    local out, status = run.out:match(("@@@ begin %d\n(.-)@@@ end %d (%%d+)\n"):format(i, i))
    local expected = block.kind == "sh" and blocks[i + 1] and blocks[i + 1].kind == "text"
      and blocks[i + 1].text .. "\n"
    if status ~= "0" then
      result(name, ("status %s\n%s"):format(status, out or run.out))
    elseif expected and out:sub(-#expected) ~= expected then
      result(name, ("printed\n%sand not\n%s"):format(out, expected))
    else
      result(name)
    end
  elseif block.kind == "sh optional" then
    local venv = root .. "/build/venv/mlflow-3.17.2"
    local file = io.open(venv .. "/complete")
    if file then
      file:close()
      local try = process.run { "bash", "-c", [[
        export PATH="$1/bin:$PATH" MLFLOW_PORT=$((20000 + $$ % 20000))
        # A session of its own, since MLflow's server is many processes.
        setsid bash -c "$2" >ui.log 2>&1 &
        server=$!
        for i in {1..120}; do
          sleep 0.5
          kill -0 $server 2>/dev/null || break
          answer=$("$1/bin/python" -c '
import sys, urllib.request
url = "http://127.0.0.1:" + sys.argv[1] + "/ajax-api/2.0/mlflow/experiments/get-by-name"
answer = urllib.request.urlopen(url + "?experiment_name=first%20steps", timeout=5)
print(answer.read().decode())' $MLFLOW_PORT 2>/dev/null) && break
        done
        kill -- -$server; wait $server
        case $answer in *'"first steps"'*) exit 0 ;; esac
        cat ui.log; exit 1]], "bash", venv, block.text, directory = directory }
      result(name, try.status ~= 0 and try.out .. try.err or nil)
    else
      skipped = skipped + 1
      print("skipped " .. name .. " (no MLflow in build/venv)")
    end
  end
end
process.remove(directory)
print(("%d passed, %d failed%s"):format(passed, failed,
  skipped > 0 and (", %d skipped"):format(skipped) or ""))
os.exit(failed == 0)
