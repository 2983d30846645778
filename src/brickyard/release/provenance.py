"""A release record as an in-toto statement v1, for tools that sign and check provenance.

`slsa` follows SLSA provenance v1 (https://slsa.dev/spec/v1.0/provenance): what was built is the
release, its parameters are environment and target, its resolved dependencies are the commit and
what it took from the environment before. `in-toto` carries the whole record as its predicate.
Signing is left to who exports: `cosign attest-blob`, for one.
"""

from __future__ import annotations

from typing import Any, Final

from brickyard.release.records import ReleaseRecord

STATEMENT: Final = "https://in-toto.io/Statement/v1"
SLSA: Final = "https://slsa.dev/provenance/v1"
# Names of what we define; they need not lead anywhere.
RECORD: Final = "https://brickyard.dev/release-record/v3"
BUILD: Final = "https://brickyard.dev/release/v1"
BUILDER: Final = "https://brickyard.dev/release"


def statement(
    record: ReleaseRecord, form: str, head: ReleaseRecord | None = None
) -> dict[str, Any]:
    """The statement; `form` is `slsa` or `in-toto`. `head`: the newest record of the history."""
    predicate = provenance(record, head) if form == "slsa" else record.as_json()
    return {
        "_type": STATEMENT,
        "subject": subjects(record),
        "predicateType": SLSA if form == "slsa" else RECORD,
        "predicate": predicate,
    }


def subjects(record: ReleaseRecord) -> list[dict[str, Any]]:
    """The release itself, by the digest of its record, and every artifact that it deployed."""
    name = f"{record.bundle}/{record.environment}/{record.sequence}"
    found = [{"name": name, "digest": {"sha256": record.digest}}]
    found += [
        {"name": file, "digest": {"sha256": digest}} for file, digest in record.artifacts.items()
    ]
    return found


def provenance(record: ReleaseRecord, head: ReleaseRecord | None = None) -> dict[str, Any]:
    """The predicate of SLSA provenance v1."""
    return {
        "buildDefinition": {
            "buildType": BUILD,
            "externalParameters": {
                "bundle": record.bundle,
                "environment": record.environment,
                "target": record.target,
                "kind": record.kind,
                "promotedBy": record.promoted_by,
            },
            "internalParameters": {
                "configuration": {"sha256": record.configuration_digest},
                "steps": [
                    {key: one[key] for key in ("step", "action", "result")} for one in record.steps
                ],
                "gate": list(record.gate),
                "approvals": [dict(one) for one in record.approvals],
                "policyExceptions": [dict(one) for one in record.exceptions],
                "history": _history(record, head or record),
            },
            "resolvedDependencies": _dependencies(record),
        },
        "runDetails": {
            "builder": {"id": BUILDER, "version": {"brickyard": record.brickyard_version}},
            "metadata": {
                "invocationId": record.attempt or f"{record.environment}/{record.sequence}",
                "startedOn": record.started,
                "finishedOn": record.ended,
            },
            "byproducts": [
                {"name": f"evaluation/{name}", "annotations": {"value": value}}
                for name, value in sorted(record.evaluation.items())
            ],
        },
    }


def _history(record: ReleaseRecord, head: ReleaseRecord) -> dict[str, Any]:
    """Where the record stands: who keeps the statement can tell what was taken out since."""
    return {
        "previous": {"sha256": record.previous} if record.previous else None,
        "head": {"sequence": head.sequence, "sha256": head.digest},
    }


def _dependencies(record: ReleaseRecord) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"uri": f"git+{record.bundle}", "digest": {"gitCommit": record.commit}}
    ]
    for kind, versions in (("models", record.models), ("prompts", record.prompts)):
        for name, one in versions.items():
            entry: dict[str, Any] = {"uri": f"{kind}:/{name}/{one.get('version', '')}"}
            if one.get("digest"):
                entry["digest"] = {"sha256": one["digest"]}
            kept = {key: one[key] for key in ("copied_from", "source") if one.get(key)}
            found.append({**entry, **({"annotations": kept} if kept else {})})
    for table, one in record.data.items():
        version = one.get("version") if isinstance(one, dict) else None
        if version is not None:
            found.append({"uri": f"delta:/{table}", "annotations": {"version": version}})
    return found
