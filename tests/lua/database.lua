-- SPDX-License-Identifier: Apache-2.0
-- A database for each spec, where the specs run on a PostgreSQL server: MLMANAGER_TEST_POSTGRES is
-- its URI without a database, MLMANAGER_TEST_PSQL its psql. Elsewhere all of this does nothing.

local database = {}

local server <const> = os.getenv "MLMANAGER_TEST_POSTGRES"

local function run(statement, directory)
  if server then
    assert(os.execute(([["%s" -qc '%s "%s"' '%s/postgres']]):format(
      os.getenv "MLMANAGER_TEST_PSQL", statement, directory:match "%w+$", server)))
  end
end

function database.create(directory)
  run("CREATE DATABASE", directory)
end

function database.drop(directory)
  run("DROP DATABASE", directory)
end

--- The URI of the spec that has this directory; nil where stores are files.
function database.uri(directory)
  return server and server .. "/" .. directory:match "%w+$"
end

return database
