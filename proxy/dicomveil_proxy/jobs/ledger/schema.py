"""The ledger's tables and statements, in SQL that both SQLite (3.35 and later) and PostgreSQL accept."""

from __future__ import annotations

TABLES = (
    "CREATE TABLE IF NOT EXISTS ledger (one INTEGER PRIMARY KEY, salt TEXT NOT NULL)",
    """
    CREATE TABLE IF NOT EXISTS job (
      job TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, run INTEGER NOT NULL, is_open INTEGER NOT NULL,
      is_cancelled INTEGER NOT NULL, state TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS study (
      job TEXT NOT NULL, study TEXT NOT NULL, number INTEGER NOT NULL, pseudonym TEXT NOT NULL, patient TEXT NOT NULL,
      accession TEXT NOT NULL, study_date TEXT NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (job, study)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS selection (
      job TEXT NOT NULL, position INTEGER NOT NULL, line INTEGER NOT NULL, study TEXT NOT NULL,
      PRIMARY KEY (job, position)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS unit (
      job TEXT NOT NULL, number INTEGER NOT NULL, study TEXT NOT NULL, series TEXT NOT NULL, listed INTEGER NOT NULL,
      run INTEGER NOT NULL, state TEXT NOT NULL, round INTEGER NOT NULL, owner TEXT NOT NULL,
      until DOUBLE PRECISION NOT NULL, expected INTEGER NOT NULL, placed INTEGER NOT NULL, fresh INTEGER NOT NULL,
      refused INTEGER NOT NULL, reason TEXT NOT NULL, study_name TEXT NOT NULL, series_name TEXT NOT NULL,
      patient TEXT NOT NULL, modality TEXT NOT NULL, PRIMARY KEY (job, number)
    )
    """,
    "CREATE UNIQUE INDEX IF NOT EXISTS unit_series ON unit (job, study, series)",
    "CREATE INDEX IF NOT EXISTS unit_waiting ON unit (job, run, state, round, number)",
    """
    CREATE TABLE IF NOT EXISTS placed (
      job TEXT NOT NULL, path TEXT NOT NULL, unit INTEGER NOT NULL, instance TEXT NOT NULL, sop_class TEXT NOT NULL,
      size BIGINT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (job, path)
    )
    """,
    "CREATE INDEX IF NOT EXISTS placed_unit ON placed (job, unit)",
    """
    CREATE TABLE IF NOT EXISTS envelope (
      job TEXT NOT NULL, study TEXT NOT NULL, seed TEXT NOT NULL, PRIMARY KEY (job, study)
    )
    """,
)
"""`fresh` counts the instances placed by this run. `round` counts failures: units that have failed are leased last."""

ADD_STUDY = """
    INSERT INTO study VALUES (:job, :study, :number, :pseudonym, :patient, :accession, :study_date, :run)
    ON CONFLICT (job, study) DO UPDATE SET run = excluded.run, pseudonym = excluded.pseudonym,
      patient = excluded.patient, accession = excluded.accession, study_date = excluded.study_date
"""

ADD_UNIT = """
    INSERT INTO unit VALUES (
      :job, :number, :study, :series, :listed, :run, 'waiting', 0, '', 0, 0, 0, 0, 0, '', '', '', '', ''
    )
    ON CONFLICT (job, study, series) DO UPDATE SET
      state = CASE
        WHEN unit.state = 'done' AND unit.refused = 0 AND excluded.listed <= unit.expected
          AND (excluded.listed >= 0 OR unit.run = excluded.run) THEN 'done'
        WHEN unit.state = 'leased' AND unit.run = excluded.run THEN 'leased'
        ELSE 'waiting' END,
      fresh = CASE WHEN unit.run = excluded.run THEN unit.fresh ELSE 0 END,
      round = CASE WHEN unit.run = excluded.run THEN unit.round ELSE 0 END,
      listed = excluded.listed, run = excluded.run
"""
"""A series remains done unless the archive lists more instances, or does not return their number (-1)."""

LEASE = """
    WITH picked AS MATERIALIZED (
      SELECT number FROM unit WHERE job = :job AND run = :run AND state = 'waiting'
      ORDER BY round, number LIMIT :count {lock}
    )
    UPDATE unit SET state = 'leased', owner = :owner, until = :until
    WHERE job = :job AND number IN (SELECT number FROM picked)
    RETURNING number, study, series, listed, expected, placed, round
"""

EXPIRE = """
    UPDATE unit SET state = 'waiting', owner = '' WHERE job = :job AND state = 'leased' AND until < :now
"""

EXTEND = "UPDATE unit SET until = :until WHERE job = :job AND owner = :owner AND state = 'leased'"

