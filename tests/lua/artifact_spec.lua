-- SPDX-License-Identifier: Apache-2.0
-- Artifacts: the forms of the calls, what they store and what they refuse, on files and in the
-- tracking database.

local process = require "tests.lua.process"
local scratch = require "tests.lua.scratch"
local refused = scratch.refused

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
  return path
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

--- A spec inside a run, with a directory beside the store that is removed after it.
local function in_run(artifacts, fn)
  return scratch.store(function(first, _, open)
    local manager = artifacts and open { artifacts = artifacts } or first
    manager:create_experiment("spec")
    local run = manager:start_run()
    local place = process.directory()
    local ok, failure = xpcall(fn, debug.traceback, manager, run, place)
    process.remove(place)
    if run:is_open() then
      run:close()
    end
    if not ok then
      error(failure, 0)
    end
  end)
end

local function paths(manager, path, run_id)
  local list = {}
  for i, artifact in ipairs(manager:list_artifacts(path, run_id)) do
    list[i] = artifact.path .. (artifact.is_dir and "/" or " " .. artifact.file_size)
  end
  return table.concat(list, ", ")
end

for kind, artifacts in pairs { files = false, blob = "blob:" } do
  describe("artifacts as " .. kind, function()
    it("are logged under their own name or another", in_run(artifacts,
      function(manager, run, place)
        local file = write(place .. "/a b#%.txt", "hello")
        manager:log_artifact(file)
        manager.log_artifact(file, "plots/ä.txt")
        manager.log_artifact { file_name = file, name = "by keyword" }
        run:log_artifact(file, "of the run")
        assert.equal("a b#%.txt 5, by keyword 5, of the run 5, plots/", paths(manager))
        assert.equal("plots/ä.txt 5", paths(manager, "plots"))
        assert.equal("hello", manager.retrieve_artifact_stream(run.run_id, "a b#%.txt"))
        assert.equal("hello", run:retrieve_artifact_stream(nil, "plots/ä.txt"))
      end))

    it("take all files or none", in_run(artifacts, function(manager, _, place)
      local one, two = write(place .. "/1", "1"), write(place .. "/2", "22")
      refused("invalid", { "2 items", "1;" }, manager.log_artifacts, { one, two }, { "x" })
      refused("not_found", "missing", manager.log_artifacts, { one, place .. "/missing" },
        { "x", "y" })
      refused("invalid", "twice", manager.log_artifacts, { one, two }, { "x", "x" })
      refused("invalid", "item 2 of names", manager.log_artifacts, { one, two }, { "x", 5 })
      assert.equal("", paths(manager))
      manager.log_artifacts({ one, two }, { "x", "y" })
      manager.log_artifacts { one, two }
      manager.log_artifacts { file_names = { one }, names = { "z" } }
      assert.equal("1 1, 2 2, x 1, y 2, z 1", paths(manager))
    end))

    it("are downloaded, iterated and deleted", in_run(artifacts, function(manager, run, place)
      local bytes = ("\0\1\255 "):rep(700000)
      manager.log_text(bytes, "big.bin")
      manager.download_artifact("big.bin", place .. "/copy")
      assert.is_true(read(place .. "/copy") == bytes)
      local pieces, sizes = {}, {}
      for piece in manager.retrieve_artifact_stream(run.run_id, "big.bin",
        { chunk_bytes = 1000000 }) do
        pieces[#pieces + 1] = piece
        sizes[#sizes + 1] = #piece
      end
      assert.same({ 1000000, 1000000, 800000 }, sizes)
      assert.is_true(table.concat(pieces) == bytes)
      local count = 0
      for _ in manager.retrieve_artifact_stream(nil, "big.bin", { chunk_bytes = 10 }) do
        count = count + 1
        if count == 2 then
          break -- closes what it reads from
        end
      end
      manager.delete_artifact("big.bin")
      assert.equal("", paths(manager))
      refused("not_found", "big.bin", manager.delete_artifact, "big.bin")
      refused("not_found", "big.bin", manager.retrieve_artifact_stream, nil, "big.bin")
      refused("not_found", "big.bin", manager.retrieve_artifact_stream, nil, "big.bin",
        { chunk_bytes = 10 })
      refused("not_found", "big.bin", manager.download_artifact, "big.bin", place .. "/no")
      assert.is_nil(io.open(place .. "/no"))
    end))

    it("may be directories", in_run(artifacts, function(manager, _, place)
      assert(os.execute("mkdir -p '" .. place .. "/model/sub'"))
      write(place .. "/model/weights", "123")
      write(place .. "/model/sub/conf", "{}")
      manager.log_artifact(place .. "/model")
      manager.log_artifact(place .. "/model", "other/place")
      manager.log_artifact(place .. "/model", nil, { zip = true })
      manager.log_artifact { file_name = place .. "/model", name = "m.zip", zip = true }
      assert.equal("model/sub/, model/weights 3", paths(manager, "model"))
      assert.equal("other/place/sub/, other/place/weights 3", paths(manager, "other/place"))
      manager.download_artifact("model", place .. "/tree")
      assert.equal("{}", read(place .. "/tree/sub/conf"))
      manager.download_artifact("model.zip", place .. "/unpacked", { extract = true })
      assert.equal("{}", read(place .. "/unpacked/sub/conf"))
      refused("corrupt", "4 bytes", manager.download_artifact, "m.zip", place .. "/bomb", nil,
        { extract = true, expanded_bytes_max = 4 })
      refused("exists", "empty directory", manager.download_artifact, "m.zip",
        place .. "/unpacked", nil, { extract = true })
      manager.log_text("no archive", "text")
      refused("corrupt", "text", manager.download_artifact, "text", place .. "/x", nil,
        { extract = true })
      assert.is_nil(io.open(place .. "/bomb"))
      assert.is_nil(io.open(place .. "/x"))
    end))

    it("of a run that has ended are logged once it is taken up", in_run(artifacts,
      function(manager, run)
        run:end_run()
        refused("state", "start_run", manager.log_text, "x", "late")
        manager:set_active_run(run.run_id)
        manager.log_text("x", "late")
        assert.equal("late 1", paths(manager, nil, run.run_id))
        manager:end_run()
        assert.equal("x", manager.retrieve_artifact_stream(run.run_id, "late"))
      end))

    it("are gone after reset_run", in_run(artifacts, function(manager, run)
      manager.log_text("x", "a/b")
      run:reset_run()
      assert.equal("", paths(manager))
    end))
  end)
end

describe("log_dict", function()
  local function written(manager, dict)
    manager.log_dict(dict, "d.json")
    return manager.retrieve_artifact_stream(nil, "d.json")
  end

  it("writes sorted, indented JSON", scratch.run(function(manager)
    assert.equal([[
{
  "a": 1,
  "b": [
    true,
    1.5
  ],
  "empty": {},
  "none": [],
  "w\u00e9": "\ud83d\ude00 \"\\/\n\u0001"
}
]], written(manager, { b = { true, 1.5 }, a = 1, ["wé"] = "😀 \"\\/\n\1", empty = {},
      none = setmetatable({}, { __jsontype = "array" }) }))
  end))

  it("keeps every digit, and NaN as Python writes it", scratch.run(function(manager)
    assert.equal("[\n  9007199254740993,\n  0.1,\n  1.0,\n  1e+300,\n  NaN,\n  -Infinity\n]\n",
      written(manager, { 9007199254740993, 0.1, 1.0, 1e300, 0 / 0, -math.huge }))
  end))

  it("refuses what is no JSON, and says where", scratch.run(function(manager)
    local loop = {}
    loop.again = loop
    refused("invalid", { "dict.a[2]", "function" }, manager.log_dict, { a = { 1, print } }, "d")
    refused("invalid", { "dict.b", "UTF-8" }, manager.log_dict, { b = "\xC0\x80" }, "d")
    refused("invalid", "mixes", manager.log_dict, { 1, x = 2 }, "d")
    refused("invalid", "boolean as a key", manager.log_dict, { [true] = 1 }, "d")
    refused("invalid", "holds itself", manager.log_dict, loop, "d")
    refused("invalid", "dict must be a table", manager.log_dict, "x", "d")
    assert.same({}, manager.list_artifacts())
  end))
end)

describe("log_table", function()
  local function written(manager)
    return manager.retrieve_artifact_stream(nil, "t/x.json")
  end

  it("takes columns or rows, and adds to what is there", scratch.run(function(manager, run)
    manager.log_table({ b = { 1, 2 }, a = { "x/y", "ä" } }, "t/x.json")
    assert.equal([=[{"columns":["a","b"],"data":[["x\/y",1],["\u00e4",2]]}]=], written(manager))
    run:log_table({ { a = "z" }, { b = 0 / 0 } }, "t/x.json")
    assert.equal([=[{"columns":["a","b"],"data":[["x\/y",1],["\u00e4",2],["z",null],]=]
      .. "[null,null]]}", written(manager))
    assert.equal('[{"path": "t/x.json", "type": "table"}]',
      scratch.stored(manager, run).data.tags["mlflow.loggedArtifacts"])
    manager.log_table({ a = { 1 } }, "y.json")
    assert.equal('[{"path": "t/x.json", "type": "table"}, {"path": "y.json", "type": "table"}]',
      scratch.stored(manager, run).data.tags["mlflow.loggedArtifacts"])
  end))

  it("orders columns as it is told", scratch.run(function(manager)
    manager.log_table({ { a = 1, b = 2 } }, "t/x.json", { columns = { "b", "a" } })
    assert.equal([=[{"columns":["b","a"],"data":[[2,1]]}]=], written(manager))
  end))

  it("refuses other columns, unequal ones and what is no table", scratch.run(function(manager)
    manager.log_table({ a = { 1 } }, "t/x.json")
    refused("invalid", "no table with the columns b", manager.log_table, { b = { 1 } }, "t/x.json")
    refused("invalid", "equally long", manager.log_table, { a = { 1 }, b = {} }, "n.json")
    refused("invalid", "ends with .json", manager.log_table, { a = { 1 } }, "n.csv")
    refused("invalid", "column 'a' is a number", manager.log_table, { a = 1 }, "n.json")
    refused("invalid", "neither columns nor rows", manager.log_table, {}, "n.json")
    refused("invalid", "row 2 is a number", manager.log_table, { { a = 1 }, 2 }, "n.json")
    refused("invalid", "row 1, column 'a'", manager.log_table, { { a = print } }, "n.json")
    refused("invalid", "data must be a table", manager.log_table, "x", "n.json")
    assert.equal("t/", paths(manager))
  end))
end)

describe("log_image", function()
  it("writes a PNG of the size", scratch.run(function(manager, run)
    manager.log_image(("\255\0\0\255"):rep(6), "i.png", { width = 3, height = 2 })
    run:log_image { pixels = ("\0"):rep(6), name = "grey.png", width = 3, height = 2 }
    local bytes = manager.retrieve_artifact_stream(nil, "i.png")
    assert.equal("\137PNG", bytes:sub(1, 4))
    local width, height = (">I4I4"):unpack(bytes, 17)
    assert.same({ 3, 2 }, { width, height })
  end))

  it("keeps a row of images by key and step", scratch.run(function(manager, run)
    manager.log_image(("\255\0\0"):rep(6), { width = 3, height = 2, key = "dogs", step = 3 })
    run:log_image { pixels = ("\0"):rep(6), width = 3, height = 2, key = "dogs", timestamp = 5 }
    local names = {}
    for _, entry in ipairs(manager.list_artifacts "images") do
      names[#names + 1] = entry.path:gsub("%x+%-%x+%-4%x+%-%x+%-%x+", "ID")
    end
    assert.equal(4, #names)
    assert.equal("images/dogs+step+0+timestamp+5+ID+compressed.webp", names[1])
    assert.equal("images/dogs+step+0+timestamp+5+ID.png", names[2])
    assert.truthy(names[4]:match "^images/dogs%+step%+3%+timestamp%+%d+%+ID%.png$")
    assert.equal("True", manager.get_run(run.run_id).data.tags["mlflow.loggedImages"])
  end))

  it("refuses what is neither or both", scratch.run(function(manager)
    local size = { width = 1, height = 1 }
    refused("invalid", "a name or a key", manager.log_image, "1", size)
    refused("invalid", "a name or a key", manager.log_image, "1", "a.png",
      { width = 1, height = 1, key = "a" })
    refused("invalid", "go with a key", manager.log_image, "1", "a.png",
      { width = 1, height = 1, step = 1 })
    refused("invalid", "'a+b' has others", manager.log_image, "1",
      { width = 1, height = 1, key = "a+b" })
    refused("invalid", "timestamp", manager.log_image, "1",
      { width = 1, height = 1, key = "a", timestamp = -1 })
  end))

  it("refuses a size that the pixels do not have", scratch.run(function(manager)
    refused("invalid", { "5 bytes", "3 x 2" }, manager.log_image, "12345", "i.png",
      { width = 3, height = 2 })
    refused("invalid", "size", manager.log_image, "12345", "i.png")
    refused("invalid", "width", manager.log_image, "", "i.png", { width = 0, height = 2 })
    refused("invalid", "ends with .png", manager.log_image, "1", "i.jpg", { width = 1, height = 1 })
    refused("invalid", "pixels must be a string", manager.log_image, {}, "i.png",
      { width = 1, height = 2 })
  end))
end)

describe("artifact_sha256", function()
  it("is that of the bytes", scratch.run(function(manager)
    manager.log_text("hello", "a")
    assert.equal("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
      manager.artifact_sha256("a"))
    refused("not_found", "b", manager.artifact_sha256, "b")
  end))
end)

describe("artifact calls", function()
  it("refuse names that leave the run, wrong types and unknown options", scratch.run(
    function(manager)
      for _, name in ipairs { "../x", "/etc/x", "a/../b", "", "a//b", "a\n" } do
        refused("invalid", "artifact path", manager.log_text, "x", name)
      end
      refused("invalid", "name must be a string, got nil", manager.log_text, "x")
      refused("invalid", "zero byte", manager.log_text, "x", "a\0b")
      refused("invalid", "unknown field 'zap'", manager.log_artifact, "x", "y", { zap = true })
      refused("invalid", "options must be a table", manager.log_artifact, "x", "y", 5)
      refused("invalid", "extract=true", manager.download_artifact, "x", "y", nil,
        { expanded_bytes_max = 5 })
      refused("not_found", "no_such_run", manager.list_artifacts, nil, "no_such_run")
    end))

  it("need a run", scratch.store(function(manager)
    manager:create_experiment("spec")
    refused("state", "start_run", manager.log_text, "x", "y")
    refused("state", "start_run", manager.list_artifacts)
  end))
end)
