"""Errors of the workspace, with the shape and codes that official clients turn into classes.

Follows the error table of the Databricks REST API: `error_code` decides the client's exception
class, the HTTP status is its usual companion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

STATUS_OF: Mapping[str, int] = {
    "BAD_REQUEST": 400,
    "MALFORMED_REQUEST": 400,
    "INVALID_PARAMETER_VALUE": 400,
    "INVALID_STATE": 400,
    "DIRECTORY_NOT_EMPTY": 400,
    "MAX_CONCURRENT_RUNS_EXCEEDED": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "FEATURE_DISABLED": 403,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "NOT_FOUND": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "RESOURCE_CONFLICT": 409,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL_ERROR": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


class ApiError(Exception):
    """A refused request. `status` is the usual one of `code` unless given.

    By default, `<TYPE>_DOES_NOT_EXIST` is 404 and `<TYPE>_ALREADY_EXISTS` is 409.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        details: Sequence[Mapping[str, object]] = (),
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> None:
        """`body` replaces the usual error JSON, for APIs with their own shape (SCIM, OAuth)."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status if status is not None else _usual_status(code)
        self.details = tuple(details)
        self.headers = dict(headers or {})
        self.body = body


def not_found(message: str, code: str = "RESOURCE_DOES_NOT_EXIST") -> ApiError:
    return ApiError(code, message, status=404)


def exists(message: str, code: str = "RESOURCE_ALREADY_EXISTS", status: int = 409) -> ApiError:
    return ApiError(code, message, status=status)


def denied(message: str) -> ApiError:
    return ApiError("PERMISSION_DENIED", message)


def invalid(message: str) -> ApiError:
    return ApiError("INVALID_PARAMETER_VALUE", message)


def _usual_status(code: str) -> int:
    if code in STATUS_OF:
        return STATUS_OF[code]
    if code.endswith("_DOES_NOT_EXIST"):
        return 404
    if code.endswith("_ALREADY_EXISTS"):
        return 409
    return 400
