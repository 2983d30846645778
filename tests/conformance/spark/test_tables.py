"""Tables, views and sessions through an unmodified Spark Connect client."""

from __future__ import annotations

import os
import signal
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Connect = Callable[..., Any]

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]


def rows(session: SparkSession, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.sql(sql).collect()]


@pytest.mark.documented
def test_a_table_created_by_sql_is_a_registered_delta_table(
    workspace: Any, spark: SparkSession, schema: str
) -> None:
    spark.sql(
        f"CREATE TABLE {schema}.t (id BIGINT NOT NULL, name STRING COMMENT 'who') "
        "PARTITIONED BY (name) COMMENT 'people' TBLPROPERTIES ('team' = 'x')"
    ).collect()
    spark.sql(f"INSERT INTO {schema}.t VALUES (1, 'a'), (2, 'b')").collect()
    found = workspace.client().tables.get(f"{schema}.t")
    assert found.data_source_format.value == "DELTA"
    assert (found.comment, found.properties["team"]) == ("people", "x")
    assert [(c.name, c.type_text, c.comment) for c in found.columns] == [
        ("id", "bigint", None),
        ("name", "string", "who"),
    ]
    assert rows(spark, f"SELECT * FROM {schema}.t ORDER BY id") == [(1, "a"), (2, "b")]
    assert rows(spark, f"SHOW PARTITIONS {schema}.t") == [("a",), ("b",)]


@pytest.mark.documented
def test_create_or_replace_as_may_change_the_columns_and_read_itself(
    spark: SparkSession, schema: str
) -> None:
    spark.sql(f"CREATE TABLE {schema}.t AS SELECT 1 AS a").collect()
    spark.sql(f"CREATE OR REPLACE TABLE {schema}.t AS SELECT a, 'x' AS b FROM {schema}.t").collect()
    assert rows(spark, f"SELECT * FROM {schema}.t") == [(1, "x")]
    assert all(field.nullable for field in spark.table(f"{schema}.t").schema.fields)


@pytest.mark.documented
def test_a_failing_create_as_leaves_no_table(spark: SparkSession, schema: str) -> None:
    from pyspark.errors import PySparkException

    with pytest.raises(PySparkException):
        spark.sql(
            f"CREATE TABLE {schema}.t AS SELECT raise_error('no') AS a FROM range(1)"
        ).collect()
    assert rows(spark, f"SHOW TABLES IN {schema}") == []


@pytest.mark.documented
def test_save_as_table_follows_its_modes(spark: SparkSession, schema: str) -> None:
    from pyspark.errors import AnalysisException

    frame = spark.createDataFrame([(1, "x")], "id int, v string")
    frame.write.saveAsTable(f"{schema}.t")
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_ALREADY_EXISTS"):
        frame.write.saveAsTable(f"{schema}.t")
    frame.write.mode("ignore").saveAsTable(f"{schema}.t")
    frame.write.mode("append").saveAsTable(f"{schema}.t")
    assert spark.table(f"{schema}.t").count() == 2
    frame.select("v").write.mode("append").saveAsTable(f"{schema}.t")
    assert rows(spark, f"SELECT count(*) FROM {schema}.t WHERE id IS NULL") == [(1,)]
    frame.write.mode("overwrite").saveAsTable(f"{schema}.t")
    assert spark.table(f"{schema}.t").count() == 1
    wider = frame.selectExpr("*", "1 AS more")
    with pytest.raises(AnalysisException):
        wider.write.mode("append").saveAsTable(f"{schema}.t")
    wider.write.mode("append").option("mergeSchema", "true").saveAsTable(f"{schema}.t")
    assert sorted(rows(spark, f"SELECT more FROM {schema}.t"), key=str) == [(1,), (None,)]


@pytest.mark.documented
def test_write_to_creates_appends_and_replaces(spark: SparkSession, schema: str) -> None:
    frame = spark.createDataFrame([(1, "x")], "id int, v string")
    frame.writeTo(f"{schema}.t").partitionedBy("v").create()
    frame.writeTo(f"{schema}.t").append()
    assert spark.table(f"{schema}.t").count() == 2
    frame.selectExpr("id").writeTo(f"{schema}.t").createOrReplace()
    assert rows(spark, f"SELECT * FROM {schema}.t") == [(1,)]


