-- SPDX-License-Identifier: Apache-2.0
-- What is ours, and the rows that a fresh store has.

CREATE TABLE mlm_journals (journal_id TEXT PRIMARY KEY, position INTEGER NOT NULL);

-- Artifacts of "blob:" locations. An upload is a content that has no name yet; one with last_time 0
-- is waste, which is what a content becomes when its name goes, whoever deletes it.
CREATE TABLE mlm_artifacts (run_uuid VARCHAR(32) NOT NULL, name TEXT NOT NULL, size BIGINT NOT NULL,
  file_ext TEXT NOT NULL, sha256 VARCHAR(64) NOT NULL, created_time BIGINT NOT NULL,
  content_id BIGINT NOT NULL UNIQUE, PRIMARY KEY (run_uuid, name)) WITHOUT ROWID;
CREATE TABLE mlm_artifact_chunks (content_id BIGINT NOT NULL, chunk BIGINT NOT NULL,
  bytes BLOB NOT NULL, PRIMARY KEY (content_id, chunk));
CREATE TABLE mlm_artifact_uploads (content_id BIGINT PRIMARY KEY, last_time BIGINT NOT NULL);
CREATE TRIGGER mlm_artifacts_waste AFTER DELETE ON mlm_artifacts BEGIN
  INSERT INTO mlm_artifact_uploads (content_id, last_time) VALUES (OLD.content_id, 0); END;

INSERT INTO alembic_version VALUES ('dc11669786a5');
INSERT INTO workspaces (name, description)
  VALUES ('default', 'Default workspace for legacy resources');
