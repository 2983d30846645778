"""`dbutils` as the Databricks Utilities reference describes it."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

Put = Callable[..., str]
Run = Callable[..., Any]


@pytest.mark.documented
def test_widgets_have_defaults_and_take_the_runs_parameters(put: Put, run: Run) -> None:
    path = put(
        "widgets",
        "w = dbutils.widgets\n"
        "w.text(name='name', defaultValue='nobody', label='Name')\n"
        "w.dropdown('size', 'S', ['S', 'M', 'L'], 'Size')\n"
        "w.combobox('color', 'red', ['red', 'blue'])\n"
        "w.multiselect('days', 'mon', ['mon', 'tue'])",
        "import json\nfound = w.getAll()\n"
        "found['got'] = w.get('name') + w.get('size') + getArgument('color')\n"
        "w.remove('days')\nfound['left'] = sorted(w.getAll())\n"
        "try:\n    w.get('days')\nexcept Exception as fault:\n    found['gone'] = str(fault)\n"
        "w.removeAll()\nfound['none'] = w.getAll()",
        "dbutils.notebook.exit(json.dumps(found))",
    )
    ended = run(path, {"name": "ann", "color": "green"})
    assert ended.error is None
    found = json.loads(ended.result)
    assert found["days"] == "mon"
    assert found["got"] == "annSgreen"
    assert found["left"] == ["color", "name", "size"]
    assert "No input widget named days is defined" in found["gone"]
    assert found["none"] == {}


@pytest.mark.documented
def test_a_notebook_runs_another_with_parameters_and_takes_its_exit_value(
    put: Put, run: Run
) -> None:
    put(
        "lib/child",
        "dbutils.widgets.text('n', '0')\nprint('child', dbutils.widgets.get('n'))",
        "dbutils.notebook.exit(int(dbutils.widgets.get('n')) * 2)",
    )
    put("lib/silent", "x = 1")
    put("lib/fails", "raise ValueError('child broke')")
    put("lib/slow", "import time\ntime.sleep(60)")
    path = put(
        "parent",
        "x = 'mine'\nfirst = dbutils.notebook.run('lib/child', 60, {'n': 21})\n"
        "second = dbutils.notebook.run('./lib/silent', 60)",
        "faults = []\nfor name, limit in (('fails', 60), ('slow', 1), ('absent', 60)):\n"
        "    try:\n        dbutils.notebook.run(f'./lib/{name}', limit)\n"
        "    except Exception as fault:\n        faults.append(str(fault))",
        "import json\ndbutils.notebook.exit(json.dumps([first, second, x, faults]))",
    )
    ended = run(path)
    assert ended.error is None
    first, second, kept, faults = json.loads(ended.result)
    assert (first, second, kept) == ("42", "", "mine")
    assert "child 21\n" in ended.logs
    assert "ValueError: child broke" in faults[0]
    assert "1 seconds" in faults[1]
    assert "lib/absent" in faults[2]


@pytest.mark.documented
def test_secrets_are_listed_read_and_never_shown(dev: WorkspaceClient, put: Put, run: Run) -> None:
    scope = f"s-{uuid.uuid4().hex[:8]}"
    dev.secrets.create_scope(scope)
    dev.secrets.put_secret(scope, "password", string_value="hunter2-value")
    path = put(
        "secrets",
        f"scope = '{scope}'\nvalue = dbutils.secrets.get(scope=scope, key='password')",
        "print('value:', value, len(value))\nprint(dbutils.secrets.getBytes(scope, 'password'))\n"
        "print([one.key for one in dbutils.secrets.list(scope)])\n"
        "print(scope in [one.name for one in dbutils.secrets.listScopes()])",
        "# MAGIC %sh echo it is hunter2-value",
        "import sys\nsys.stderr.write(value + '\\n')",
        "raise ValueError('the password is ' + value)",
    )
    ended = run(path)
    assert "value: [REDACTED] 13\n" in ended.logs
    assert "['password']\nTrue\nit is [REDACTED]\n[REDACTED]\n" in ended.logs
    assert ended.error == "ValueError: the password is [REDACTED]"
    for text in (ended.logs, ended.error, ended.trace):
        assert "hunter2" not in text


@pytest.mark.documented
def test_a_missing_secret_says_so(put: Put, run: Run) -> None:
    ended = run(put("nosecret", "dbutils.secrets.get('no-such-scope', 'k')"))
    assert ended.state == "FAILED"
    assert "no-such-scope" in ended.error


@pytest.mark.documented
def test_fs_works_on_volumes_workspace_and_local_files(
    dev: WorkspaceClient, put: Put, run: Run
) -> None:
    from databricks.sdk.service.catalog import VolumeType

    schema = f"fs_{uuid.uuid4().hex[:8]}"
    dev.schemas.create(name=schema, catalog_name="dev")
    dev.volumes.create("dev", schema, "v", VolumeType.MANAGED)
    root = f"/Volumes/dev/{schema}/v"
    dev.files.upload(f"{root}/in/a.txt", io.BytesIO(b"alpha"))
    path = put(
        "fs",
        f"root, fs, found = '{root}', dbutils.fs, {{}}\n"
        "found['ls'] = [(f.path, f.name, f.size) for f in fs.ls(root + '/in')]\n"
        "found['top'] = [f.name for f in fs.ls('dbfs:' + root)]\n"
        "found['dirs'] = [f.isDir() for f in fs.ls(root)]",
        "fs.mkdirs(root + '/out/deep')\nfs.put(root + '/out/b.txt', 'beta', True)\n"
        "found['head'] = fs.head('dbfs:' + root + '/out/b.txt', 3)\n"
        "fs.cp(root + '/in', root + '/copy', recurse=True)\n"
        "fs.mv(root + '/out/b.txt', root + '/out/deep/c.txt')\n"
        "fs.cp(root + '/copy/a.txt', 'file:/tmp/brickyard-local.txt')\n"
        "found['local'] = open('/tmp/brickyard-local.txt').read()\n"
        "found['again'] = fs.head('file:/tmp/brickyard-local.txt')\n"
        "fs.rm('file:/tmp/brickyard-local.txt')",
        "import os\nfound['plain'] = sorted(os.listdir(root + '/out'))\n"
        "found['read'] = open(root + '/out/deep/c.txt').read()\n"
        "found['rm'] = [fs.rm(root + '/copy', True), fs.rm(root + '/nothing')]\n"
        "found['left'] = sorted(f.name for f in fs.ls(root))",
        "try:\n    fs.put(root + '/in/a.txt', 'again')\n"
        "except Exception as fault:\n    found['exists'] = str(fault)\n"
        "try:\n    fs.ls(root + '/absent')\n"
        "except Exception as fault:\n    found['absent'] = str(fault)\n"
        "try:\n    fs.ls('s3://bucket/x')\n"
        "except Exception as fault:\n    found['cloud'] = str(fault)",
        "# MAGIC %fs ls " + root,
        "import json\ndbutils.notebook.exit(json.dumps(found))",
    )
    ended = run(path)
    assert ended.error is None
    found = json.loads(ended.result)
    assert found["ls"] == [[f"dbfs:{root}/in/a.txt", "a.txt", 5]]
    assert found["top"] == ["in/"]
    assert found["dirs"] == [True]
    assert (found["head"], found["local"], found["again"]) == ("bet", "alpha", "alpha")
    assert (found["plain"], found["read"]) == (["deep"], "beta")
    assert (found["rm"], found["left"]) == ([True, False], ["in/", "out/"])
    assert "a.txt" in found["exists"]
    assert "absent" in found["absent"]
    assert "/Volumes" in found["cloud"]
    assert "in/" in ended.logs


@pytest.mark.documented
def test_the_context_says_where_and_who(dev: WorkspaceClient, put: Put, run: Run) -> None:
    path = put(
        "context",
        "import json, urllib.request\n"
        "context = dbutils.notebook.entry_point.getDbutils().notebook().getContext()\n"
        "def get(name):\n    return getattr(context, name)().get()",
        "tags = context.tags()\nfound = {\n"
        "    'path': get('notebookPath'), 'user': get('userName'), 'url': get('apiUrl'),\n"
        "    'workspace': get('workspaceId'), 'tag': tags.get('user').get(),\n"
        "    'extra': context.extraContext().apply('notebook_path'),\n"
        "    'job': 'runId' in tags, 'host': context.browserHostName().isDefined(),\n"
        "    'short': dbutils.notebook.getContext().notebookPath().get(),\n}",
        "parsed = json.loads(context.toJson())\n"
        "found['json'] = parsed['extraContext']['notebook_path']\n"
        "found['org'] = parsed['tags']['orgId']",
        "asked = urllib.request.Request(get('apiUrl') + '/api/2.0/preview/scim/v2/Me',\n"
        "    headers={'Authorization': 'Bearer ' + get('apiToken')})\n"
        "found['me'] = json.load(urllib.request.urlopen(asked))['userName']",
        "dbutils.notebook.exit(json.dumps(found))",
    )
    ended = run(path)
    assert ended.error is None
    found, me = json.loads(ended.result), dev.current_user.me().user_name
    assert {found["path"], found["extra"], found["short"], found["json"]} == {path}
    assert {found["user"], found["tag"], found["me"]} == {me}
    assert found["url"] == dev.config.host
    assert found["workspace"] == found["org"] == str(dev.get_workspace_id())
    assert found["job"] is True


@pytest.mark.documented
@pytest.mark.slow
def test_libraries_find_the_runtime_without_being_told(put: Put, run: Run) -> None:
    put(
        "loader.py",
        data=b"from databricks.sdk.runtime import *\n"
        b"def load():\n    return spark.range(3).count(), dbutils.widgets.get('w')\n",
    )
    path = put(
        "runtime",
        "from databricks.sdk import WorkspaceClient\nfrom databricks.sdk.runtime import *\n"
        "dbutils.widgets.text('w', 'seen')\nimport loader",
        "client = WorkspaceClient()\nme = client.current_user.me().user_name\n"
        "same = client.dbutils.widgets.get('w')\n"
        "scopes = client.dbutils.secrets.listScopes()",
        "from pyspark.sql import SparkSession\n"
        "again = SparkSession.builder.appName('x').getOrCreate()\n"
        "assert again.range(2).count() == 2\nassert isinstance(spark, type(again))",
        "dbutils.notebook.exit(f'{loader.load()} {same}')",
    )
    ended = run(path)
    assert (ended.error, ended.result) == (None, "(3, 'seen') seen")


@pytest.mark.documented
@pytest.mark.slow
def test_spark_does_what_notebooks_ask_of_it(dev: WorkspaceClient, put: Put, run: Run) -> None:
    from databricks.sdk.service.catalog import VolumeType

    schema = f"sp_{uuid.uuid4().hex[:8]}"
    dev.schemas.create(name=schema, catalog_name="dev")
    dev.volumes.create("dev", schema, "v", VolumeType.MANAGED)
    dev.files.upload(f"/Volumes/dev/{schema}/v/in.csv", io.BytesIO(b"n,word\n1,one\n2,two\n"))
    path = put(
        "spark",
        "found = {}\nspark.conf.set('spark.sql.session.timeZone', 'UTC')\n"
        "found['zone'] = spark.conf.get('spark.sql.session.timeZone')\n"
        "spark.conf.set('my.own.key', 'kept')\nfound['own'] = spark.conf.get('my.own.key')\n"
        "found['default'] = spark.conf.get('not.there', 'fallback')",
        "row = spark.sql('SELECT :a + 1 AS a, upper(:b) AS b', args={'a': 1, 'b': 'x'}).first()\n"
        "found['args'] = [row.a, row.b]",
        "import pandas as pd\nfrom pyspark.sql.functions import col, pandas_udf\n"
        "@pandas_udf('long')\ndef plus(n: pd.Series) -> pd.Series:\n    return n + 1\n"
        "found['udf'] = [r[0] for r in spark.range(3).select(plus(col('id'))).collect()]",
        "@udf('string')\ndef shout(text):\n    return text.upper() + '!'\n"
        f"csv = spark.read.csv('/Volumes/dev/{schema}/v/in.csv', header=True, inferSchema=True)\n"
        "found['csv'] = [[r.n, r.loud] for r in csv.withColumn('loud', shout('word')).collect()]",
        "frame = spark.createDataFrame(pd.DataFrame({'k': ['a', 'b', 'a'], 'v': [1, 2, 3]}))\n"
        f"frame.write.mode('overwrite').saveAsTable('dev.{schema}.t')\n"
        f"found['sum'] = spark.table('dev.{schema}.t').groupBy('k').sum('v').orderBy('k')"
        ".toPandas().values.tolist()",
        "import json\ndbutils.notebook.exit(json.dumps(found))",
    )
    ended = run(path)
    assert ended.error is None, ended.trace
    found = json.loads(ended.result)
    assert (found["zone"], found["own"], found["default"]) == ("UTC", "kept", "fallback")
    assert found["args"] == [2, "X"]
    assert found["udf"] == [1, 2, 3]
    assert found["csv"] == [[1, "ONE!"], [2, "TWO!"]]
    assert found["sum"] == [["a", 4], ["b", 2]]
