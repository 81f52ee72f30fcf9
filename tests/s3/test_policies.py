"""The roles of .github/aws/ratchet.yaml, tried against a server that enforces them.

The very policy documents of the template are loaded, both as a user's policy and as the policy of
a role that is assumed with a token. Each action is tried by the administrator too: where a role is
refused, this shows that the role's policy refused it and not a request that can't work.
"""

import copy
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
import warm
from aws_template import Role, load_roles
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa
from oidc import AUDIENCE, Issuer
from seaweed import Seaweed

DATA, REMOTE, ELSEWHERE = "incoming", "dvc", "plain"
BATCH, OBJECT = "new_data/2026-11-22.csv", "dvc/files/md5/ab/cdef"
NIGHTLY, GATE = "NightlyRole", "GateRole"
SUBJECT = {NIGHTLY: "repo:acme/model:environment:nightly", GATE: "repo:acme/model:environment:gate"}

Action = Callable[[Any, str], object]  # takes a client and the batch's version id
VERSION = "<version>"


def call(method: str, **arguments: object) -> Action:
    """Return the action that calls a client's method, with the version id where VERSION stands."""

    def run(client: Any, version: str) -> object:
        filled = {name: version if value is VERSION else value for name, value in arguments.items()}
        return getattr(client, method)(**filled)

    return run


def put_in_parts(bucket: str, key: str) -> Action:
    def run(client: Any, _: str) -> None:
        place = {"Bucket": bucket, "Key": key}
        upload = client.create_multipart_upload(**place)["UploadId"]
        part = client.upload_part(**place, UploadId=upload, PartNumber=1, Body=b"x")
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload=parts)

    return run


def delete_many(bucket: str, key: str) -> Action:
    """Delete with the call that answers 200 and lists what was refused."""

    def run(client: Any, _: str) -> None:
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})
        for error in answer.get("Errors", []):
            raise ClientError({"Error": error}, "DeleteObjects")

    return run


def see_buckets(client: Any, _: str) -> None:
    """List the buckets; the server refuses by showing none, where AWS says AccessDenied."""
    if not client.list_buckets()["Buckets"]:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "ListBuckets")


OPEN = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
PUBLIC = {"Version": "2012-10-17", "Statement": [OPEN | {"Resource": "arn:aws:s3:::spare/*"}]}
READ_DATA = {
    "get a batch": call("get_object", Bucket=DATA, Key=BATCH),
    "get a batch's version": call("get_object", Bucket=DATA, Key=BATCH, VersionId=VERSION),
    "list batches": call("list_objects_v2", Bucket=DATA, Prefix="new_data/"),
    "list batches' versions": call("list_object_versions", Bucket=DATA, Prefix="new_data/"),
    "list one key's versions": call("list_object_versions", Bucket=DATA, Prefix=BATCH),
}
READ_REMOTE = {
    "get from the remote": call("get_object", Bucket=REMOTE, Key=OBJECT),
    "list the remote": call("list_objects_v2", Bucket=REMOTE, Prefix="dvc/files/md5/"),
}
WRITE_REMOTE = {
    "put to the remote": call("put_object", Bucket=REMOTE, Key="dvc/files/md5/00/1"),
    "put in parts to the remote": put_in_parts(REMOTE, "dvc/files/md5/00/2"),
}
NEVER = {
    "put to the data": call("put_object", Bucket=DATA, Key="new_data/other.csv"),
    "put in parts to the data": put_in_parts(DATA, "new_data/other.csv"),
    "copy over a batch": call(
        "copy_object", Bucket=DATA, Key="new_data/spare.csv", CopySource=f"{DATA}/{BATCH}"
    ),
    "tag a batch": call(
        "put_object_tagging",
        Bucket=DATA,
        Key=BATCH,
        Tagging={"TagSet": [{"Key": "colour", "Value": "blue"}]},
    ),
    "delete a batch": call("delete_object", Bucket=DATA, Key="new_data/spare.csv"),
    "delete many batches": delete_many(DATA, "new_data/spare.csv"),
    "delete a batch's version": call("delete_object", Bucket=DATA, Key=BATCH, VersionId=VERSION),
    "get beside the data": call("get_object", Bucket=DATA, Key="secret/pay.csv"),
    "get below a like prefix": call("get_object", Bucket=DATA, Key="new_data_2/a.csv"),
    "list all of the data's bucket": call("list_objects_v2", Bucket=DATA),
    "list all of its versions": call("list_object_versions", Bucket=DATA),
    "list beside the data": call("list_objects_v2", Bucket=DATA, Prefix="secret/"),
    "list versions beside it": call("list_object_versions", Bucket=DATA, Prefix="secret/"),
    "list a like prefix": call("list_objects_v2", Bucket=DATA, Prefix="new_data"),
    "delete from the remote": call("delete_object", Bucket=REMOTE, Key="dvc/spare"),
    "delete many from the remote": delete_many(REMOTE, "dvc/spare"),
    "tag in the remote": call(
        "put_object_tagging", Bucket=REMOTE, Key=OBJECT, Tagging={"TagSet": []}
    ),
    "get beside the remote": call("get_object", Bucket=REMOTE, Key="other/file"),
    "put beside the remote": call("put_object", Bucket=REMOTE, Key="other/new"),
    "list all of the remote's bucket": call("list_objects_v2", Bucket=REMOTE),
    "list versions in the remote": call("list_object_versions", Bucket=REMOTE, Prefix="dvc/"),
    "get from another bucket": call("get_object", Bucket=ELSEWHERE, Key=BATCH),
    "put to another bucket": call("put_object", Bucket=ELSEWHERE, Key="dvc/new"),
    "list another bucket": call("list_objects_v2", Bucket=ELSEWHERE, Prefix="new_data/"),
    "see any bucket": see_buckets,
    "make a bucket": call("create_bucket", Bucket="made"),
    "switch versioning off": call(
        "put_bucket_versioning", Bucket="spare", VersioningConfiguration={"Status": "Suspended"}
    ),
    "open a bucket to all": call("put_bucket_policy", Bucket="spare", Policy=json.dumps(PUBLIC)),
}
ACTIONS = READ_DATA | READ_REMOTE | WRITE_REMOTE | NEVER
ALLOWED = {
    NIGHTLY: READ_DATA.keys() | READ_REMOTE.keys() | WRITE_REMOTE.keys(),
    GATE: READ_REMOTE.keys(),
}


