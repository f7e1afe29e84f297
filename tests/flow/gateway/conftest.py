"""The back end that fails by the name of the model it is asked for, once for the tests of a file."""

from collections.abc import Iterator

import pytest

from tests.flow.gateway.faulty import Faulty, failing


@pytest.fixture(scope="module")
def faulty() -> Faulty:
    return Faulty()


@pytest.fixture(scope="module")
def backend_url(faulty: Faulty) -> Iterator[str]:
    with failing(faulty) as url:
        yield url
