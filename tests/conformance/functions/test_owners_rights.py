"""Views and SQL functions read with the rights of their owner, as Databricks documents it: who uses
them needs SELECT on the view or EXECUTE on the function, and nothing on what they read.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import PermissionsChange, Privilege
from tests.conformance.functions.conftest import Run, runner

pytestmark = [pytest.mark.slow, pytest.mark.documented]


@pytest.fixture(scope="module")
def place(workspace: Any, run: Run) -> Iterator[SimpleNamespace]:
    """A schema with something to hide, what shows parts of it, and somebody who may use that."""
    dev = workspace.client()
    robot = dev.service_principals.create(display_name=f"reader-{uuid.uuid4().hex[:8]}")
    secret = dev.service_principal_secrets_proxy.create(robot.id)
    reader = WorkspaceClient(
        host=workspace.host(), client_id=robot.application_id, client_secret=secret.secret
    )
    catalog = f"owned_{uuid.uuid4().hex[:8]}"
    dev.catalogs.create(catalog)
    s = f"{catalog}.default"
    for statement in (
        f"""CREATE TABLE {s}.pay AS SELECT * FROM VALUES
            ('ann', 10, DATE'2026-01-02', array('a', 'b')), ('bob', 20, DATE'2026-01-03',
            array('c')), ('eve', NULL, NULL, NULL) AS t(who, amount, since, tags)""",
        f"CREATE VIEW {s}.totals AS SELECT count(*) AS n, sum(amount) AS total FROM {s}.pay",
        f"""CREATE VIEW {s}.asked AS
            SELECT current_user() AS who, who AS name, since, tags,
            is_account_group_member('admins') AS is_admin FROM {s}.pay""",
        f"CREATE VIEW {s}.of_a_view AS SELECT total * 2 AS doubled FROM {s}.totals",
        f"""CREATE FUNCTION {s}.pay_of(name STRING) RETURNS INT
            RETURN (SELECT max(amount) FROM {s}.pay WHERE who = name)""",
        f"""CREATE FUNCTION {s}.above(least INT) RETURNS TABLE (who STRING, since DATE)
            RETURN SELECT who, since FROM {s}.pay WHERE amount > least""",
        f"""CREATE FUNCTION {s}.outer_of(name STRING) RETURNS STRING
            RETURN concat(current_user(), ' ', {s}.pay_of(name))""",
        f"CREATE FUNCTION {s}.plain(x INT) RETURNS INT RETURN x + 1",
    ):
        done = run(statement)
        assert isinstance(done, list), done
    who = robot.application_id
    for kind, full_name, privilege in (
        ("catalog", catalog, Privilege.USE_CATALOG),
        ("schema", s, Privilege.USE_SCHEMA),
        *(("table", f"{s}.{one}", Privilege.SELECT) for one in ("totals", "asked", "of_a_view")),
        *(
            ("function", f"{s}.{one}", Privilege.EXECUTE)
            for one in ("above", "outer_of", "pay_of", "plain")
        ),
    ):
        change = PermissionsChange(principal=who, add=[privilege])
        dev.grants.update(kind, full_name, changes=[change])
    yield SimpleNamespace(s=s, dev=dev, who=who, client=reader, run=runner(reader))
    dev.catalogs.delete(catalog, force=True)
    dev.service_principals.delete(robot.id)


def test_a_view_shows_what_its_owner_may_read(place: SimpleNamespace, run: Run) -> None:
    s = place.s
    assert "SELECT on Table" in place.run(f"SELECT * FROM {s}.pay")
    assert place.run(f"SELECT n, total FROM {s}.totals") == [["3", "30"]]
    assert place.run(f"SELECT doubled FROM {s}.of_a_view v WHERE v.doubled > 1") == [["60"]]
    found = place.run(f"SELECT who, name, since, tags, is_admin FROM {s}.asked ORDER BY name")
    assert [(row[0], row[1], row[2]) for row in found] == [
        (place.who, "ann", "2026-01-02"),
        (place.who, "bob", "2026-01-03"),
        (place.who, "eve", None),
    ]
    assert (json.loads(found[0][3]), found[0][4]) == (["a", "b"], "false")
    assert run(f"SELECT DISTINCT is_admin FROM {s}.asked") == [["true"]]


def test_a_function_reads_what_its_owner_may_read(place: SimpleNamespace) -> None:
    s = place.s
    assert place.run(f"SELECT {s}.pay_of('bob')") == [["20"]]
    names = "VALUES ('ann'), ('nobody'), ('bob'), ('ann'), (NULL) AS n(name)"
    found = place.run(f"SELECT name, {s}.pay_of(name), {s}.plain(1) FROM {names}")
    known = {"ann": "10", "bob": "20"}
    assert found == [[row[0], known.get(row[0] or ""), "2"] for row in found]
    assert len(found) == 5
    assert place.run(f"SELECT * FROM {s}.above(15)") == [["bob", "2026-01-03"]]
    assert place.run(f"SELECT {s}.outer_of('ann')") == [[f"{place.who} 10"]]


def test_the_owner_needs_the_rights_whoever_asks(place: SimpleNamespace, run: Run) -> None:
    s, dev = place.s, place.dev
    dev.functions.update(f"{s}.above", owner=place.who)
    try:
        told = run(f"SELECT * FROM {s}.above(1)")
        assert f"runs with the rights of its owner {place.who}" in told
        assert "SELECT on Table" in told
    finally:
        dev.functions.update(f"{s}.above", owner=dev.current_user.me().user_name)
    assert run(f"SELECT count(*) FROM {s}.above(1)") == [["2"]]


def test_without_execute_or_select_nothing_is_told(place: SimpleNamespace) -> None:
    s, dev = place.s, place.dev
    take = PermissionsChange(principal=place.who, remove=[Privilege.EXECUTE])
    dev.grants.update("function", f"{s}.pay_of", changes=[take])
    take = PermissionsChange(principal=place.who, remove=[Privilege.SELECT])
    dev.grants.update("table", f"{s}.totals", changes=[take])
    assert "EXECUTE on Function" in place.run(f"SELECT {s}.pay_of('bob')")
    assert "SELECT on Table" in place.run(f"SELECT * FROM {s}.totals")
    # What reads them with its owner's rights still does.
    assert place.run(f"SELECT * FROM {s}.of_a_view") == [["60"]]
    assert place.run(f"SELECT {s}.outer_of('bob')") == [[f"{place.who} 20"]]


def test_the_engines_question_is_answered_by_rights_not_by_words(
    workspace: Any, place: SimpleNamespace
) -> None:
    """Whoever asks as an engine does gets what he may have, whatever he says of himself."""
    kind = {
        "type": "array",
        "elementType": {"type": "struct", "fields": [{"name": "n", "type": "long"}]},
        "containsNull": True,
    }

    def ask(**asked: Any) -> tuple[int, str]:
        head = json.dumps({"kind": "definer", "returns": kind, **asked}).encode()
        request = urllib.request.Request(
            workspace.host() + "/api/2.0/brickyard/functions/evaluate",
            data=len(head).to_bytes(4, "big") + head,
            headers={**place.client.config.authenticate(), "Content-Type": "application/x"},
        )
        try:
            with urllib.request.urlopen(request) as got:
                return got.status, ""
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    s, me = place.s, place.dev.current_user.me().user_name
    forged = {"invoker": me, "seal": "0" * 64}
    for asked in (
        {"view": f"{s}.pay", **forged},
        {"function": f"{s}.nothing", **forged},
        {"view": f"{s}.of_a_view", "returns": "string"},
        {"function": f"{s}.plain", "digest": "0", **forged},
        {"function": f"{s}.plain", "columns": ["x", "x"]},
        {},
    ):
        status, told = ask(**asked)
        assert 400 <= status < 500, (asked, told)
