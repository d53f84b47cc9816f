-- SPDX-License-Identifier: Apache-2.0
-- What is ours, and the rows that a fresh store has.

CREATE TABLE mlm_journals (journal_id TEXT PRIMARY KEY, position INTEGER NOT NULL);

INSERT INTO alembic_version VALUES ('dc11669786a5');
INSERT INTO workspaces (name, description)
  VALUES ('default', 'Default workspace for legacy resources');
