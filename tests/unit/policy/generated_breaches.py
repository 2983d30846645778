"""Breaches put together from a fixed seed: a way to make a name, a call, and a place to stand.

Every combination is a program that an ordinary project might contain; which are taken is decided by
the seed, so the suite is the same each time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from breach_cases import Case, case

CATALOGS = ("prod", "staging")
SCHEMAS = ("sales", "ml", "rag")
NAMES = ("orders", "features", "items", "customers")
JOB = """\
bundle: {{name: b}}
variables: {{live: {{default: {catalog}}}}}
targets: {{dev: {{default: true}}}}
resources:
  jobs:
    j:
      parameters: [{{name: from_job, default: "${{var.live}}"}}]
      tasks:
        - task_key: t
          {task}
"""
NOTEBOOK = 'notebook_task: {notebook_path: main.py, base_parameters: {catalog: "${var.live}"}}'
FILE = 'spark_python_task: {python_file: main.py, parameters: [--catalog, "${var.live}", sales]}'

# How the name comes about: statements before, and the expression. {c} {s} {n} are its parts.
MAKERS = (
    ("", '"{c}.{s}.{n}"'),
    ('C = "{c}"', 'f"{{C}}.{s}.{n}"'),
    ('parts = ["{c}", "{s}"]\nparts.append("{n}")', '".".join(parts)'),
    ('conf = {{"c": "{c}", "s": "{s}"}}', '"{{c}}.{{s}}.{n}".format(**conf)'),
    ('catalog, schema = "{c}.{s}".split(".")', 'catalog + "." + schema + ".{n}"'),
    ('def full(name, catalog="{c}"):\n    return f"{{catalog}}.{s}.{{name}}"', 'full("{n}")'),
    (
        (
            'class T:\n    catalog = "{c}"\n    @property\n    def name(self):\n'
            '        return "%s.%s.%s" % (self.catalog, "{s}", "{n}")'
        ),
        "T().name",
    ),
    ('import json\nconf = json.loads(\'{{"t": {{"{n}": "{c}.{s}.{n}"}}}}\')', 'conf["t"]["{n}"]'),
    ('import os\nos.environ["LIVE"] = "{c}"', 'f"{{os.environ[\'LIVE\']}}.{s}.{n}"'),
    ('names = {{k: f"{c}.{s}.{{k}}" for k in ["{n}"]}}', 'names["{n}"]'),
    ('from names import CATALOG', 'f"{{CATALOG}}.{s}.{n}"'),
    ('import names', 'names.full("{s}", "{n}")'),
    ('env = "live"\ncatalog = "{c}" if env == "live" else "dev"', 'f"{{catalog}}.{s}.{n}"'),
    ('@lambda f: f()\ndef name():\n    return "{c}.{s}.{n}"', "name"),
    ('from string import Template\nt = Template("$c.{s}.{n}")', 't.substitute(c="{c}")'),
)  # fmt: skip
FROM_TASK = (
    ("# Databricks notebook source\ncatalog = dbutils.widgets.get('catalog')", NOTEBOOK),
    ("# Databricks notebook source\ncatalog = dbutils.widgets.get('from_job')", NOTEBOOK),
    (
        (
            "import argparse\np = argparse.ArgumentParser()\np.add_argument('--catalog')\n"
            "p.add_argument('rest')\ncatalog = p.parse_args().catalog"
        ),
        FILE,
    ),
    ("import sys\ncatalog = sys.argv[2]", FILE),
)  # fmt: skip
# What is done with it: the call, its mode, its securable; @N@ stands for the expression.
CALLS = (
    ("spark.table(@N@)", "read", "table"),
    ("spark.read.option('x', 'y').table(@N@)", "read", "table"),
    ("spark.readStream.table(@N@)", "read", "table"),
    ('spark.sql(f"SELECT * FROM {@N@}")', "read", "table"),
    ("spark.sql('SELECT * FROM ' + @N@)", "read", "table"),
    ("df.write.mode('overwrite').saveAsTable(@N@)", "write", "table"),
    ("df.writeTo(@N@).append()", "write", "table"),
    ("df.write.insertInto(@N@)", "write", "table"),
    ("df.writeStream.toTable(@N@)", "write", "table"),
    ('spark.sql("DELETE FROM {}".format(@N@))', "write", "table"),
    ('spark.sql("INSERT INTO %s SELECT 1" % @N@)', "write", "table"),
    ('spark.sql("UPDATE IDENTIFIER(:t) SET a = 1", args={"t": @N@})', "write", "table"),
    ("DeltaTable.forName(spark, @N@).delete()", "write", "table"),
    ("mlflow.register_model('runs:/1/m', @N@)", "write", "model"),
    ("mlflow.pyfunc.load_model(f'models:/{@N@}@champion')", "read", "model"),
    ("MlflowClient().set_registered_model_alias(@N@, 'champion', 1)", "write", "model"),
    ("mlflow.genai.load_prompt(f'prompts:/{@N@}/1')", "read", "prompt"),
    ("VectorSearchClient().get_index(endpoint_name='e', index_name=@N@)", "read", "index"),
    ("open('/Volumes/' + @N@.replace('.', '/') + '/a', 'w')", "write", "volume"),
    ("dbutils.fs.rm('/Volumes/' + '/'.join(@N@.split('.')) + '/x', True)", "write", "volume"),
)  # fmt: skip
MODULE = """\
CATALOG = "{catalog}"
def full(schema, name):
    return f"{{CATALOG}}.{{schema}}.{{name}}"
