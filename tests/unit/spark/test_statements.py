"""What a statement reads and writes, without an engine: the catalog is a table of view texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from brickyard.workspace.kernel import ApiError, Home, Principal, WorkspaceInfo
from brickyard.workspace.spark.accesses import Touched
from brickyard.workspace.spark.paths import Places
from brickyard.workspace.spark.refusals import Refusal
from brickyard.workspace.spark.sessions import Caller, Session
from brickyard.workspace.spark.statements import Kind, Reader, Statement

DEV = WorkspaceInfo(name="dev", id=1, catalog="dev", url="http://localhost")
ME = Principal(id=1, user_name="me", display_name="me")
CALLER = Caller(principal=ME, workspace=DEV, scope="", token="")
VIEWS = {"dev.s.v": "SELECT a FROM `dev`.`s`.`behind`", "dev.s.loop": "SELECT * FROM dev.s.loop"}


class Views:
    """The questions about the catalog that understanding a statement asks."""

    def routine(self, full_name: str) -> None:
        return None

    def view_owner(self, _name: str) -> None:
        """Views are text of the caller's own."""

    def columns(self, _name: str) -> tuple[str, ...]:
        return ()

    def view_text(self, full_name: str) -> str | None:
        return VIEWS.get(full_name)

    def volume_path(self, full_name: str) -> Path:
        return Path("/data/volumes") / full_name

    def owner_of(self, path: Path) -> tuple[str, str] | None:
        return ("table", "prod.s.t") if "/t1" in str(path) else None


def read(
    sql: str, arguments: Mapping[str, str] | None = None, session: Session | None = None
) -> Statement:
    session = session or Session(id="1", catalog="dev", schema="s")
    lake = Views()
    home = Home(Path("/home-of-brickyard"))
    places = Places(home, lake, home.files_of)  # type: ignore[arg-type]
    reader = Reader(
        session=session,
        workspace=DEV,
        lake=lake,  # type: ignore[arg-type]
        places=places,
        caller=CALLER,
    )
    return reader.understand(sql, arguments)


def named(statement: Statement) -> tuple[set[str], set[str]]:
    found = statement.touched.accesses
    return (
        {one.full_name for one in found if one.mode == "read"},
        {one.full_name for one in found if one.mode == "write"},
    )


@pytest.mark.parametrize(
    ("sql", "reads", "writes"),
    [
        ("SELECT * FROM t", {"dev.s.t"}, set()),
        ("SELECT * FROM x.t JOIN prod.s.`T` USING (id)", {"dev.x.t", "prod.s.t"}, set()),
        ("WITH t AS (SELECT * FROM t) SELECT * FROM t", {"dev.s.t"}, set()),
        ("WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b", set(), set()),
        ("WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a", {"dev.s.b"}, set()),
        (
            "SELECT (SELECT max(id) FROM u) FROM t WHERE id IN (SELECT id FROM w)",
            {"dev.s.t", "dev.s.u", "dev.s.w"},
            set(),
        ),
        ("TABLE a.b.c", {"a.b.c"}, set()),
        ("EXPLAIN SELECT * FROM t", {"dev.s.t"}, set()),
        ("INSERT INTO prod.s.t SELECT * FROM u", {"dev.s.u"}, {"prod.s.t"}),
        ("INSERT OVERWRITE t VALUES (1)", set(), {"dev.s.t"}),
        ("WITH c AS (SELECT * FROM u) INSERT INTO t SELECT * FROM c", {"dev.s.u"}, {"dev.s.t"}),
        ("UPDATE t SET a = 1 WHERE id IN (SELECT id FROM u)", {"dev.s.t", "dev.s.u"}, {"dev.s.t"}),
        ("DELETE FROM t", {"dev.s.t"}, {"dev.s.t"}),
        (
            "MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE",
            {"dev.s.t", "dev.s.u"},
            {"dev.s.t"},
        ),
        ("CREATE TABLE n AS SELECT * FROM t", {"dev.s.t"}, set()),
        ("SELECT * FROM v", {"dev.s.v", "dev.s.behind"}, set()),
        ("SELECT * FROM delta.`/Volumes/prod/s/files/x`", {"prod.s.files"}, set()),
        ("DELETE FROM delta.`/home-of-brickyard/t1`", set(), {"prod.s.t"}),
        ("SELECT * FROM t VERSION AS OF 1", {"dev.s.t"}, set()),
        ("SELECT * FROM explode(array(1, 2))", set(), set()),
    ],
)
def test_reads_and_writes_are_found(sql: str, reads: set[str], writes: set[str]) -> None:
    assert named(read(sql)) == (reads, writes)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; DROP TABLE t",
        "COPY INTO t FROM '/x'",
        "LOAD DATA INPATH '/x' INTO TABLE t",
        "EXECUTE IMMEDIATE 'drop table t'",
        "CALL drop_it()",
        "DECLARE x INT",
        "INSERT INTO IDENTIFIER('prod.s.t') SELECT 1",
        "SELECT * FROM IDENTIFIER('a' || 'b')",
        "SELECT * FROM IDENTIFIER(:unknown)",
        "SELECT * FROM read_files('/Volumes/a/b/c')",
        "SELECT * FROM loop",
        "EXPLAIN DELETE FROM t",
        "MERGE INTO",
        "",
    ],
)
def test_what_is_not_understood_is_refused(sql: str) -> None:
    with pytest.raises(Refusal):
        read(sql)


@pytest.mark.parametrize(
    "path", ["s3://bucket/x", "/home-of-brickyard/keys", "dbfs:/tmp/x", "/Volumes/a/b/c/../../../x"]
)
def test_paths_that_nothing_governs_are_refused(path: str) -> None:
    with pytest.raises(ApiError):
        read(f"SELECT * FROM parquet.`{path}`")


def test_only_the_characters_of_a_view_or_path_change() -> None:
    text = "SELECT /* keep */ x.a FROM  dev.s.v  x WHERE a > 1 -- end"
    assert read(text).sql == (
        "SELECT /* keep */ x.a FROM  (SELECT a FROM `dev`.`s`.`behind`)  x WHERE a > 1 -- end"
    )
    assert read("SELECT a FROM v").sql.endswith("AS `v`")
    untouched = read("select  *  from t")
    assert (untouched.sql, untouched.changed) == ("select  *  from t", False)


def test_identifier_takes_literals_and_named_arguments() -> None:
    assert named(read("SELECT * FROM IDENTIFIER('prod.s.t')"))[0] == {"prod.s.t"}
    assert named(read("SELECT * FROM IDENTIFIER(:t)", {"t": "prod.s.t"}))[0] == {"prod.s.t"}


def test_a_temporary_view_stands_for_what_is_behind_it() -> None:
    behind = Touched()
    behind.read("prod.s.secret")
    session = Session(id="1", catalog="dev", schema="s", temp_views={"tv": behind})
    assert named(read("SELECT * FROM tv", session=session))[0] == {"prod.s.secret"}
    assert named(read("SELECT * FROM dev.s.tv", session=session))[0] == {"dev.s.tv"}


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW TABLES",
        "CREATE FUNCTION f() RETURNS INT RETURN 1",
        "drop table t",
        "GRANT SELECT ON t TO x",
        "OPTIMIZE t",
        "USE a.b",
    ],
)
def test_commands_are_left_to_the_gateway(sql: str) -> None:
    assert read(sql).kind is Kind.COMMAND
