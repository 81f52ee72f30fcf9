"""How an S3 server is reached: endpoint, region, credentials, as for every AWS tool.

The standard chain decides (environment, profile, SSO, web identity, instance), through botocore.
Its import and its look at the machine take half a second, so where the environment alone says
everything, as in a workflow that assumed its role, botocore isn't asked.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ratchet.data.weather import FaultError, explain
from ratchet.errors import ConfigError

REGION = "us-east-1"  # where none is set: AWS's own default; other servers don't mind
# botocore renews credentials minutes before they end, if it is asked often enough.
_LIVE = timedelta(minutes=2)


@dataclass(frozen=True)
class Access:
    """An S3 server and who we are there. `ca_bundle` is empty or a file of trusted certificates.

    `credentials` returns the keys in force, in the form that obstore wants.
    """

    endpoint: str
    region: str
    ca_bundle: str
    credentials: Callable[[], Any] = field(repr=False)


def find_access(environment: Mapping[str, str] = os.environ) -> Access:
    """Return the access that the environment and the files in ~/.aws describe.

    Raises EvidenceError when there are no credentials, ConfigError for an unusable setting.
    """
    return _from_environment(environment) or _from_chain(environment)


def region_of(environment: Mapping[str, str]) -> str:
    """Return the region that the environment names; empty when it names none."""
    return environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION", "")


def _from_environment(environment: Mapping[str, str]) -> Access | None:
    """Return the access if the environment says everything, None if more may have a say."""
    keys = [environment.get(name, "") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
    region = region_of(environment)
    files = environment.get("AWS_CONFIG_FILE") or "~/.aws/config"
    asks_more = ("AWS_PROFILE", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")
    if (
        not all(keys)
        or not region
        or region.startswith("cn-")  # another domain
        or any(environment.get(name) for name in asks_more)
        or Path(files).expanduser().is_file()
    ):
        return None
    given = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    found = {
        "access_key_id": keys[0],
        "secret_access_key": keys[1],
        "token": environment.get("AWS_SESSION_TOKEN"),
        "expires_at": None,
    }
    return Access(
        given or f"https://s3.{region}.amazonaws.com",
        region,
        environment.get("AWS_CA_BUNDLE", ""),
        lambda: found,
    )


def _from_chain(environment: Mapping[str, str]) -> Access:
    import botocore.session
    from botocore.exceptions import BotoCoreError

    session = botocore.session.get_session()
    try:
        client = session.create_client("s3", region_name=region_of(environment) or None)
        chain = session.get_credentials()
        bundle = session.get_config_variable("ca_bundle")
    except (BotoCoreError, ValueError) as error:
        raise ConfigError(
            f"S3: {' '.join(str(error).split())}; check AWS_PROFILE, AWS_ENDPOINT_URL and the "
            "files in ~/.aws"
        ) from None
    endpoint: str = client.meta.endpoint_url
    if chain is None:
        raise explain(FaultError("no-credentials"), "S3", endpoint, 0)

    def credentials() -> dict[str, object]:
        keys = chain.get_frozen_credentials()
        return {
            "access_key_id": keys.access_key,
            "secret_access_key": keys.secret_key,
            "token": keys.token,
            "expires_at": datetime.now(UTC) + _LIVE,
        }

    region = client.meta.region_name
    return Access(
        endpoint, REGION if region in (None, "aws-global") else region, bundle or "", credentials
    )