def try_all(server: Seaweed, client: Any) -> dict[str, str]:
    """Lay out what the actions need, try them, and return `done` or the reason for each."""
    administrator = server.client()
    for bucket, key in [(DATA, "new_data/spare.csv"), (REMOTE, "dvc/spare"), (DATA, BATCH)]:
        administrator.put_object(Bucket=bucket, Key=key, Body=b"x")
    version = administrator.head_object(Bucket=DATA, Key=BATCH)["VersionId"]
    return {name: attempt(client, action, version) for name, action in ACTIONS.items()}


def attempt(client: Any, action: Action, version: str) -> str:
    """Return `done`, or the server's reason for a refusal."""
    try:
        action(client, version)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"


def for_seaweed(trust: Mapping[str, Any]) -> dict[str, Any]:
    """Translate a trust policy into SeaweedFS' dialect; permissions need no translation.

    The provider is named, not given by ARN, and the claims' condition keys begin with `oidc:`
    where AWS has the issuer's host name.
    """
    translated = copy.deepcopy(dict(trust))
    for statement in translated["Statement"]:
        statement["Principal"] = {"Federated": "github"}
        statement["Condition"] = {
            operator: {
                key.replace("token.actions.githubusercontent.com:", "oidc:"): value
                for key, value in tests.items()
            }
            for operator, tests in statement["Condition"].items()
        }
    return translated


@pytest.fixture(scope="module")
def roles() -> dict[str, Role]:
    return load_roles(Repository="acme/model", DataBucket=DATA, RemoteBucket=REMOTE)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


@pytest.fixture(scope="module")
def aws(
    roles: dict[str, Role], issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seaweed]:
    """A server with the template's roles, and some objects within and beside their reach."""
    iam = {
        "sts": {
            "tokenDuration": "1h",
            "maxSessionLength": "12h",
            "issuer": "seaweedfs-sts",
            "signingKey": "dGVzdC1zaWduaW5nLWtleS0zMi1jaGFyYWN0ZXJzLWxvbmc=",
        },
        "providers": [
            {
                "name": "github",
                "type": "oidc",
                "enabled": True,
                "config": {
                    "issuer": issuer.url,
                    "clientId": AUDIENCE,
                    "jwksUri": issuer.url + "/jwks",
                },
            }
        ],
        "policy": {"defaultEffect": "Deny", "storeType": "memory"},
        "policies": [{"name": name, "document": role.policy} for name, role in roles.items()],
        "roles": [
            {
                "roleName": name,
                "roleArn": f"arn:aws:iam::role/{name}",
                "trustPolicy": for_seaweed(role.trust),
                "attachedPolicies": [name],
            }
            for name, role in roles.items()
        ],
    }
    with Seaweed(
        tmp_path_factory.mktemp("aws"),
        buckets=(DATA, REMOTE, ELSEWHERE, "spare"),
        versioned=(DATA,),
        iam=iam,
    ) as server:
        client = server.client()
        for bucket, key in [
            (DATA, BATCH),
            (DATA, BATCH),
            (DATA, "secret/pay.csv"),
            (DATA, "new_data_2/a.csv"),
            (REMOTE, OBJECT),
            (REMOTE, "other/file"),
            (ELSEWHERE, BATCH),
        ]:
            client.put_object(Bucket=bucket, Key=key, Body=b"x")
        yield server


def assume(server: Seaweed, role: str, token: str) -> dict[str, str]:
    """Trade a token for a role's credentials, as aws-actions/configure-aws-credentials does."""
    sts = boto3.session.Session().client(
        "sts",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED),
    )
    answer = sts.assume_role_with_web_identity(
        RoleArn=f"arn:aws:iam::role/{role}", RoleSessionName="night", WebIdentityToken=token
    )
    found = answer["Credentials"]
    return {
        "access_key": found["AccessKeyId"],
        "secret_key": found["SecretAccessKey"],
        "token": found["SessionToken"],
    }


