-- SPDX-License-Identifier: Apache-2.0
-- Writes the man page and the completion scripts, from the sources of `mlmanager help`:
--   lua5.4 scripts/documentation.lua VERSION DIRECTORY
-- makes mlmanager.1, mlmanager.bash, _mlmanager and mlmanager.fish there.

local version, directory = arg[1], arg[2]
local folder = arg[0]:match("^(.*)/[^/]*$") .. "/../lua/host/"

local host, loaded = {}, {}

function host.load(name)
  if not loaded[name] then
    loaded[name] = assert(loadfile(folder .. name .. ".lua"))(host)
  end
  return loaded[name]
end

local function write(name, text)
  local file <close> = assert(io.open(directory .. "/" .. name, "wb"))
  assert(file:write(text))
end

local completion = host.load "completion"
write("mlmanager.1", host.load "manual"(version))
write("mlmanager.bash", completion.bash)
write("_mlmanager", completion.zsh)
write("mlmanager.fish", completion.fish)
