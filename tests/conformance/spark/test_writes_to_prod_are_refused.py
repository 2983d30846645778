"""Every way of writing to prod from dev through Spark is refused, and changes nothing.

Each attempt runs against a table that is there and that dev may read, so that only enforcement can
stop it: the same statement works from the prod workspace, which the last test shows.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]


@pytest.fixture
def table(prod_spark: SparkSession) -> Iterator[str]:
    schema = f"prod.p{uuid.uuid4().hex[:10]}"
    prod_spark.sql(f"CREATE SCHEMA {schema}").collect()
    prod_spark.sql(f"CREATE TABLE {schema}.t AS SELECT id, id * 2 AS v FROM range(5)").collect()
    prod_spark.sql(f"CREATE VOLUME {schema}.files").collect()
    yield f"{schema}.t"
    prod_spark.sql(f"DROP SCHEMA {schema} CASCADE").collect()


STATEMENTS = (
    "INSERT INTO {t} VALUES (9, 9)",
    "INSERT OVERWRITE {t} SELECT 9L, 9L",
    "INSERT INTO {t} REPLACE WHERE id = 1 SELECT 9L, 9L",
    "WITH x AS (SELECT 9L AS id, 9L AS v) INSERT INTO {t} SELECT * FROM x",
    "UPDATE {t} SET v = 0",
    "DELETE FROM {t}",
    "DELETE FROM {t} WHERE id IN (SELECT id FROM range(3))",
    "MERGE INTO {t} USING (SELECT 1L AS id) s ON {t}.id = s.id WHEN MATCHED THEN DELETE",
    "TRUNCATE TABLE {t}",
    "DROP TABLE {t}",
    "DROP TABLE IF EXISTS {t}",
    "CREATE TABLE {t}_new (id BIGINT)",
    "CREATE TABLE {t}_new AS SELECT 1 AS a",
    "CREATE OR REPLACE TABLE {t} AS SELECT 1 AS a",
    "CREATE OR REPLACE TABLE {t} (id BIGINT)",
    "CREATE VIEW {t}_view AS SELECT * FROM {t}",
    "CREATE SCHEMA {s}_new",
    "DROP SCHEMA {s} CASCADE",
    "CREATE VOLUME {s}.more",
    "DROP VOLUME {s}.files",
    "ALTER TABLE {t} ADD COLUMNS (x INT)",
    "ALTER TABLE {t} RENAME TO {t}_other",
    "ALTER TABLE {t} SET TBLPROPERTIES ('a' = 'b')",
    "COMMENT ON TABLE {t} IS 'mine now'",
    "OPTIMIZE {t}",
    "VACUUM {t} RETAIN 0 HOURS",
    "RESTORE TABLE {t} TO VERSION AS OF 0",
    "GRANT ALL PRIVILEGES ON TABLE {t} TO `account users`",
    "COPY INTO {t} FROM '/Volumes/x'",
    "INSERT INTO IDENTIFIER('{t}') SELECT 9L, 9L",
)


@pytest.mark.documented
@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_that_writes_to_prod_is_refused(
    spark: SparkSession, table: str, statement: str
) -> None:
    before = state(spark, table)
    schema = table.rpartition(".")[0]
    refused(lambda: spark.sql(statement.format(t=table, s=schema)).collect())
    assert state(spark, table) == before


WRITERS: dict[str, Callable[[SparkSession, str], Any]] = {
    "saveAsTable append": lambda s, t: s.table(t).write.mode("append").saveAsTable(t),
    "saveAsTable overwrite": lambda s, t: s.table(t).write.mode("overwrite").saveAsTable(t),
    "saveAsTable new": lambda s, t: s.range(1).write.saveAsTable(f"{t}_new"),
    "insertInto": lambda s, t: s.table(t).write.insertInto(t),
    "insertInto overwrite": lambda s, t: s.table(t).write.insertInto(t, overwrite=True),
    "writeTo append": lambda s, t: s.table(t).writeTo(t).append(),
    "writeTo overwritePartitions": lambda s, t: s.table(t).writeTo(t).overwritePartitions(),
    "writeTo create": lambda s, t: s.range(1).writeTo(f"{t}_new").create(),
    "writeTo replace": lambda s, t: s.range(1).writeTo(t).replace(),
    "writeTo createOrReplace": lambda s, t: s.range(1).writeTo(t).createOrReplace(),
    "save to a volume": lambda s, t: s.range(1).write.csv(
        f"/Volumes/{t.rpartition('.')[0].replace('.', '/')}/files/out"
    ),
    "save Delta to a volume": lambda s, t: (
        s.range(1)
        .write.format("delta")
        .save(f"/Volumes/{t.rpartition('.')[0].replace('.', '/')}/files/out")
    ),
    "createExternalTable": lambda s, t: s.catalog.createTable(f"{t}_new", "/tmp/x", "delta"),
}


@pytest.mark.documented
@pytest.mark.parametrize("writer", WRITERS)
def test_a_dataframe_writer_to_prod_is_refused(
    spark: SparkSession, table: str, writer: str
) -> None:
    before = state(spark, table)
    refused(lambda: WRITERS[writer](spark, table))
    assert state(spark, table) == before


@pytest.mark.documented
def test_a_merge_into_prod_is_refused(spark: SparkSession, table: str) -> None:
    from pyspark.sql.functions import expr

    before = state(spark, table)
    source = spark.range(3).alias("x")
    merge = source.mergeInto(table, expr(f"x.id = {table}.id")).whenMatched().delete()
    refused(merge.merge)
    assert state(spark, table) == before


@pytest.mark.documented
def test_the_folder_of_a_prod_table_cannot_be_written(
    workspace: Any, spark: SparkSession, table: str
) -> None:
    folder = folder_of(workspace, table)
    before = state(spark, table)
    refused(lambda: spark.range(9).write.format("delta").mode("overwrite").save(str(folder)))
    refused(lambda: spark.range(9).write.mode("append").parquet(f"file:{folder}"))
    refused(lambda: spark.sql(f"DELETE FROM delta.`{folder}`").collect())
    refused(lambda: spark.range(9).write.parquet(str(folder.parent / "another")))
    assert state(spark, table) == before


@pytest.mark.belief
def test_code_inside_the_engine_cannot_write_to_prod(
    workspace: Any, spark: SparkSession, table: str
) -> None:
    """A Python function runs in the engine's process: the mount view stops it, not the gateway."""
    from pyspark.sql.functions import udf

    from brickyard.workspace.processes import enforcement

    if enforcement().kind != "namespace":
        pytest.skip("this platform has no mount namespaces")
    target = str(folder_of(workspace, table) / "planted.parquet")

    def plant(_: int) -> str:
        try:
            with open(target, "w") as file:  # noqa: PTH123 - as a user's function would
                file.write("x")
        except OSError as fault:
            return type(fault).__name__ + str(fault.errno)
        return "written"

    outcome = spark.range(1).select(udf(plant, "string")("id")).collect()[0][0]
    assert outcome != "written"
    assert not Path(target).exists()


