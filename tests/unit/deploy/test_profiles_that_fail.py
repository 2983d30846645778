"""A profile that cannot be used is told with what to do, before anybody is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.deploy.connect import Address, WrongProfile, profile_of, wrong_profile

HOST = "https://one.cloud.databricks.com"
PROFILES = f"""
[one]
host = {HOST}
token = a

[two]
host = {HOST}
token = b

[homeless]
token = c
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "config"
    file.write_text(PROFILES)
    return {"DATABRICKS_CONFIG_FILE": str(file)}


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (Address(profile="three", attributes={}), "there is no profile three"),
        (Address(profile="homeless", attributes={}), "has no host"),
        (Address(profile="one", host="https://other", attributes={}), "is of https://one"),
        (Address(host=HOST, attributes={}), "one, two are profiles of"),
    ],
)
def test_it_is_told(environment: dict[str, str], where: Address, said: str) -> None:
    failure = wrong_profile(where, environment)
    assert isinstance(failure, WrongProfile)
    assert said in str(failure)
    assert failure.diagnostic().summary.startswith("cannot resolve bundle auth configuration: ")


def test_one_that_fits_is_found(environment: dict[str, str]) -> None:
    found = profile_of(Address(profile="two", host=HOST, attributes={}), environment)
    assert found is not None
    assert found.token == "b"
