"""Who may approve, what counts, what is void."""

from __future__ import annotations

from brickyard.release.approval_rules import ApprovalRule, Decision, own_names, rule_of, weigh

REQUEST = "r1"


def said(who: str, decision: str = "approve", request: str = REQUEST, **more: object) -> Decision:
    return Decision(who=who, decision=decision, when="now", request=request, **more)  # type: ignore[arg-type]


def rule(count: int, *principals: str) -> ApprovalRule:
    return ApprovalRule(count=count, personas=("devops",), principals=frozenset(principals))


def counted(decisions: list[Decision], asked: ApprovalRule, *own: str) -> int:
    return weigh(decisions, asked, request=REQUEST, own=own).counted


def test_the_rule_comes_from_personas_and_their_members() -> None:
    settings = {
        "environments": {
            "prod": {
                "approvals": {"count": 2, "by": ["devops", "qa"]},
                "personas": {"devops": {"access": "manage", "members": ["ops", "a@x.org"]}},
            },
            "staging": {"approvals": 1},
        }
    }
    found = rule_of(settings, "prod")
    assert (found.count, found.personas) == (2, ("devops", "qa"))
    assert found.principals == {"ops", "a@x.org", "qa"}
    assert rule_of(settings, "staging").count == 1
    assert rule_of(settings, "dev").count == 0
    assert rule_of({}, "prod").count == 0


def test_members_of_a_group_may_and_others_may_not() -> None:
    asked = rule(1, "ops")
    yes = [said("b@x.org", groups=("ops",)), said("c@x.org", groups=("sales",))]
    found = weigh(yes, asked, request=REQUEST, own=())
    assert found.counted == 1
    assert [one.why_void for one in found.decisions] == ["", "not of devops"]


def test_an_approval_of_something_else_is_void() -> None:
    found = weigh([said("b@x.org", request="r0")], rule(1), request=REQUEST, own=())
    assert not found.is_approved
    assert "changed since" in found.decisions[0].why_void


def test_nobody_approves_alone_where_two_are_asked() -> None:
    own = own_names("Ann <ann@x.org>", "deployer-1")
    assert own == {"ann@x.org", "deployer-1"}
    # The author and the identity that the author released with are one person.
    assert counted([said("ann@x.org"), said("deployer-1")], rule(2), *own) == 1
    assert counted([said("Ann@X.org"), said("bob@x.org")], rule(2), *own) == 2
    assert counted([said("bob@x.org"), said("bob@x.org")], rule(2), *own) == 1


def test_one_rejection_outweighs_approvals_but_not_a_void_one() -> None:
    yes = [said("b@x.org"), said("c@x.org")]
    no = said("d@x.org", "reject")
    assert not weigh([*yes, no], rule(2), request=REQUEST, own=()).is_approved
    forged = said("e@x.org", "reject", why_void="signed as e, but made by f")
    assert weigh([*yes, forged], rule(2), request=REQUEST, own=()).is_approved
