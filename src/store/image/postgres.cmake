# SPDX-License-Identifier: Apache-2.0
# Writes the schema of this folder for PostgreSQL, as C. MLflow makes the same tables in both
# databases; what differs is spelt out here, once.
#   cmake -D OUTPUT=FILE.c -P postgres.cmake SCHEMA.sql…
set(sql "")
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE 5 ${last})
	file(READ "${CMAKE_ARGV${i}}" text)
	string(APPEND sql "${text}\n")
endforeach()

# Fails where the schema has changed and a rule meets nothing.
function(change pattern replacement)
	string(REGEX REPLACE "${pattern}" "${replacement}" changed "${sql}")
	if("${changed}" STREQUAL "${sql}")
		message(FATAL_ERROR "nothing in the schema is like '${pattern}'")
	endif()
	set(sql "${changed}" PARENT_SCOPE)
endfunction()

change("--[^\n]*\n" "\n")
# Rows lie where the server puts them; the order of the key serves as there.
change("\\) WITHOUT ROWID;" ");")
# A boolean is a type of its own.
change(",[ \n]*CHECK \\([a-z_]+ IN \\(0, 1\\)\\)" "")
change("BOOLEAN DEFAULT '?0'?" "BOOLEAN DEFAULT false")
change("([a-z_]) BLOB" "\\1 BYTEA")
# SQLite numbers rows by itself where the key is an INTEGER, and gives any INTEGER 64 bits.
change("experiment_id INTEGER NOT NULL, name VARCHAR\\(256\\)"
	"experiment_id SERIAL NOT NULL, name VARCHAR(256)")
change("([( ])id INTEGER NOT NULL" "\\1id BIGINT NOT NULL")
change("position INTEGER NOT NULL" "position BIGINT NOT NULL")
# Indexes can carry columns along.
change("(INDEX idx_spans_cost_[a-z]+_time_cover ON spans \\([^)]*\\));"
	"\\1 INCLUDE (input_cost, output_cost, total_cost, model_name, model_provider) WHERE \
input_cost IS NOT NULL OR output_cost IS NOT NULL OR total_cost IS NOT NULL;")
# What a trigger does is a function of its own. The last one first: a pattern takes all it can.
change("CREATE TRIGGER mlm_artifacts_waste.*END;" "\
CREATE FUNCTION mlm_artifacts_waste() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO mlm_artifact_uploads (content_id, last_time) VALUES (OLD.content_id, 0);
  RETURN NULL;
END $$;
CREATE TRIGGER mlm_artifacts_waste AFTER DELETE ON mlm_artifacts
  FOR EACH ROW EXECUTE FUNCTION mlm_artifacts_waste();")
change("CREATE TRIGGER.*END;" "\
CREATE FUNCTION prevent_secrets_aad_mutation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.secret_id <> OLD.secret_id OR NEW.secret_name <> OLD.secret_name THEN
    RAISE EXCEPTION 'secret_id and secret_name are part of what the secret is sealed with';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER prevent_secrets_aad_mutation BEFORE UPDATE ON secrets
  FOR EACH ROW EXECUTE FUNCTION prevent_secrets_aad_mutation();")

string(HEX "${sql}" bytes)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(................................................................................)"
	"\\1\n" bytes "${bytes}")
file(WRITE "${OUTPUT}" "/* Made by store/image/postgres.cmake. */\n\
#include \"store/postgres_schema.h\"\n\nconst char postgres_schema_sql[] = {\n${bytes}\n0};\n")
