"""Fixtures that several test files share."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from shop import Shop

# The machine is shared: how long an example takes says nothing.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop that has delivered nothing yet."""
    return Shop(tmp_path)


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that hypothesis's examples write over, one after the other."""
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop after a whole run on six batches. Tests share it: read, and write elsewhere."""
    shop = Shop(tmp_path_factory.mktemp("evaluated"))
    shop.validated_with(6)
    shop.train()
    shop.evaluate()
    return shop
