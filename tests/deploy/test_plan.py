"""The plan is pure: what shall be and what is there become steps, whatever they are."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.deploy import steps
from adapter.deploy.desired import (
    TAG,
    AccountRegion,
    Code,
    Configuration,
    Desired,
    OwnRole,
    names_of,
)
from adapter.deploy.observed import Function, LogGroup, Observed, Role, Url, Version
from adapter.deploy.plan import PERMISSIONS, plan
from adapter.errors import DeployError

CONFIGURATION = Configuration("python3.13", "main.handler", "arn:role", 1024, 30, {"A1": "1"})
CODE = Code("aaaa", "arm64")
ROLE = OwnRole("shop-role", "arn:role", {"Version": "2012-10-17", "Statement": []})
DESIRED = Desired("shop", "NONE", CONFIGURATION, CODE, 1000, ROLE)
OWN = {TAG: "shop"}
DEPLOYED = Observed(
    Function(OWN, CONFIGURATION, CODE),
    (1,),
    Version(1, CONFIGURATION, CODE),
    Url("https://x", "NONE", "RESPONSE_STREAM"),
    frozenset(PERMISSIONS),
    Role(OWN, ROLE.policy),
    LogGroup(OWN, has_retention=True),
)
#: What may have been changed, by an update that failed half-way or by hand.
OTHERS: dict[str, list[Any]] = {
    "function": [None, Function(OWN, replace(CONFIGURATION, memory=128), Code("b", "x86_64"))],
    "live": [None, Version(1, replace(CONFIGURATION, timeout=3), CODE, "arn:pinned")],
    "url": [None, Url("https://x", "AWS_IAM", "BUFFERED")],
    "permissions": [frozenset(), frozenset(PERMISSIONS[:1])],
    "role": [None, Role(OWN, None)],
    "log_group": [None, LogGroup(OWN, has_retention=False), LogGroup({}, has_retention=False)],
}


def verbs(plan: tuple[steps.Step, ...]) -> list[str]:
    return [f"{step.verb} {step.kind}" for step in plan]


def test_nothing_is_to_be_done_where_all_is_as_it_shall_be() -> None:
    assert plan(DESIRED, DEPLOYED) == ()


@given(
    st.fixed_dictionaries({name: st.sampled_from(["same", *each]) for name, each in OTHERS.items()})
)
def test_what_is_live_moves_only_after_a_version_that_follows_all_changes_of_the_function(
    differs: dict[str, Any],
) -> None:
    found = {name: value for name, value in differs.items() if value != "same"}
    if found.get("function", DEPLOYED.function) is None:
        found |= {"live": None, "url": None, "permissions": frozenset()}
    kinds = [type(step) for step in plan(DESIRED, replace(DEPLOYED, **found))]
    moves = [kinds.index(kind) for kind in (steps.MoveAlias, steps.CreateAlias) if kind in kinds]
    changes = (steps.CreateFunction, steps.UpdateCode, steps.UpdateConfiguration)
    changed = [kinds.index(kind) for kind in changes if kind in kinds]
    assert bool(kinds) == bool(
        {name: value for name, value in found.items() if value != LogGroup({}, has_retention=False)}
    )
    if changed:
        assert max(changed) < kinds.index(steps.PublishVersion) < moves[0]
    for kind in (steps.AllowUrl, steps.CreateUrl):
        if moves and kind in kinds:
            assert moves[0] < kinds.index(kind)


def test_a_function_of_a_container_image_is_not_taken_over() -> None:
    image = replace(CONFIGURATION, runtime="")  # as the API has it
    found = Observed(Function({}, image, CODE))
    with pytest.raises(DeployError, match="runs a container image"):
        plan(replace(DESIRED, adopt=True), found)


@pytest.mark.parametrize("name", [field.name for field in fields(Configuration)])
def test_each_part_of_the_configuration_counts(name: str) -> None:
    others: dict[str, Any] = {
        "timeout": 31,
        "memory": 1,
        "layers": ("l",),
        "environment": {"B1": "2"},
    }
    value = others.get(name, "another")
    changed = replace(DESIRED, configuration=replace(CONFIGURATION, **{name: value}), role=None)
    done = verbs(plan(changed, DEPLOYED))
    assert done[:3] == ["update configuration", "publish version", "move alias"]


def test_an_alias_that_names_an_older_version_is_moved_though_the_function_is_right() -> None:
    old = Version(1, replace(CONFIGURATION, memory=512), CODE)
    rolled_back = replace(DEPLOYED, versions=(1, 2), live=old)
    assert verbs(plan(DESIRED, rolled_back)) == ["publish version", "move alias"]


def test_a_role_that_was_not_made_for_this_function_is_refused() -> None:
    with pytest.raises(DeployError, match="There is a role named shop-role already"):
        plan(DESIRED, Observed(role=Role({}, None)))
    adopted = verbs(plan(replace(DESIRED, adopt=True), Observed(role=Role({}, None))))
    assert adopted[:2] == ["adopt role", "write role policy"]


def test_a_role_of_that_name_does_not_matter_to_a_function_that_has_another_one() -> None:
    other = replace(DEPLOYED, role=Role({}, None))
    assert other.function
    function = replace(other.function, configuration=replace(CONFIGURATION, role="arn:theirs"))
    live = Version(1, function.configuration, CODE)
    assert plan(DESIRED, replace(other, function=function, live=live)) == ()


def test_a_log_group_that_was_there_is_used_and_left_as_it_is() -> None:
    found = Observed(log_group=LogGroup({}, has_retention=False))
    assert not [step for step in verbs(plan(DESIRED, found)) if "log" in step]


@given(
    st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
    st.sampled_from(["eu-west-1", "us-east-1"]),
)
def test_names_are_allowed_and_differ_from_place_to_place(name: str, region: str) -> None:
    names = names_of(name, AccountRegion("aws", "1" * 12, region))
    assert len(names.role) <= 64
    assert len(names.bucket) <= 63
    for place in (
        AccountRegion("aws", "2" * 12, region),
        AccountRegion("aws", "1" * 12, "ap-south-1"),
    ):
        assert names_of(name, place).bucket != names.bucket
    assert names_of(name, AccountRegion("aws", "1" * 12, "ap-south-1")).role != names.role


def test_a_table_has_aligned_columns() -> None:
    rows = [steps.CreateLogGroup("/aws/lambda/shop"), steps.PublishVersion("shop", "hash")]
    assert [*steps.table(rows)] == [
        "create   log group  /aws/lambda/shop",
        "publish  version    shop",
    ]
    assert [*steps.table([])] == []