@pytest.mark.documented
def test_merge_update_and_delete_change_rows(spark: SparkSession, schema: str) -> None:
    spark.sql(f"CREATE TABLE {schema}.t AS SELECT id, 'old' AS v FROM range(4)").collect()
    assert rows(spark, f"UPDATE {schema}.t SET v = 'new' WHERE id = 0") == [(1,)]
    assert rows(spark, f"DELETE FROM {schema}.t WHERE id = 3") == [(1,)]
    merged = spark.sql(
        f"MERGE INTO {schema}.t t USING (SELECT 2L AS id, 'm' AS v UNION SELECT 9L, 'n') s "
        "ON t.id = s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    ).collect()
    assert [row.asDict() for row in merged] == [
        {
            "num_affected_rows": 2,
            "num_updated_rows": 1,
            "num_deleted_rows": 0,
            "num_inserted_rows": 1,
        }
    ]
    assert rows(spark, f"SELECT * FROM {schema}.t ORDER BY id") == [
        (0, "new"),
        (1, "old"),
        (2, "m"),
        (9, "n"),
    ]


@pytest.mark.documented
def test_statements_the_engine_lacks_are_answered(spark: SparkSession, schema: str) -> None:
    table = f"{schema}.t"
    spark.sql(f"CREATE TABLE {table} AS SELECT id FROM range(3)").collect()
    spark.sql(f"INSERT INTO {table} VALUES (7)").collect()
    spark.sql(f"ALTER TABLE {table} ADD COLUMNS (note STRING COMMENT 'n')").collect()
    operations = [row.operation for row in spark.sql(f"DESCRIBE HISTORY {table}").collect()]
    assert len(operations) == 4
    spark.sql(f"OPTIMIZE {table} ZORDER BY (id)").collect()
    assert spark.table(table).count() == 4
    assert spark.sql(f"DESCRIBE DETAIL {table}").collect()[0].numFiles == 1
    spark.sql(f"RESTORE TABLE {table} TO VERSION AS OF 1").collect()
    assert spark.table(table).count() == 3
    spark.sql(f"TRUNCATE TABLE {table}").collect()
    assert spark.table(table).count() == 0
    assert "id BIGINT" in spark.sql(f"SHOW CREATE TABLE {table}").collect()[0][0]
    spark.sql(f"COMMENT ON TABLE {table} IS 'it''s'").collect()
    assert spark.sql(f"VACUUM {table} RETAIN 0 HOURS DRY RUN").count() >= 0
    ranked = rows(
        spark,
        "SELECT id FROM range(5) QUALIFY row_number() OVER (ORDER BY id DESC) = 1",
    )
    assert ranked == [(4,)]


@pytest.mark.documented
def test_views_keep_their_meaning_from_any_schema(spark: SparkSession, schema: str) -> None:
    spark.sql(f"USE {schema}").collect()
    spark.sql("CREATE TABLE t AS SELECT id FROM range(3)").collect()
    spark.sql("CREATE VIEW v AS SELECT t.id, t.id * 2 AS twice FROM t").collect()
    spark.sql("CREATE VIEW w (one) AS SELECT twice FROM v WHERE id = 1").collect()
    spark.sql("USE dev.default").collect()
    assert rows(spark, f"SELECT * FROM {schema}.w") == [(2,)]
    assert spark.table(f"{schema}.v").count() == 3
    joined = f"SELECT v.twice FROM {schema}.v JOIN {schema}.t ON v.id = t.id ORDER BY 1"
    assert rows(spark, joined) == [(0,), (2,), (4,)]
    spark.sql(f"CREATE OR REPLACE VIEW {schema}.w AS SELECT 5 AS five").collect()
    assert rows(spark, f"SELECT * FROM {schema}.w") == [(5,)]
    spark.sql(f"DROP VIEW {schema}.w").collect()


@pytest.mark.documented
def test_use_and_temporary_views_belong_to_the_session(connect: Connect, schema: str) -> None:
    mine, other = connect(scope="shared-a"), connect(scope="shared-a")
    mine.sql(f"USE {schema}").collect()
    mine.range(3).createOrReplaceTempView("tv")
    assert rows(mine, "SELECT current_catalog(), current_database()") == [
        ("dev", schema.partition(".")[2])
    ]
    assert rows(mine, "SELECT count(*) FROM tv") == [(3,)]
    mine.sql("CREATE TABLE made AS SELECT * FROM tv").collect()
    assert mine.table(f"{schema}.made").count() == 3
    assert rows(other, "SELECT current_database()") == [("default",)]
    from pyspark.errors import AnalysisException

    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
        other.table("tv").collect()


@pytest.mark.documented
def test_arguments_and_frames_may_stand_in_statements(spark: SparkSession, schema: str) -> None:
    spark.range(5).write.saveAsTable(f"{schema}.t")
    found = spark.sql(
        "SELECT * FROM IDENTIFIER(:t) WHERE id = :i", args={"t": f"{schema}.t", "i": 3}
    )
    assert [row.id for row in found.collect()] == [3]
    frame = spark.createDataFrame([(1,), (2,)], "id long")
    spark.sql(f"CREATE TABLE {schema}.u AS SELECT * FROM {{df}} WHERE id > :i", {"i": 1}, df=frame)
    assert rows(spark, f"SELECT * FROM {schema}.u") == [(2,)]


@pytest.mark.documented
def test_files_of_a_volume_are_written_and_read(spark: SparkSession, schema: str) -> None:
    spark.sql(f"CREATE VOLUME {schema}.files").collect()
    folder = f"/Volumes/{schema.replace('.', '/')}/files"
    frame = spark.createDataFrame([(1, "x")], "id int, v string")
    frame.write.option("header", "true").csv(f"{folder}/csv")
    assert spark.read.option("header", "true").csv(f"{folder}/csv").collect()[0].v == "x"
    frame.write.format("delta").save(f"{folder}/delta")
    assert rows(spark, f"SELECT * FROM delta.`{folder}/delta`") == [(1, "x")]
    frame.write.mode("overwrite").parquet(f"dbfs:{folder}/parquet")
    assert spark.read.parquet(f"{folder}/parquet").count() == 1


@pytest.mark.documented
def test_missing_objects_have_sparks_conditions(spark: SparkSession) -> None:
    from pyspark.errors import AnalysisException, ParseException

    for sql, condition in (
        ("SELECT * FROM dev.default.nowhere", "TABLE_OR_VIEW_NOT_FOUND"),
        ("SELECT * FROM dev.nowhere.t", "SCHEMA_NOT_FOUND"),
        ("SELECT * FROM nowhere.s.t", "NO_SUCH_CATALOG_EXCEPTION"),
    ):
        with pytest.raises(AnalysisException) as caught:
            spark.sql(sql).collect()
        assert caught.value.getCondition() == condition
    with pytest.raises(ParseException):
        spark.sql("SELEC 1").collect()
    with pytest.raises(AnalysisException, match="nothing_like_it"):
        spark.sql("SELECT nothing_like_it FROM range(1)").collect()


@pytest.mark.documented
def test_a_grant_opens_what_was_closed(
    workspace: Any, connect: Connect, spark: SparkSession, schema: str
) -> None:
    from databricks.sdk import WorkspaceClient
    from pyspark.errors import AnalysisException

    spark.range(3).write.saveAsTable(f"{schema}.t")
    robot = workspace.client().service_principals.create(display_name=f"r-{uuid.uuid4().hex[:6]}")
    secret = workspace.client().service_principal_secrets_proxy.create(robot.id)
    theirs_client = WorkspaceClient(
        host=workspace.host(), client_id=robot.application_id, client_secret=secret.secret
    )
    token = theirs_client.config.authenticate()["Authorization"].removeprefix("Bearer ")
    theirs = connect(token=token)
    assert theirs.table(f"{schema}.t").count() == 3
    with pytest.raises(AnalysisException, match="MODIFY"):
        theirs.sql(f"INSERT INTO {schema}.t VALUES (1)").collect()
    spark.sql(f"GRANT MODIFY ON TABLE {schema}.t TO `{robot.application_id}`").collect()
    granted = spark.sql(f"SHOW GRANTS `{robot.application_id}` ON TABLE {schema}.t").collect()
    assert [row.ActionType for row in granted] == ["MODIFY"]
    again = connect(token=token)
    again.sql(f"INSERT INTO {schema}.t VALUES (1)").collect()
    assert spark.table(f"{schema}.t").count() == 4
    spark.sql(f"REVOKE MODIFY ON TABLE {schema}.t FROM `{robot.application_id}`").collect()
    with pytest.raises(AnalysisException, match="MODIFY"):
        again.sql(f"INSERT INTO {schema}.t VALUES (1)").collect()


@pytest.mark.documented
def test_the_place_of_a_session_may_be_an_argument(spark: SparkSession, schema: str) -> None:
    catalog, _, name = schema.partition(".")
    spark.sql("USE CATALOG IDENTIFIER(:c)", args={"c": catalog}).collect()
    spark.sql("USE SCHEMA IDENTIFIER(:s)", args={"s": name}).collect()
    spark.sql("CREATE TABLE placed AS SELECT 1 AS a").collect()
    assert rows(spark, f"SELECT a FROM {schema}.placed") == [(1,)]
    spark.sql("USE IDENTIFIER(:both)", args={"both": schema}).collect()
    spark.sql("DROP TABLE IDENTIFIER('placed')").collect()
    with pytest.raises(Exception, match="no argument 'nope'"):
        spark.sql("USE CATALOG IDENTIFIER(:nope)", args={"other": "x"}).collect()


@pytest.mark.documented
def test_every_version_can_be_read_after_a_checkpoint(spark: SparkSession, schema: str) -> None:
    """The engine makes a checkpoint at every tenth version; version 0 is the empty table."""
    spark.sql(f"CREATE TABLE {schema}.t AS SELECT 0 AS v").collect()
    for value in range(11):
        spark.sql(f"INSERT INTO {schema}.t VALUES ({value})").collect()
    for version in (3, 8, 9, 10, 11):
        assert rows(spark, f"SELECT count(*) FROM {schema}.t VERSION AS OF {version}") == [
            (version,)
        ]
        frame = spark.read.option("versionAsOf", version - 1).table(f"{schema}.t")
        assert frame.columns == ["v"]
        assert frame.count() == version - 1
        spark.sql(f"INSERT INTO {schema}.t VALUES ({version})").collect()


@pytest.mark.documented
def test_concurrent_updates_lose_nothing(
    connect: Connect, spark: SparkSession, schema: str
) -> None:
    spark.sql(f"CREATE TABLE {schema}.t AS SELECT id, 0 AS v FROM range(4)").collect()
    failed: list[BaseException] = []

    def work(row: int) -> None:
        session = connect()
        try:
            for _ in range(4):
                session.sql(f"UPDATE {schema}.t SET v = v + 1 WHERE id = {row}").collect()
        except BaseException as fault:
            failed.append(fault)
        finally:
            session.stop()

    threads = [threading.Thread(target=work, args=(row,)) for row in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert rows(spark, f"SELECT v FROM {schema}.t ORDER BY id") == [(4,), (4,), (4,), (0,)]


@pytest.mark.belief
@pytest.mark.skipif(sys.platform != "linux", reason="finds the engine in /proc")
def test_a_dead_engine_starts_again_with_the_next_request(connect: Connect, schema: str) -> None:
    from pyspark.errors import PySparkException

    session = connect(scope="test-dies")
    session.range(4).write.saveAsTable(f"{schema}.t")
    (engine,) = engines("test-dies")
    os.kill(engine, signal.SIGKILL)
    for _ in range(20):
        try:
            assert session.table(f"{schema}.t").count() == 4
            break
        except PySparkException as fault:
            assert "SPARK_ENGINE_LOST" in str(fault)  # noqa: PT017 - until its end is noticed
    assert engines("test-dies") not in ([], [engine])
    session.stop()


def engines(scope: str) -> list[int]:
    """The processes of the engine of a scope, by the log they write."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes()
            log = str((entry / "fd" / "1").readlink()) if b"sail_process" in command else ""
        except OSError:
            continue
        if scope in log:
            found.append(int(entry.name))
    return found


@pytest.mark.belief
def test_a_client_without_a_good_token_is_turned_away(workspace: Any, connect: Connect) -> None:
    from pyspark.errors.exceptions.connect import SparkConnectGrpcException

    with pytest.raises(SparkConnectGrpcException, match=r"UNAUTHENTICATED|Invalid access token"):
        connect(token="dapi0000").range(1).collect()
    with pytest.raises(SparkConnectGrpcException, match=r"UNAUTHENTICATED|another workspace"):
        connect("dev", token=workspace.token("prod")).range(1).collect()


@pytest.mark.documented
def test_a_statement_of_the_sql_api_takes_the_same_way(statement: Callable[..., Any]) -> None:
    refused = statement("CREATE TABLE prod.default.x AS SELECT 1 AS a")
    assert refused.status.state.value == "FAILED"
    assert "PERMISSION_DENIED" in refused.status.error.message


@pytest.mark.documented
def test_equal_plans_have_equal_hashes(spark: SparkSession) -> None:
    one, same, other = spark.range(3).limit(2), spark.range(3).limit(2), spark.range(3).limit(1)
    assert one.semanticHash() == same.semanticHash()
    assert one.semanticHash() != other.semanticHash()
