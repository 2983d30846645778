"""Where the Thrift service is: at the HTTP path that a warehouse shows for its connections.

`/sql/protocolv1/o/{workspace}/{cluster}` is what clusters show; there, statements run on a
warehouse that the caller may use, as clusters have no machines here.
"""

from __future__ import annotations

from brickyard.workspace.kernel import ApiError, Call, Reply, Route, denied
from brickyard.workspace.sql.thrift.binary import Malformed, read_message

KIND = "application/x-thrift"


def warehouse(call: Call) -> Reply:
    return _answer(call, call.path["id"])


def cluster(call: Call) -> Reply:
    call.engines.compute.clusters.get(call.principal, call.workspace, call.path["cluster"])
    for one in call.engines.sql.visible_warehouses(call.principal, call.workspace):
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
