"""Calls that read or write securables, by how they are reached, and what their arguments name.

One row per call. `ends` is how the dotted chain of the call ends; `where` limits it to chains that
contain one of these words (empty: any). The argument at `position` or called `keyword` holds a
table name, SQL text, a path, a model URI and so on, which `kind` says. Calls that put a name
together from several arguments are rows of `COMPOSED`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from brickyard.policy.accesses import Mode, Securable

READ, WRITE = Mode.READ, Mode.WRITE
NO_POSITION: Final = 99  # by keyword only


@dataclass(frozen=True, slots=True)
class Sink:
    ends: str
    kind: str  # a securable, or sql | model_uri | model_copy | prompt_uri | file | …_filter
    mode: Mode
    position: int = 0
    keyword: str = ""
    where: tuple[str, ...] = ()
    takes_all: bool = False  # and every positional argument behind it


@dataclass(frozen=True, slots=True)
class Composed:
    """A name made of several arguments: (position, keyword) of each part."""

    ends: str
    securable: Securable
    mode: Mode
    parts: tuple[tuple[int, str], ...]
    where: tuple[str, ...] = ()


def _same(
    names: str, kind: str, mode: Mode, position: int = 0, keyword: str = "", where: str = ""
) -> tuple[Sink, ...]:
    """One row for each of several calls alike; `names` and `where` are words."""
    words = tuple(where.split())
    return tuple(Sink(name, kind, mode, position, keyword, words) for name in names.split())


_READER = ".read .readStream"
_WRITER = ".write .writeStream"
_FRAMES = "pandas pd polars pl duckdb pyspark.pandas ps geopandas gpd"
_FORMATS = "csv json text orc delta xml avro binaryFile textFile"
_FEATURES = "FeatureEngineeringClient FeatureStoreClient fe fs feature_store feature_engineering"
_PIPELINE = "dlt pipelines dp sdp"
_DELTA = "DeltaTable"
_PROMPTS = "mlflow genai MlflowClient"
_DATASETS = "datasets"

SINKS: Final[tuple[Sink, ...]] = (
    # Spark
    *_same("table", "table", READ, 0, "tableName", "spark .read .readStream"),
    Sink("table", "table", READ, 0, "tableName", ("table",)),  # the notebook's global
    *_same("table", "table", WRITE, 0, "tableName", ".writeStream"),
    *_same("sql", "sql", READ, 0, "sqlQuery", "spark sql sqlContext"),
    *_same("saveAsTable insertInto toTable", "table", WRITE, 0, "name"),
    *_same("insertInto toTable", "table", WRITE, NO_POSITION, "tableName"),
    *_same("writeTo", "table", WRITE, 0, "table"),
    *_same("createTable createExternalTable", "table", WRITE, 0, "tableName", "catalog"),
    *_same("tableExists getTable listColumns refreshTable cacheTable isCached recoverPartitions",
           "table", READ, 0, "tableName", "catalog"),
    *_same("listTables listFunctions", "schema", READ, 0, "dbName", "catalog"),
    *_same("databaseExists getDatabase", "schema", READ, 0, "dbName", "catalog"),
    *_same("forName", "table", READ, 1, "tableOrViewName", _DELTA),
    *_same("forPath isDeltaTable", "path", READ, 1, "path", _DELTA),
    *_same("tableName", "table", WRITE, 0, "identifier", _DELTA),
    *_same("location", "path", WRITE, 0, "location", _DELTA),
    *_same("clone cloneAtVersion cloneAtTimestamp", "table", WRITE, 0, "target", _DELTA),
    *_same("convertToDelta", "table", WRITE, 1, "identifier", _DELTA),
    *_same(_FORMATS, "path", READ, 0, "path", _READER),
    Sink("parquet", "path", READ, 0, "path", (".read", ".readStream"), takes_all=True),
    Sink("load", "path", READ, 0, "path", (".read", ".readStream"), takes_all=True),
    *_same(f"start parquet {_FORMATS}", "path", WRITE, 0, "path", _WRITER),
    *_same("saveAsTextFile saveAsPickleFile", "path", WRITE, 0, "path"),
    *_same("textFile wholeTextFiles binaryFiles sequenceFile", "path", READ, 0, "path",
           "sc sparkContext"),
    # Declarative pipelines
    *_same("table create_table materialized_view", "table", WRITE, NO_POSITION, "name", _PIPELINE),
    *_same("create_streaming_table create_target_table create_streaming_live_table", "table",
           WRITE, 0, "name", _PIPELINE),
    *_same("append_flow update_flow", "table", WRITE, NO_POSITION, "target", _PIPELINE),
    *_same("apply_changes create_auto_cdc_flow create_auto_cdc_from_snapshot_flow"
           " apply_changes_from_snapshot", "table", WRITE, 0, "target", _PIPELINE),
    *_same("apply_changes create_auto_cdc_flow create_auto_cdc_from_snapshot_flow"
           " apply_changes_from_snapshot", "table", READ, 1, "source", _PIPELINE),
    *_same("read read_stream", "table", READ, 0, "name", _PIPELINE),
    # Frames and files of Python
    *_same("read_csv read_parquet read_json read_excel read_table read_feather read_pickle read_orc"
           " read_hdf read_xml read_sas read_spss read_stata read_fwf read_file read_avro read_ipc"
           " read_delta scan_csv scan_parquet scan_delta scan_ipc scan_ndjson read_ndjson"
           " scan_iceberg", "path", READ, 0, "filepath_or_buffer", _FRAMES),
    *_same("read_csv read_parquet read_json read_excel read_feather read_delta scan_parquet"
           " read_pickle", "path", READ, NO_POSITION, "path", _FRAMES),
    *_same("to_csv to_parquet to_json to_excel to_pickle to_feather to_orc to_hdf to_xml to_stata"
           " to_html to_markdown to_delta to_file", "path", WRITE, 0, "path"),
    *_same("to_csv to_json to_html", "path", WRITE, NO_POSITION, "path_or_buf"),
    *_same("to_excel", "path", WRITE, NO_POSITION, "excel_writer"),
    *_same("ExcelWriter HDFStore", "path", WRITE, 0, "path"),
    *_same("write_csv write_parquet write_json write_ndjson write_delta write_excel write_ipc"
           " sink_parquet sink_csv sink_ipc sink_ndjson", "path", WRITE, 0, "file"),
    *_same("read_table", "table", READ, 0, "name", "pyspark.pandas ps"),
    *_same("to_table", "table", WRITE, 0, "name"),
    *_same("read_database", "sql", READ, 0, "sql", _FRAMES),
    *_same("read_table ParquetFile read_schema read_metadata ParquetDataset", "path", READ, 0,
           "source", "pyarrow pq"),
    *_same("dataset", "path", READ, 0, "source", "pyarrow ds"),
    *_same("write_table write_to_dataset write_feather write_dataset ParquetWriter write_csv",
           "path", WRITE, 1, "where", "pyarrow pq ds"),
    *_same("ParquetWriter", "path", WRITE, 0, "where", "pyarrow pq"),
    *_same("load loadtxt genfromtxt fromfile", "path", READ, 0, "file", "numpy np"),
    *_same("savez savez_compressed savetxt", "path", WRITE, 0, "file", "numpy np"),
    *_same("dump", "path", WRITE, 1, "filename", "joblib"),
    *_same("load", "path", READ, 0, "filename", "joblib"),
    *_same("save", "path", WRITE, 1, "f", "torch"),
    *_same("load", "path", READ, 0, "f", "torch"),
    *_same("savefig imsave", "path", WRITE, 0, "fname"),
    *_same("save_file", "path", WRITE, 1, "filename", "safetensors"),
    *_same("save_pretrained push_to_local save_weights", "path", WRITE, 0, "save_directory"),
    *_same("save save_model write_html write_image", "path", WRITE, 0, "path"),
    *_same("from_pretrained", "path", READ, 0, "pretrained_model_name_or_path"),
    *_same("load_from_disk", "path", READ, 0, "dataset_path"),
    *_same("save_to_disk", "path", WRITE, 0, "dataset_path"),
    *_same("extractall extract unpack_archive", "path", WRITE, 0, "path"),
    *_same("urlretrieve", "path", WRITE, 1, "filename"),
    *_same("write_deltalake", "path", WRITE, 0, "table_or_uri"),
    *_same("DeltaTable", "path", READ, 0, "table_uri", "deltalake"),
    *_same("put rm mkdirs", "path", WRITE, 0, "", "dbutils.fs ?.fs"),
    *_same("head cp", "path", READ, 0, "", "dbutils.fs ?.fs"),
    *_same("mv", "path", WRITE, 0, "", "dbutils.fs ?.fs"),
    *_same("cp mv", "path", WRITE, 1, "", "dbutils.fs ?.fs"),
    *_same("copy copy2 copyfile move copytree", "path", WRITE, 1, "dst", "shutil"),
    *_same("copy copy2 copyfile copytree", "path", READ, 0, "src", "shutil"),
    *_same("move", "path", WRITE, 0, "src", "shutil"),
    *_same("rmtree", "path", WRITE, 0, "path", "shutil"),
    *_same("make_archive", "path", WRITE, 0, "base_name", "shutil"),
    *_same("makedirs mkdir remove unlink rmdir removedirs truncate utime chmod", "path", WRITE, 0,
           "path", "os"),
    *_same("rename replace renames", "path", WRITE, 0, "src", "os"),
    *_same("rename replace renames link symlink", "path", WRITE, 1, "dst", "os"),
    *_same("listdir scandir stat walk", "path", READ, 0, "path", "os"),
    *_same("exists isfile isdir getsize getmtime", "path", READ, 0, "path", "os.path"),
    *_same("glob iglob", "path", READ, 0, "pathname", "glob"),
    *_same("ZipFile TarFile BZ2File LZMAFile GzipFile", "file", READ, 0, "file"),
    *_same("open", "file", READ, 0, "name", "tarfile gzip bz2 lzma io codecs fsspec zipfile"
           " smart_open aiofiles h5py wave"),
    # The SDK
    *_same("execute_statement", "sql", READ, 0, "statement", "statement_execution"),
    *_same("upload create_directory delete delete_directory upload_from", "path", WRITE, 0,
           "file_path", "files dbfs"),
    *_same("create_directory delete_directory list_directory_contents", "path", WRITE, NO_POSITION,
           "directory_path", "files"),
    *_same("download list_directory_contents get_metadata get_directory_metadata download_to",
           "path", READ, 0, "file_path", "files dbfs"),
    *_same("get exists", "table", READ, 0, "full_name", "tables"),
    *_same("delete update", "table", WRITE, 0, "full_name", "tables"),
    *_same("get", "schema", READ, 0, "full_name", "schemas"),
    *_same("delete update", "schema", WRITE, 0, "full_name", "schemas"),
    *_same("list", "catalog", READ, 0, "catalog_name", "schemas"),
    *_same("read", "volume", READ, 0, "name", "volumes"),
    *_same("delete update", "volume", WRITE, 0, "name", "volumes"),
    *_same("create update delete", "catalog", WRITE, 0, "name", "catalogs"),
    *_same("get", "catalog", READ, 0, "name", "catalogs"),
    *_same("get", "model", READ, 0, "full_name", "registered_models model_versions"),
    *_same("get_by_alias list", "model", READ, 0, "full_name", "model_versions"),
    *_same("update delete set_alias delete_alias", "model", WRITE, 0, "full_name",
           "registered_models"),
    *_same("update delete", "model", WRITE, 0, "full_name", "model_versions"),
    *_same("get", "function", READ, 0, "name", "functions"),
    *_same("update delete", "function", WRITE, 0, "name", "functions"),
    *_same("create update delete", "table", READ, 0, "table_name",
           "quality_monitors lakehouse_monitors"),
    *_same("create update", "schema", WRITE, NO_POSITION, "output_schema_name",
           "quality_monitors lakehouse_monitors"),
    *_same("create_monitor run_refresh", "table", READ, NO_POSITION, "table_name"),
    *_same("create_monitor", "schema", WRITE, NO_POSITION, "output_schema_name"),
    *_same("put create mkdirs", "path", WRITE, 0, "path", ".dbfs"),
    *_same("move", "path", WRITE, 0, "source_path", ".dbfs"),
    *_same("move", "path", WRITE, 1, "destination_path", ".dbfs"),
    *_same("create delete", "table", WRITE, 0, "full_name_arg", "table_constraints"),
    *_same("delete", "table", WRITE, NO_POSITION, "full_name", "table_constraints"),
    *_same("EntityTagAssignment", "table", WRITE, NO_POSITION, "entity_name"),
    *_same("update delete", "table", WRITE, 1, "entity_name", "entity_tag_assignments"),
    *_same("get list", "table", READ, 1, "entity_name", "entity_tag_assignments"),
    *_same("OnlineTable SyncedDatabaseTable SyncedTable", "table", WRITE, 0, "name"),
    *_same("OnlineTableSpec SyncedTableSpec", "table", READ, NO_POSITION, "source_table_full_name"),
    *_same("ServedEntityInput", "model", READ, 0, "entity_name"),
    *_same("ServedModelInput", "model", READ, NO_POSITION, "model_name"),
    # MLflow
    *_same("register_model", "model", WRITE, 1, "name", "mlflow"),
    *_same("log_model save_model autolog", "model", WRITE, NO_POSITION, "registered_model_name"),
    *_same("create_registered_model delete_registered_model update_registered_model"
           " rename_registered_model create_model_version update_model_version delete_model_version"
           " set_registered_model_alias delete_registered_model_alias set_registered_model_tag"
           " delete_registered_model_tag set_model_version_tag delete_model_version_tag"
           " transition_model_version_stage", "model", WRITE, 0, "name"),
    *_same("rename_registered_model", "model", WRITE, 1, "new_name"),
    *_same("copy_model_version", "model_copy", READ, 0, "src_model_uri"),
    *_same("register_model", "model_copy", READ, 0, "model_uri", "mlflow"),
    *_same("create_model_version", "model_copy", READ, 1, "source"),
    *_same("copy_model_version", "model", WRITE, 1, "dst_name"),
    *_same("get_registered_model get_model_version get_model_version_by_alias get_latest_versions"
           " get_model_version_download_uri", "model", READ, 0, "name"),
    *_same("search_model_versions search_registered_models", "model_filter", READ, 0,
           "filter_string"),
    *_same("load_model get_model_info load_checkpoint", "model_uri", READ, 0, "model_uri",
           "mlflow"),
    *_same("download_artifacts list_artifacts", "model_uri", READ, 0, "artifact_uri", "mlflow"),
    *_same("download_artifacts load_model", "path", WRITE, NO_POSITION, "dst_path", "mlflow"),
    *_same("spark_udf", "model_uri", READ, 1, "model_uri", "mlflow"),
    *_same("evaluate", "model_uri", READ, 0, "model", "mlflow"),
    *_same("predict serve build_docker", "model_uri", READ, 0, "model_uri", "mlflow.models"),
    *_same("deploy", "model", READ, 0, "model_name", "agents"),
    *_same("delete_deployment get_deployments enable_trace_reviews", "model", READ, 0, "model_name",
           "agents"),
    *_same("load_prompt get_prompt", "prompt_uri", READ, 0, "name_or_uri", _PROMPTS),
    *_same("register_prompt set_prompt_alias delete_prompt_alias delete_prompt set_prompt_tag"
           " delete_prompt_tag set_prompt_version_tag delete_prompt_version create_prompt"
           " create_prompt_version", "prompt", WRITE, 0, "name"),
    *_same("get_prompt_version get_prompt_version_by_alias search_prompt_versions", "prompt", READ,
           0, "name"),
    *_same("search_prompts", "prompt_filter", READ, 0, "filter_string", _PROMPTS),
    *_same("create_dataset delete_dataset", "table", WRITE, 0, "name", _DATASETS),
    *_same("create_dataset delete_dataset", "table", WRITE, NO_POSITION, "uc_table_name",
           _DATASETS),
    *_same("get_dataset", "table", READ, 0, "name", _DATASETS),
    *_same("get_dataset", "table", READ, NO_POSITION, "uc_table_name", _DATASETS),
    *_same("load_delta from_spark", "table", READ, NO_POSITION, "table_name", "mlflow.data data"),
    # Feature engineering
    *_same("create_table write_table drop_table publish_table create_feature_table"
           " set_feature_table_tag", "table", WRITE, 0, "name", _FEATURES),
    *_same("publish_table", "table", READ, NO_POSITION, "source_table_name", _FEATURES),
    *_same("publish_table", "table", WRITE, NO_POSITION, "online_table_name", _FEATURES),
    *_same("create_feature_spec update_feature_spec delete_feature_spec", "function", WRITE, 0,
           "name", _FEATURES),
    *_same("read_table get_table", "table", READ, 0, "name", _FEATURES),
    *_same("FeatureLookup", "table", READ, 0, "table_name"),
    *_same("FeatureFunction", "function", READ, NO_POSITION, "udf_name"),
    *_same("score_batch", "model_uri", READ, 0, "model_uri"),
    # Vector search
    *_same("create_delta_sync_index create_delta_sync_index_and_wait", "table", READ, 2,
           "source_table_name"),
    *_same("create_delta_sync_index create_delta_sync_index_and_wait create_direct_access_index"
           " create_index delete_index sync_index upsert_data_vector_index"
           " delete_data_vector_index", "index", WRITE, NO_POSITION, "index_name"),
    *_same("create_delta_sync_index create_delta_sync_index_and_wait", "table", READ, 2,
           "source_table_name", "VectorSearchClient"),
    *_same("create_delta_sync_index create_delta_sync_index_and_wait create_direct_access_index"
           " delete_index", "index", WRITE, 1, "index_name", "VectorSearchClient"),
    *_same("create_index", "index", WRITE, 0, "name", "vector_search_indexes"),
    *_same("sync_index upsert_data_vector_index delete_data_vector_index delete_index", "index",
           WRITE, 0, "", "vector_search_indexes"),
    *_same("query_index get_index scan_index query_next_page", "index", READ, 0, "index_name",
           "vector_search_indexes"),
    *_same("DeltaSyncVectorIndexSpecRequest", "table", READ, NO_POSITION, "source_table"),
    *_same("get_index", "index", READ, 1, "index_name", "VectorSearchClient ?"),
    *_same("VectorSearchRetrieverTool DatabricksVectorSearchIndex", "index", READ, NO_POSITION,
           "index_name"),
    *_same("DatabricksVectorSearch", "index", READ, 0, "index_name"),
    # Functions
    *_same("UCFunctionToolkit DatabricksFunctionToolkit", "function", READ, 0,
           "function_names"),
    *_same("UCFunctionTool DatabricksFunction", "function", READ, 0, "function_name"),
    *_same("execute_function get_function", "function", READ, 0, "function_name"),
    *_same("delete_function", "function", WRITE, 0, "function_name"),
    *_same("create_function", "sql", READ, 0, "sql_function_body"),
    *_same("DatabricksTable", "table", READ, 0, "table_name"),
    # AutoML
    *_same("classify regress forecast", "table", READ, 0, "dataset", "automl"),
)  # fmt: skip

_CATALOG_SCHEMA = ((0, "catalog_name"), (1, "schema_name"))
_NAMED = (NO_POSITION, "name")
COMPOSED: Final[tuple[Composed, ...]] = (
    Composed("create", Securable.SCHEMA, WRITE, ((1, "catalog_name"), (0, "name")), ("schemas",)),
    Composed("create", Securable.VOLUME, WRITE, (*_CATALOG_SCHEMA, (2, "name")), ("volumes",)),
    Composed("create", Securable.TABLE, WRITE,
             ((1, "catalog_name"), (2, "schema_name"), (0, "name")), ("tables",)),
    Composed("create", Securable.MODEL, WRITE, (*_CATALOG_SCHEMA, _NAMED), ("registered_models",)),
    Composed("list", Securable.SCHEMA, READ, _CATALOG_SCHEMA,
             ("tables", "volumes", "functions")),
    Composed("to_sql", Securable.TABLE, WRITE, ((2, "schema"), (0, "name"))),
    Composed("read_sql_table", Securable.TABLE, READ, ((2, "schema"), (0, "table_name"))),
    Composed("AutoCaptureConfigInput", Securable.SCHEMA, WRITE,
             ((NO_POSITION, "catalog_name"), (NO_POSITION, "schema_name"))),
    Composed("AiGatewayInferenceTableConfig", Securable.SCHEMA, WRITE,
             ((0, "catalog_name"), (NO_POSITION, "schema_name"))),
    Composed("UCSchemaLocation", Securable.SCHEMA, WRITE, _CATALOG_SCHEMA),
    Composed("create_python_function", Securable.FUNCTION, WRITE,
             ((NO_POSITION, "catalog"), (NO_POSITION, "schema"), _NAMED)),
    Composed("create_wrapped_function", Securable.FUNCTION, WRITE,
             ((NO_POSITION, "catalog"), (NO_POSITION, "schema"), _NAMED)),
    Composed("list_functions", Securable.SCHEMA, READ,
             ((NO_POSITION, "catalog"), (NO_POSITION, "schema"))),
    Composed("update", Securable.TABLE, WRITE, ((1, "full_name"),), ("grants",)),
)  # fmt: skip


def _by_name(rows: tuple[Sink, ...]) -> dict[str, tuple[Sink, ...]]:
    found: dict[str, tuple[Sink, ...]] = {}
    for row in rows:
        found[row.ends] = (*found.get(row.ends, ()), row)
    return found


BY_NAME: Final = _by_name(SINKS)

# Options of readers and writers that name a place: by option, the mode (None: as the reader's).
OPTION_PATHS: Final[dict[str, Mode | None]] = {
    "path": None,
    "checkpointlocation": WRITE,
    "cloudfiles.schemalocation": WRITE,
    "schemalocation": WRITE,
    "schematrackinglocation": WRITE,
    "badrecordspath": WRITE,
}
# Methods that write what was reached by name before, by the call that reached it.
HANDLE_WRITES: Final[dict[str, frozenset[str]]] = {
    "DeltaTable": frozenset(
        [
            "merge",
            "update",
            "delete",
            "optimize",
            "vacuum",
            "restoreToVersion",
            "restoreToTimestamp",
            "alter",
            "addFeatureSupport",
            "upgradeTableProtocol",
            "repair",
        ]
    ),
    "get_index": frozenset(["upsert", "delete", "sync"]),
}
PATH_READS: Final = frozenset(
    {"read_text", "read_bytes", "iterdir", "glob", "rglob", "exists", "is_file", "is_dir", "stat"}
)
PATH_WRITES: Final = frozenset(
    {"write_text", "write_bytes", "mkdir", "unlink", "touch", "rmdir", "rename", "replace"}
)
# Calls that run a shell: paths anywhere in their words.
SHELLS: Final = frozenset(
    {"subprocess", "os.system", "os.popen", "asyncio.create_subprocess_shell", "pexpect"}
)
# Calls that name something without touching it, where the last word, or the first, is one of these.
QUIET_LAST: Final = frozenset(
    [
        "print",
        "display",
        "displayHTML",
        "info",
        "debug",
        "warning",
        "warn",
        "error",
        "exception",
        "critical",
        "log",
        "isinstance",
        "hash",
        "repr",
        "len",
        "str",
        "startswith",
        "endswith",
        "match",
        "fullmatch",
        "search",
        "sub",
        "compile",
        "split",
        "join",
        "append",
        "set_tag",
        "set_tags",
        "log_param",
        "log_params",
        "log_text",
        "log_dict",
        "set_experiment",
        "col",
        "lit",
        "expr",
        "assertEqual",
        "alias",
        "withColumnRenamed",
        "unquote",
        "quote",
        "basename",
        "dirname",
        "normpath",
    ]
)
QUIET_FIRST: Final = frozenset({"re", "logger", "log", "posixpath", "warnings", "click"})
# Keyword arguments whose value is the full name of something, whatever the call.
NAMING_KEYWORDS: Final[dict[str, Securable]] = {
    "table_name": Securable.TABLE,
    "full_table_name": Securable.TABLE,
    "source_table": Securable.TABLE,
    "source_table_name": Securable.TABLE,
    "target_table": Securable.TABLE,
    "output_table": Securable.TABLE,
    "uc_table_name": Securable.TABLE,
    "index_name": Securable.INDEX,
    "registered_model_name": Securable.MODEL,
    "model_name": Securable.MODEL,
    "function_name": Securable.FUNCTION,
    "entity_name": Securable.MODEL,
}


def matching(chain: str) -> tuple[Sink, ...]:
    """The sinks that a call by this dotted chain is."""
    name = chain.rsplit(".", 1)[-1]
    words = chain.replace("()", "").split(".")
    writes = _last(words, WRITERS) > _last(words, READERS)
    found = [
        row
        for row in BY_NAME.get(name, ())
        if is_within(row.where, chain) and not (writes and ".read" in row.where)
    ]
    special = [row for row in found if row.where]
    return tuple(special or found)  # a library's own meaning of a word before the usual one


def composed(chain: str) -> tuple[Composed, ...]:
    """The same for names that are put together."""
    name = chain.rsplit(".", 1)[-1]
    return tuple(row for row in COMPOSED if row.ends == name and is_within(row.where, chain))


def is_within(where: tuple[str, ...], chain: str) -> bool:
    """Whether a chain contains one of these words; none asked for is fine."""
    before = chain.replace("()", "")
    words = before.split(".")
    return not where or any(_within(word, before, words) for word in where)


WRITERS: Final = frozenset({"write", "writeStream"})
READERS: Final = frozenset({"read", "readStream"})


def _last(words: list[str], wanted: frozenset[str]) -> int:
    """Where one of these words stands last; -1 for nowhere."""
    return max((at for at, word in enumerate(words) if word in wanted), default=-1)


def _within(word: str, chain: str, words: list[str]) -> bool:
    if word == words[-1]:  # the call's own name counts only for a bare global
        return len(words) == 1
    return f"{word}." in f"{chain}." if "." in word else word in words
