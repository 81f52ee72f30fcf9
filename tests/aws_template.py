"""Read the roles out of .github/aws/ratchet.yaml, as CloudFormation would make them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cfnlint.decode

TEMPLATE = Path(__file__).parents[1] / ".github" / "aws" / "ratchet.yaml"
_PSEUDO = {"AWS::Partition": "aws", "AWS::AccountId": "123456789012"}


@dataclass(frozen=True)
class Role:
    """A role of the template: who may assume it, and its one policy."""

    trust: dict[str, Any]
    policy: dict[str, Any]


def load_roles(**parameters: str) -> dict[str, Role]:
    """Return the template's roles by their logical name; parameters left out have their default.

    Raises AssertionError for parameters that the template refuses, KeyError for one without a
    default, or a function this small reader lacks.
    """
    template = _decode()
    values: dict[str, str] = dict(_PSEUDO)
    for name, about in template["Parameters"].items():
        values[name] = parameters.pop(name) if name in parameters else about["Default"]
        pattern = about["AllowedPattern"]
        assert re.fullmatch(pattern, values[name]), f"{name}: {values[name]!r} is not {pattern}"
    assert not parameters, f"unknown parameters: {parameters}"
    for rule in template.get("Rules", {}).values():
        for assertion in rule["Assertions"]:
            assert _resolve(assertion["Assert"], values, {}), assertion["AssertDescription"]
    # What is made by the template is referred to by a made-up ARN.
    values["GitHubProvider"] = "arn:aws:iam::123456789012:oidc-provider/made-by-the-template"
    conditions = {
        name: _resolve(condition, values, {})
        for name, condition in template.get("Conditions", {}).items()
    }
    roles = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role":
            found = _resolve(resource["Properties"], values, conditions)
            (policy,) = found["Policies"]
            roles[name] = Role(found["AssumeRolePolicyDocument"], policy["PolicyDocument"])
    return roles


def _decode() -> dict[str, Any]:
    template, errors = cfnlint.decode.decode(str(TEMPLATE))
    assert not errors, errors
    # Out of cfn-lint's own classes of dict, list and str, which carry line numbers.
    plain: dict[str, Any] = json.loads(json.dumps(template))
    return plain


def _resolve(node: Any, values: Mapping[str, str], conditions: Mapping[str, bool]) -> Any:
    """Return `node` with the intrinsic functions that the template uses carried out."""
    if isinstance(node, list):
        return [_resolve(item, values, conditions) for item in node]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        ((name, argument),) = node.items()
        if name == "Ref":
            return values[argument]
        if name == "Fn::Sub":
            return re.sub(r"\$\{([^}]+)\}", lambda match: values[match.group(1)], argument)
        if name == "Fn::If":
            condition, then, otherwise = argument
            return _resolve(then if conditions[condition] else otherwise, values, conditions)
        if name == "Fn::Equals":
            left, right = (_resolve(item, values, conditions) for item in argument)
            return left == right
        if name == "Fn::Not":
            return not _resolve(argument[0], values, conditions)
        if name.startswith("Fn::"):
            raise KeyError(f"{name}: teach this reader the function, or do without it")
    return {key: _resolve(value, values, conditions) for key, value in node.items()}
