"""What user code in a task may try on a catalog: reads that work from dev, writes that must not.

Each attempt is Python text that a notebook runs with `catalog`, `schema`, `location` (the folder
of table `{catalog}.{schema}.t`) and `volume` (its mount) at hand. The notebook catches each
outcome, so that one task shows them all; which outcome is right depends on the catalog and the
workspace alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

READS = {
    "sql": "assert spark.sql(f'SELECT sum(id) s FROM {catalog}.{schema}.t').first().s == 3",
    "dataframe": "assert spark.table(f'{catalog}.{schema}.t').count() == 3",
    "volume by open": "assert open(f'{volume}/kept.txt').read() == 'kept'",
    "volume by dbutils": "assert dbutils.fs.head(f'{volume}/kept.txt') == 'kept'",
    "volume by spark": "assert spark.read.text(f'{volume}/kept.txt').first()[0] == 'kept'",
    "delta-rs": "from deltalake import DeltaTable\n"
    "assert DeltaTable(location).to_pandas()['id'].sum() == 3",
    "Files API": "from databricks.sdk import WorkspaceClient\n"
    "got = WorkspaceClient().files.download(f'{volume}/kept.txt').contents.read()\n"
    "assert got == b'kept'",
}

# Spark: the gateway refuses.
DATAFRAME_WRITES = {
    "saveAsTable": "spark.range(1).write.saveAsTable(f'{catalog}.{schema}.made')",
    "saveAsTable append": "spark.range(1).write.mode('append')"
    ".saveAsTable(f'{catalog}.{schema}.t')",
    "saveAsTable overwrite": "spark.range(1).write.mode('overwrite')"
    ".saveAsTable(f'{catalog}.{schema}.t')",
    "insertInto": "spark.range(1).write.insertInto(f'{catalog}.{schema}.t')",
    "writeTo append": "spark.range(1).writeTo(f'{catalog}.{schema}.t').append()",
    "writeTo create": "spark.range(1).writeTo(f'{catalog}.{schema}.made_too').create()",
    "path of a table": "spark.range(1).write.format('delta').mode('append').save(location)",
    "path of a volume": "spark.range(1).write.format('parquet').save(f'{volume}/by_spark')",
    "INSERT by spark.sql": "spark.sql(f'INSERT INTO {catalog}.{schema}.t VALUES (9)')",
    "CREATE SCHEMA by spark.sql": "spark.sql(f'CREATE SCHEMA {catalog}.{schema}_by_spark')",
}

# Files: the mount refuses, whatever library asks.
VOLUME_WRITES = {
    "open for writing": "open(f'{volume}/by_open.txt', 'w').write('x')",
    "open for appending": "open(f'{volume}/kept.txt', 'a').write('')",
    "mkdir": "import os\nos.mkdir(f'{volume}/by_mkdir')",
    "rename": "import os\nos.rename(f'{volume}/spare.txt', f'{volume}/moved.txt')",
    "another process": "import subprocess\n"
    "subprocess.run(['touch', f'{volume}/by_touch'], check=True)",
    "dbutils.fs.put": "dbutils.fs.put(f'{volume}/by_put.txt', 'x')",
    "dbutils.fs.mkdirs": "dbutils.fs.mkdirs(f'{volume}/by_mkdirs')",
    "dbutils.fs.cp": "dbutils.fs.cp(f'{volume}/kept.txt', f'{volume}/copy.txt')",
    "dbutils.fs.rm": "dbutils.fs.rm(f'{volume}/spare2.txt')",
}
STORAGE_WRITES = {
    "write_deltalake": "import pandas as pd\nfrom deltalake import write_deltalake\n"
    "write_deltalake(location, pd.DataFrame({'id': [7]}), mode='append')",
    "DeltaTable.delete": "from deltalake import DeltaTable\nDeltaTable(location).delete('id = 0')",
    "pandas": "import pandas as pd\n"
    "pd.DataFrame({'id': [7]}).to_parquet(f'{location}/stray.parquet')",
    "log": "open(f'{location}/_delta_log/note.txt', 'w').write('x')",
}
# The Files API and the registry, from inside a task: the route refuses.
REMOTE_WRITES = {
    "Files API": "import io\nfrom databricks.sdk import WorkspaceClient\n"
    "WorkspaceClient().files.upload(f'{volume}/by_api.txt', io.BytesIO(b'x'))",
    "MLflow": "import mlflow\n"
    "mlflow.MlflowClient(registry_uri='databricks-uc')"
    ".create_registered_model(f'{catalog}.{schema}.from_task')",
}
WRITES = DATAFRAME_WRITES | VOLUME_WRITES | STORAGE_WRITES | REMOTE_WRITES

HEAD = """\
# Databricks notebook source
from databricks.sdk import WorkspaceClient
catalog, schema = dbutils.widgets.get('catalog'), dbutils.widgets.get('schema')
location = WorkspaceClient().tables.get(f'{catalog}.{schema}.t').storage_location
location = location.removeprefix('file://')
volume = f'/Volumes/{catalog}/{schema}/v'
"""
EACH = """
import json
attempts = json.loads(%r)
said = {}
for name, code in attempts.items():
    try:
        exec(code, dict(globals()))
        said[name] = 'done'
    except Exception as fault:
        code = getattr(fault, 'error_code', None)
        said[name] = f'{type(fault).__name__} {code}: {fault}'
dbutils.notebook.exit(json.dumps(said))
"""


def notebook(attempts: Mapping[str, str]) -> str:
    """A notebook that makes the attempts one after the other and exits with what each said."""
    return HEAD + EACH % json.dumps(dict(attempts))


def plain_notebook(attempt: str) -> str:
    """A notebook that makes one attempt and catches nothing."""
    return HEAD + attempt + "\n"
