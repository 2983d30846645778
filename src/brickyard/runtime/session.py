"""`spark`, connected on first use: importing PySpark takes a second that many tasks never need."""

from __future__ import annotations

import threading
from typing import Any

_lock = threading.RLock()
_session: list[Any] = []


def session() -> Any:
    """The Spark Connect session of `SPARK_REMOTE`; the same one `SparkSession.builder` gives."""
    with _lock:
        if not _session:
            from pyspark.sql import DataFrame, SparkSession

            DataFrame.display = _display  # Databricks' own method
            _session.append(SparkSession.builder.getOrCreate())
        return _session[0]


def _display(frame: Any, *_more: Any, **_options: Any) -> None:
    from brickyard.runtime import output

    output.display(frame)


def stop() -> None:
    """End the session if there is one, so that the engine may go."""
    with _lock:
        if _session:
            try:
                _session.pop().stop()
            except Exception:
                pass


class LazySpark:
    """Stands for the session until it is needed; `isinstance(spark, SparkSession)` holds."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(session())

    def __getattr__(self, name: str) -> Any:
        return getattr(session(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(session(), name, value)

    def __dir__(self) -> list[str]:
        return dir(session())

    def __repr__(self) -> str:
        return repr(session())

    def __enter__(self) -> Any:
        return session().__enter__()

    def __exit__(self, *details: Any) -> None:
        session().__exit__(*details)


class Unsupported:
    """`sc`, `sqlContext`: importable as on Databricks, unusable on Spark Connect, and saying so."""

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def __getattr__(self, attribute: str) -> Any:
        raise AttributeError(
            f"`{self._name}` is not available on Spark Connect compute; use `spark` instead "
            f"(tried {self._name}.{attribute})"
        )


spark = LazySpark()


def sql(query: str, *args: Any, **kwargs: Any) -> Any:
    return session().sql(query, *args, **kwargs)


def table(name: str) -> Any:
    return session().table(name)


def udf(*args: Any, **kwargs: Any) -> Any:
    from pyspark.sql.functions import udf as make

    return make(*args, **kwargs)