@pytest.mark.documented
def test_reading_prod_from_dev_works_and_writing_works_from_prod(
    spark: SparkSession, prod_spark: SparkSession, table: str
) -> None:
    assert spark.table(table).count() == 5
    prod_spark.sql(f"INSERT INTO {table} VALUES (9, 9)").collect()
    prod_spark.table(table).limit(1).write.mode("append").saveAsTable(table)
    assert spark.sql(f"SELECT count(*) FROM {table}").collect()[0][0] == 7


@pytest.mark.documented
def test_a_catalog_without_a_binding_cannot_be_read_even_in_a_string(
    workspace: Any, spark: SparkSession
) -> None:
    refused(lambda: spark.table("staging.default.x").collect())
    refused(lambda: spark.range(3).filter("id IN (SELECT id FROM staging.default.x)").collect())
    refused(lambda: spark.sql("SELECT * FROM IDENTIFIER('staging.default.x')").collect())


def refused(act: Callable[[], Any]) -> None:
    from pyspark.errors import PySparkException

    with pytest.raises(PySparkException) as caught:
        act()
    text = str(caught.value)
    wrong = "PERMISSION_DENIED" not in text and "UNSUPPORTED_FEATURE" not in text
    assert not wrong, text


def state(spark: SparkSession, table: str) -> Any:
    """The rows, the columns, the history and the neighbours of a table."""
    schema = table.rpartition(".")[0]
    return (
        sorted(tuple(row) for row in spark.table(table).collect()),
        [tuple(row) for row in spark.sql(f"DESCRIBE TABLE {table}").collect()],
        spark.sql(f"DESCRIBE HISTORY {table}").count(),
        [row.tableName for row in spark.sql(f"SHOW TABLES IN {schema}").collect()],
        [row.volume_name for row in spark.sql(f"SHOW VOLUMES IN {schema}").collect()],
        [row.databaseName for row in spark.sql("SHOW SCHEMAS IN prod").collect()],
    )


def folder_of(workspace: Any, table: str) -> Path:
    location = workspace.client("prod").tables.get(table).storage_location
    return Path(str(location).removeprefix("file://"))
