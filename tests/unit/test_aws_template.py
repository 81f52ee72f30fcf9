"""The CloudFormation template itself; tests/s3/test_policies.py tries the roles that it makes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from aws_template import TEMPLATE, load_roles

ISSUER = "token.actions.githubusercontent.com"
PARAMETERS = {"Repository": "acme/model", "DataBucket": "incoming", "RemoteBucket": "dvc"}


def test_subject_with_ids_is_one_parameter() -> None:
    """Repositories since 2026-07-15 have ids in the subject; then no other form is trusted."""
    with_ids = load_roles(**(PARAMETERS | {"Repository": "acme@1234/model@5678"}))
    without = load_roles(**PARAMETERS)
    for name, environment in [("NightlyRole", "nightly"), ("GateRole", "gate")]:
        (statement,) = with_ids[name].trust["Statement"]
        assert statement["Condition"] == {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": (
                    f"repo:acme@1234/model@5678:environment:{environment}"
                ),
            }
        }
        assert with_ids[name].policy == without[name].policy


def test_existing_provider_can_be_named() -> None:
    arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    roles = load_roles(**PARAMETERS, OidcProviderArn=arn)
    for role in roles.values():
        assert role.trust["Statement"][0]["Principal"] == {"Federated": arn}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Repository", "acme/*"),
        ("Repository", "acme"),
        ("Repository", "acme/model:environment:nightly"),
        ("NightlyEnvironment", "*"),
        ("DataPrefix", "*"),
        ("DataPrefix", "new_data"),
        ("DataPrefix", "/"),
        ("RemotePrefix", "dvc"),
        ("RemotePrefix", "${aws:username}/"),
        ("OidcProviderArn", "arn:aws:iam::123456789012:oidc-provider/evil.example.com"),
    ],
)
def test_parameter_that_would_widen_a_role_is_refused(name: str, value: str) -> None:
    with pytest.raises(AssertionError, match=name):
        load_roles(**(PARAMETERS | {name: value}))


@pytest.mark.parametrize("prefix", ["dvc/new_data/", "new_data/"])
def test_data_and_remote_in_one_bucket_are_refused(prefix: str) -> None:
    """Where one prefix holds the other, the night could change the data."""
    with pytest.raises(AssertionError, match="bucket of its own"):
        load_roles(Repository="acme/model", DataBucket="a-1", RemoteBucket="a-1", DataPrefix=prefix)


def test_one_key_that_is_overwritten_can_be_the_data() -> None:
    """`source.url: s3://incoming/new_data/daily_batch.csv`."""
    key = "new_data/daily_batch.csv"
    role = load_roles(**PARAMETERS, DataPrefix=key)["NightlyRole"]
    listing, reading = role.policy["Statement"][:2]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": key + "*"}}
    assert reading["Resource"] == f"arn:aws:s3:::incoming/{key}*"


def test_template_is_lint_free() -> None:
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run(
        [cfn_lint, "--include-checks", "I", "--", TEMPLATE], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_roles_are_granted_actions_by_name() -> None:
    roles = load_roles(**PARAMETERS)
    granted = {
        name: {
            action
            for statement in role.policy["Statement"]
            for action in (
                [statement["Action"]]
                if isinstance(statement["Action"], str)
                else statement["Action"]
            )
        }
        for name, role in roles.items()
    }
    reading = {"s3:GetObject", "s3:ListBucket"}
    data = {"s3:GetObjectVersion", "s3:ListBucketVersions"}
    assert granted == {"NightlyRole": reading | data | {"s3:PutObject"}, "GateRole": reading}


def test_documented_deployment_fits_the_template() -> None:
    """The command in docs/aws.md gives parameters that the template has, with allowed values."""
    text = (TEMPLATE.parents[2] / "docs" / "aws.md").read_text()
    (overrides,) = re.findall(r"--parameter-overrides((?: *\\?\n? *\w+=\S+)+)", text)
    parameters = dict(re.findall(r"(\w+)=(\S+)", overrides))
    assert parameters.keys() == {
        "Repository",
        "DataBucket",
        "DataPrefix",
        "RemoteBucket",
        "RemotePrefix",
    }
    roles = load_roles(**parameters)
    for role, environment in [("NightlyRole", "nightly"), ("GateRole", "gate")]:
        subject = roles[role].trust["Statement"][0]["Condition"]["StringEquals"]
        assert f"environment:{environment}" in subject[f"{ISSUER}:sub"]
    assert "repo:acme/model:environment:nightly" in text
    for action in roles["NightlyRole"].policy["Statement"]:
        named = action["Action"]
        assert all(name in text for name in ([named] if isinstance(named, str) else named))
