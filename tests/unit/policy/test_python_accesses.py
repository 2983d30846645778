"""What the interpreter finds in Python: constants followed to the calls that read or write."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from brickyard.policy.accesses import Mode
from brickyard.policy.interpreter import Interpreter
from brickyard.policy.library import Task


def found(code: str, modules: dict[str, str] | None = None, **task: object) -> set[tuple[str, str]]:
    """(mode, full name) of every access; names with an unknown part carry a `?`."""
    sources = {name: ast.parse(dedent(text)) for name, text in (modules or {}).items()}

    def find(dotted: str, _importer: str) -> tuple[str, ast.Module] | None:
        return (f"{dotted}.py", sources[dotted]) if dotted in sources else None

    interpreter = Interpreter(find)
    interpreter.run(ast.parse(dedent(code)), "main.py", Task(**task))  # type: ignore[arg-type]
    interpreter.follow_unreached()
    return {(str(one.mode), one.full_name) for one in interpreter.found}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("spark.table('prod.a.b')", {("read", "prod.a.b")}),
        ("spark.read.table('prod.a.b').write.saveAsTable('dev.a.b')",
         {("read", "prod.a.b"), ("write", "dev.a.b")}),
        ("c = 'dev'\nspark.sql(f'insert into {c}.a.b select * from prod.a.b')",
         {("read", "prod.a.b"), ("write", "dev.a.b")}),
        ("for t in ['x', 'y']:\n    spark.table('prod.a.' + t)",
         {("read", "prod.a.x"), ("read", "prod.a.y")}),
        ("for c in ('dev', unknown()):\n    df.write.saveAsTable(f'{c}.a.b')",
         {("write", "dev.a.b"), ("write", "?.a.b")}),
        ("c = 'prod' if flag() else 'dev'\ndf.writeTo(f'{c}.a.b').append()",
         {("write", "prod.a.b"), ("write", "dev.a.b")}),
        ("import os\ndf.write.insertInto(os.environ['T'])", {("write", "?")}),
        ("DeltaTable.forName(spark, 'prod.a.b').alias('t').merge(df, 'x').execute()",
         {("read", "prod.a.b"), ("write", "prod.a.b")}),
        ("open('/Volumes/prod/a/v/x.txt', 'w')", {("write", "prod.a.v")}),
        ("from pathlib import Path\n(Path('/Volumes') / 'dev' / 'a' / 'v' / 'f').read_text()",
         {("read", "dev.a.v")}),
        ("open('notes.txt', 'w')", set()),
        ("import pandas as pd\npd.read_csv('/Volumes/dev/a/v/f.csv').to_parquet(somewhere())",
         {("read", "dev.a.v"), ("write", "?")}),
        ("import mlflow\nmlflow.register_model('runs:/1/m', 'prod.a.m')", {("write", "prod.a.m")}),
        ("import mlflow\nmlflow.pyfunc.log_model(name='m', registered_model_name='dev.a.m')",
         {("write", "dev.a.m")}),
        ("import mlflow\nmlflow.pyfunc.load_model('models:/prod.a.m@champion')",
         {("read", "prod.a.m")}),
        ("w.schemas.create(name='s', catalog_name='dev')", {("write", "dev.s")}),
        ("df.createOrReplaceTempView('v')\nspark.sql('select * from v')", set()),
        ("spark.sql('use catalog dev')\nspark.sql('create table s.t as select 1')",
         {("write", "dev.s.t")}),
        ("df.filter('x > 1').toPandas().to_csv('/tmp/x.csv')", set()),
    ],
)  # fmt: skip
def test_calls_are_found_with_their_constants(code: str, expected: set[tuple[str, str]]) -> None:
    assert found(code) == expected


def test_widgets_take_the_task_parameter_over_the_default() -> None:
    code = """
        dbutils.widgets.text("catalog", "dev")
        catalog = dbutils.widgets.get("catalog")
        spark.table(f"{catalog}.a.b")
    """
    assert found(code) == {("read", "dev.a.b")}
    assert found(code, widgets={"catalog": "prod"}) == {("read", "prod.a.b")}


def test_arguments_are_followed_through_argparse_into_functions_of_other_modules() -> None:
    code = """
        import argparse
        from work.tables import Tables, copy

        def main():
            parser = argparse.ArgumentParser()
            parser.add_argument("--catalog", required=True)
            parser.add_argument("--schema", default="quality")
            options = parser.parse_args()
            copy(Tables(options.catalog, options.schema))

        if __name__ == "__main__":
            main()
    """
    module = """
        from dataclasses import dataclass

        @dataclass(frozen=True)
        class Tables:
            catalog: str
            schema: str = "default"

            @property
            def flights(self) -> str:
                return f"{self.catalog}.{self.schema}.flights"

        def copy(tables, source="prod.quality.flights"):
            spark.table(source).write.mode("overwrite").saveAsTable(tables.flights)
    """
    assert found(code, {"work.tables": module}, arguments=("--catalog", "dev")) == {
        ("read", "prod.quality.flights"),
        ("write", "dev.quality.flights"),
    }


def test_functions_that_nothing_calls_are_unknown_not_clean() -> None:
    assert found("def later(t):\n    df.write.saveAsTable(t)") == {("write", "?")}


def test_recursion_and_endless_loops_end() -> None:
    code = "def f(n):\n    return f(n + 1)\nwhile True:\n    f(0)\n    spark.table('dev.a.b')\n"
    assert found(code) == {("read", "dev.a.b")}


def test_lines_are_those_of_the_call() -> None:
    interpreter = Interpreter(lambda name, importer: None)
    interpreter.run(ast.parse("x = 1\n\nspark.table('prod.a.b')"), "main.py", Task())
    assert [(one.file, one.line, one.mode) for one in interpreter.found] == [
        ("main.py", 3, Mode.READ)
    ]
