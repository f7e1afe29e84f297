"""The engine opens its port only where that is safe."""

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from luthier.cli.engine import app
from luthier.engine.serve import Serving, check_doors, is_loopback
from luthier.errors import MissingInput, Refused, UserError


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("", False),
     ("10.0.0.1", False), ("localhost.evil.com", False), ("::", False)],
)  # fmt: skip
def test_a_loopback_address_is_known_as_one(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_without_a_key_only_this_machine_may_call() -> None:
    check_doors(Serving(host="127.0.0.1", api_keys=None))
    check_doors(Serving(host="0.0.0.0", api_keys=[SecretStr("k")]))
    with pytest.raises(Refused, match="loopback"):
        check_doors(Serving(host="0.0.0.0", api_keys=None))
    with pytest.raises(UserError, match="no API key"):
        check_doors(Serving(api_keys=[]))


def test_the_command_refuses_to_start_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUTHIER_ENGINE_KEY", raising=False)
    refused = CliRunner().invoke(app, [])
    assert isinstance(refused.exception, MissingInput)
    assert "LUTHIER_ENGINE_KEY" in str(refused.exception)


def test_an_adapter_without_a_name_is_refused() -> None:
    refused = CliRunner().invoke(app, ["--no-auth", "--adapter", "folder"])
    assert isinstance(refused.exception, UserError)
    assert "NAME=FOLDER" in refused.exception.hint + str(refused.exception)
