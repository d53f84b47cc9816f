-- SPDX-License-Identifier: Apache-2.0
-- Programs as the specs run them: in a directory of their own, with what they wrote and how they
-- ended.

local process = {}

local function quote(word)
  return "'" .. tostring(word):gsub("'", "'\\''") .. "'"
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

function process.write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

--- An empty directory; give it to remove() afterwards.
function process.directory()
  local pipe <close> = assert(io.popen("mktemp -d"))
  return pipe:read("l")
end

function process.remove(directory)
  assert(directory:match("^/.+/tmp%.%w+$"))
  os.execute("rm -rf " .. quote(directory))
end

--- Runs { program, arguments...; directory=, input=, environment={NAME=value} } to its end.
--- Returns { status=, out=, err= }; status is 128 and the signal's number after a signal.
function process.run(command)
  local words = { "cd", quote(command.directory), "&&", "env" }
  for name, value in pairs(command.environment or {}) do
    words[#words + 1] = quote(name .. "=" .. value)
  end
  for _, word in ipairs(command) do
    words[#words + 1] = quote(word)
  end
  local files = process.directory()
  process.write(files .. "/in", command.input or "")
  local _, how, code = os.execute(("( %s ) <%s/in >%s/out 2>%s/err"):format(
    table.concat(words, " "), files, files, files))
  local result = {
    status = how == "signal" and 128 + code or code,
    out = read(files .. "/out"),
    err = read(files .. "/err"),
  }
  process.remove(files)
  return result
end

return process
