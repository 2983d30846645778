"""Where the Thrift service is: at the HTTP path that a warehouse shows for its connections.

`/sql/protocolv1/o/{workspace}/{cluster}` is what clusters show; there, statements run on a
warehouse that the caller may use, as clusters have no machines here.
"""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from brickyard.workspace.kernel import ApiError, Call, Reply, Route, denied
from brickyard.workspace.sql.thrift.binary import Malformed, read_message

KIND: Final = "application/x-thrift"
# Apart from the handlers' threads: clients wait here for statements, one call each.
_threads: Final = ThreadPoolExecutor(64, thread_name_prefix="thrift")


async def warehouse(call: Call) -> Reply:
    return await asyncio.get_running_loop().run_in_executor(
        _threads, _answer, call, call.path["id"]
    )


async def cluster(call: Call) -> Reply:
    return await asyncio.get_running_loop().run_in_executor(_threads, _at_cluster, call)


def _at_cluster(call: Call) -> Reply:
    call.engines.compute.clusters.get(call.principal, call.workspace, call.path["cluster"])
    for one in call.engines.sql.visible_warehouses(call.principal, call.workspace):
        with contextlib.suppress(ApiError):
            call.engines.sql.warehouse(call.principal, call.workspace, one.id, "CAN_USE")
            return _answer(call, one.id)
    raise denied("There is no SQL warehouse that you may use")


def _answer(call: Call, warehouse: str) -> Reply:
    from brickyard.workspace.sql.thrift.service import Service

    engines = call.engines
    engines.sql.warehouse(call.principal, call.workspace, warehouse, "CAN_USE")
    try:
        message = read_message(call.body())
    except Malformed as fault:
        raise ApiError("MALFORMED_REQUEST", f"This is no Thrift call: {fault}") from None
    service = Service(engines.sql, engines.catalog, call.principal, call.workspace, warehouse)
    return Reply(body=service.answer(message), headers={"Content-Type": KIND})


ROUTES = (
    Route("POST", "/sql/1.0/warehouses/{id}", warehouse),
    Route("POST", "/sql/1.0/endpoints/{id}", warehouse),
    Route("POST", "/sql/protocolv1/o/{workspace}/{cluster}", cluster),
)