"""
IMPORTS = """\
import mlflow
from mlflow import MlflowClient
from delta.tables import DeltaTable
from databricks.vector_search.client import VectorSearchClient
"""
# Where the call stands; {call} ends with the comment that says what is expected.
PLACES = (
    "{call}",
    "def main(spark, df):\n    {call}\n\nmain(spark, spark.table('dev.sales.x'))",
    "try:\n    {call}\nfinally:\n    pass",
    "class Job:\n    def run(self):\n        {call}\n\nJob().run()",
    "for attempt in range(3):\n    {call}",
    "if unknown():\n    {call}",
    "with session() as other:\n    {call}",
    "def later():\n    {call}",
    "run = lambda: None\nif __name__ == '__main__':\n    {call}",
)


def generated(*, seed: int, count: int) -> Iterator[Case]:
    chance = random.Random(seed)
    for number in range(count):
        yield _one(chance, number)


def _one(chance: random.Random, number: int) -> Case:
    catalog, schema, name = (chance.choice(group) for group in (CATALOGS, SCHEMAS, NAMES))
    calls = [one for one in CALLS if catalog != "prod" or one[1] == "write"]
    call, mode, securable = chance.choice(calls)
    if "DeltaTable" in call:  # which reads, too
        catalog = "prod"
    parts = {"c": catalog, "s": schema, "n": name}
    if chance.random() < 0.3:
        before, task = chance.choice(FROM_TASK)
        expression = f'f"{{catalog}}.{schema}.{name}"'
    else:
        maker = chance.choice(MAKERS)
        before, expression = (one.format(**parts) for one in maker)
        task = FILE
    if "f'" in call or 'f"' in call:  # no quotes within quotes
        before, expression = f"{before}\nname = {expression}", "name"
    full = f"{catalog}.{schema}.{name}"
    written = call.replace("@N@", expression)
    line = f"{written}  # !! {mode} {securable} {full}"
    body = chance.choice(PLACES).replace("{call}", line)
    head, _, rest = (
        before.partition("\n") if before.startswith("# Databricks") else ("", "", before)
    )
    main = "\n".join(one for one in (head, IMPORTS, rest, body) if one)
    names = MODULE.format(catalog=catalog)
    text = (
        f"=== databricks.yml\n{JOB.format(catalog=catalog, task=task)}"
        f"=== main.py\n{main}\n=== names.py\n{names}"
    )
    return case(f"generated {number}: {mode} {securable}", text)
