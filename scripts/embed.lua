-- SPDX-License-Identifier: Apache-2.0
-- Writes Lua sources as a C table, so that a program needs no files beside it:
--   lua5.4 scripts/embed.lua OUTPUT.c TABLE NAME=PATH...
-- TABLE is declared by the user as `extern const struct embedded_source TABLE[]` and read by
-- src/binding/embedded.h. A source that does not compile ends the build with Lua's own message.

local output, symbol = arg[1], arg[2]

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

-- Numbers, since a string literal may not be longer than 4095 bytes in portable C.
local function bytes_of(text)
  local lines = {}
  for start = 1, #text, 20 do
    lines[#lines + 1] = table.concat({ text:byte(start, start + 19) }, ",") .. ","
  end
  return table.concat(lines, "\n")
end

local parts = {
  "/* Made by scripts/embed.lua. */",
  '#include "binding/embedded.h"',
  ("extern const struct embedded_source %s[];"):format(symbol),
}
local entries = {}
for i = 3, #arg do
  local name, path = arg[i]:match("^([^=]+)=(.+)$")
  if not name then
    io.stderr:write("embed: '", arg[i], "' is not NAME=PATH\n")
    os.exit(1)
  end
  local text = read(path)
  local chunk, message = load(text, "@" .. path, "t")
  if not chunk then
    io.stderr:write(message, "\n")
    os.exit(1)
  end
  local bytes = bytes_of(text)
  parts[#parts + 1] = ("static const unsigned char source_%d[] = {\n%s\n0};"):format(i, bytes)
  entries[#entries + 1] = ('{ "%s", source_%d, %d },'):format(name, i, #text)
end
parts[#parts + 1] = ("const struct embedded_source %s[] = {\n%s\n{ 0, 0, 0 },\n};\n"):format(symbol,
  table.concat(entries, "\n"))

local file <close> = assert(io.open(output, "wb"))
assert(file:write(table.concat(parts, "\n")))