@pytest.fixture(scope="module")
def as_user(aws: Seaweed, roles: dict[str, Role]) -> dict[str, Any]:
    """S3 clients of users that have the roles' policies as their own."""
    iam = aws.client("iam")
    clients = {}
    for name, role in roles.items():
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(role.policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        clients[name] = aws.client(access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
        _wait_for(clients[name], READ_REMOTE["list the remote"])
    return clients


@pytest.fixture(scope="module")
def as_role(aws: Seaweed, issuer: Issuer) -> dict[str, Any]:
    """S3 clients that have assumed the roles."""
    return {
        name: aws.client(**assume(aws, name, issuer.token(subject)))
        for name, subject in SUBJECT.items()
    }


def _wait_for(client: Any, action: Action) -> None:
    """Wait until a new user is known: the server learns of it a moment later."""
    for _ in range(100):
        if attempt(client, action, "") == "done":
            return
        time.sleep(0.05)
    raise AssertionError("the server did not take the user in")


@pytest.mark.parametrize("way", ["as_user", "as_role"])
@pytest.mark.parametrize("role", [NIGHTLY, GATE])
def test_role_can_do_its_work_and_nothing_else(
    request: pytest.FixtureRequest, aws: Seaweed, role: str, way: str
) -> None:
    refused = ACTIONS.keys() - ALLOWED[role]
    found = try_all(aws, request.getfixturevalue(way)[role])
    assert found == {name: "AccessDenied" if name in refused else "done" for name in ACTIONS}


def test_administrator_can_do_all_that_roles_are_refused(aws: Seaweed) -> None:
    administrator = aws.client()
    assert try_all(aws, administrator) == dict.fromkeys(ACTIONS, "done")
    administrator.delete_bucket_policy(Bucket="spare")
    administrator.delete_bucket(Bucket="made")


@pytest.mark.parametrize("role", [NIGHTLY, GATE])
@pytest.mark.parametrize(
    "subject",
    [
        "repo:acme/model:pull_request",
        "repo:acme/model:ref:refs/heads/main",
        "repo:acme/model:environment:production",
        "repo:acme/model:environment:nightly2",
        "repo:acme/model2:environment:nightly",
        "repo:mallory/model:environment:nightly",
        "repo:acme@1/model@2:environment:nightly",
        "",
        "*",
    ],
)
def test_wrong_subject_is_refused(aws: Seaweed, issuer: Issuer, role: str, subject: str) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(aws, role, issuer.token(subject))


def test_one_environment_gets_no_other_role(aws: Seaweed, issuer: Issuer) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(aws, NIGHTLY, issuer.token(SUBJECT[GATE]))
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(aws, GATE, issuer.token(SUBJECT[NIGHTLY]))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "https://github.com/acme"}, "AccessDenied"),
        ({"exp": int(time.time()) - 60}, "ExpiredToken"),
        ({"iss": "http://127.0.0.1:9/"}, "AccessDenied"),
    ],
    ids=["audience", "expired", "issuer"],
)
def test_token_with_a_wrong_claim_is_refused(
    aws: Seaweed, issuer: Issuer, claims: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ClientError, match=reason):
        assume(aws, NIGHTLY, issuer.token(SUBJECT[NIGHTLY], **claims))


def test_forged_token_is_refused(aws: Seaweed, issuer: Issuer) -> None:
    forger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(ClientError, match="signature"):
        assume(aws, NIGHTLY, issuer.token(SUBJECT[NIGHTLY], forger))


def test_dvc_pushes_as_nightly_and_only_pulls_as_gate(
    aws: Seaweed, issuer: Issuer, tmp_path: Path
) -> None:
    def run(role: str, *command: str) -> subprocess.CompletedProcess[str]:
        keys = assume(aws, role, issuer.token(SUBJECT[role]))
        environment = os.environ | aws.env(**keys) | {"HOME": str(tmp_path), "NO_COLOR": "1"}
        return subprocess.run(
            [warm.programs() / "dvc", *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )

    file = tmp_path / "model.bin"
    file.write_bytes(b"weights")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text(
        "[core]\n    no_scm = true\n    analytics = false\n    remote = s3\n"
        f"['remote \"s3\"']\n    url = s3://{REMOTE}/dvc\n    verify = true\n"
    )
    added = run(NIGHTLY, "add", "model.bin")
    assert added.returncode == 0, added.stderr
    refused = run(GATE, "push")
    assert refused.returncode != 0
    assert "failed to push" in refused.stderr.lower()
    pushed = run(NIGHTLY, "push")
    assert pushed.returncode == 0, pushed.stderr
    assert "1 file pushed" in pushed.stdout

    for role in (GATE, NIGHTLY):
        file.unlink()
        shutil.rmtree(tmp_path / ".dvc" / "cache")
        pulled = run(role, "pull")
        assert pulled.returncode == 0, pulled.stderr
        assert file.read_bytes() == b"weights"