RELEASE = """
    UPDATE unit SET state = 'waiting', owner = '', until = 0, round = round + :failed
    WHERE job = :job AND number = :number AND owner = :owner
"""

ADD_PLACED = """
    INSERT INTO placed VALUES (:job, :path, :unit, :instance, :sop_class, :size, :sha256)
    ON CONFLICT (job, path) DO UPDATE SET size = excluded.size, sha256 = excluded.sha256, unit = excluded.unit
"""

NOTE = """
    UPDATE unit SET state = :state, owner = '', until = 0, round = :round, expected = :expected, refused = :refused,
      reason = :reason, fresh = fresh + :fresh,
      placed = (SELECT count(*) FROM placed WHERE placed.job = :job AND placed.unit = :number),
      study_name = CASE WHEN :study_name = '' THEN study_name ELSE :study_name END,
      series_name = CASE WHEN :study_name = '' THEN series_name ELSE :series_name END,
      patient = CASE WHEN :study_name = '' THEN patient ELSE :patient END,
      modality = CASE WHEN :study_name = '' THEN modality ELSE :modality END
    WHERE job = :job AND number = :number
"""

ADD_DONE = """
    INSERT INTO unit VALUES (
      :job, :unit, '', :series, 1, :run, 'done', 0, '', 0, 1, 1, 1, 0, '', :study_name, :series_name, :patient,
      :modality
    )
    ON CONFLICT (job, study, series) DO NOTHING
"""
"""A unit without a plan, such as a file; `series` holds its name."""

REMOVE_UNIT_OF = """
    DELETE FROM unit WHERE job = :job AND study = ''
      AND number = (SELECT unit FROM placed WHERE job = :job AND path = :path)
"""

ENVELOPE = "SELECT seed FROM envelope WHERE job = :job AND study = :study"
ADD_ENVELOPE = "INSERT INTO envelope VALUES (:job, :study, :seed) ON CONFLICT (job, study) DO NOTHING"

STUDIES = """
    SELECT selection.line, study.study, study.pseudonym, count(unit.number) AS units,
      coalesce(sum(CASE WHEN unit.state = 'done' AND unit.refused = 0 THEN 1 ELSE 0 END), 0) AS done,
      coalesce(sum(CASE WHEN unit.expected > unit.listed THEN unit.expected
        WHEN unit.listed > 0 THEN unit.listed ELSE 0 END), 0) AS expected,
      coalesce(sum(unit.placed), 0) AS placed, coalesce(sum(unit.fresh), 0) AS fresh,
      coalesce(sum(unit.refused), 0) AS refused, max(unit.reason) AS reason,
      max(unit.patient) AS patient
    FROM selection LEFT JOIN study ON study.job = selection.job AND study.study = selection.study
      LEFT JOIN unit ON unit.job = study.job AND unit.study = study.study AND +unit.run = :run
    WHERE selection.job = :job
    GROUP BY selection.position, selection.line, study.study, study.pseudonym ORDER BY selection.position
"""

"""The plus keeps SQLite from using the index on `run`, with which it would scan all units for each study."""

MANIFEST = """
    SELECT placed.path, unit.study_name, unit.series_name, placed.instance, placed.sop_class, unit.modality,
      unit.patient, placed.size, placed.sha256
    FROM placed JOIN unit ON unit.job = placed.job AND unit.number = placed.unit
    WHERE placed.job = :job ORDER BY placed.path {bytewise}
"""

SERIES = """
    SELECT unit.study_name, unit.series_name, unit.modality, unit.patient, count(placed.path), sum(placed.size),
      min(placed.path {bytewise}), max(placed.sop_class)
    FROM unit JOIN placed ON placed.job = unit.job AND placed.unit = unit.number
    WHERE unit.job = :job
    GROUP BY unit.study_name, unit.series_name, unit.modality, unit.patient
    ORDER BY unit.study_name {bytewise}, unit.series_name {bytewise}, unit.modality {bytewise}
"""

COUNTS = """
    SELECT count(*), coalesce(sum(CASE WHEN state = 'done' THEN 1 ELSE 0 END), 0),
      coalesce(sum(CASE WHEN state = 'failed' THEN 1 ELSE 0 END), 0), coalesce(sum(placed), 0),
      coalesce(sum(fresh), 0), coalesce(sum(refused), 0),
      coalesce(sum(CASE WHEN expected > listed THEN expected WHEN listed > 0 THEN listed ELSE 0 END), 0),
      count(DISTINCT study)
    FROM unit WHERE job = :job AND run = :run
"""

ERASE = (
    "DELETE FROM selection WHERE job = :job",
    "DELETE FROM study WHERE job = :job",
    "DELETE FROM unit WHERE job = :job",
    "DELETE FROM placed WHERE job = :job",
    "DELETE FROM envelope WHERE job = :job",
)
