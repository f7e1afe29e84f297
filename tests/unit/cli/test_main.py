"""The root command: lazy table, errors to exit codes, and what goes to which stream."""

import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from luthier import __version__
from luthier.cli.main import COMMANDS, Command, app
from luthier.errors import LuthierError, NotEnoughEvidence, Refused, UserError

runner = CliRunner()
ERRORS: dict[str, LuthierError] = {
    "wrong": UserError("the figure 'x' is no number", hint="write 0.5"),
    "refused": Refused("the gate has not passed"),
    "unsure": NotEnoughEvidence("40 rows cannot decide", hint="measure 200"),
}
failing = typer.Typer()


@failing.command()
def fail(kind: str, as_json: bool = typer.Option(False, "--json")) -> None:
    raise ERRORS[kind]


@pytest.fixture(autouse=True)
def _failing_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "fail", Command(__name__, "failing", "Fail."))


def run_process(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("kind", "code"), [("wrong", 2), ("refused", 3), ("unsure", 4)])
def test_an_error_of_luthier_gives_its_exit_code_and_nothing_on_standard_output(kind: str, code: int) -> None:
    result = runner.invoke(app, ["fail", kind])
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")


def test_an_error_says_what_and_what_to_try() -> None:
    result = runner.invoke(app, ["fail", "wrong"])
    assert result.stderr == "error: the figure 'x' is no number\ntry: write 0.5\n"


def test_an_error_without_advice_has_no_empty_try() -> None:
    assert runner.invoke(app, ["fail", "refused"]).stderr == "error: the gate has not passed\n"


def test_with_json_the_error_is_one_json_object() -> None:
    result = runner.invoke(app, ["fail", "unsure", "--json"])
    assert json.loads(result.stderr) == {
        "error": {"code": "not_enough_evidence", "message": "40 rows cannot decide", "hint": "measure 200"}
    }


def test_an_unknown_command_is_wrong_input_and_the_nearest_is_named() -> None:
    result = runner.invoke(app, ["confg"])
    assert result.exit_code == 2
    assert "did you mean 'config'?" in result.stderr


def test_an_unknown_option_is_wrong_input() -> None:
    assert runner.invoke(app, ["config", "--projcet", "x"]).exit_code == 2


def test_help_lists_every_command_without_importing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "ghost", Command("luthier.cli.there_is_no_such_module", "app", "Haunt."))
    result = runner.invoke(app, ["--help"])
    assert result.exit_code == 0
    assert all(name in result.stdout for name in COMMANDS)


def test_version_is_the_package_s() -> None:
    assert runner.invoke(app, ["--version"]).stdout == f"luthier {__version__}\n"


def test_every_row_of_the_table_leads_to_a_command() -> None:
    for name in COMMANDS:
        assert runner.invoke(app, [name, "--help"]).exit_code == 0, name


def test_no_command_offers_the_completion_options_of_its_own_app() -> None:
    assert "completion" not in runner.invoke(app, ["config", "--help"]).stdout


def test_a_bug_gives_exit_code_1_a_traceback_and_an_id_on_standard_error() -> None:
    code = (
        "import typer\n"
        "from luthier.cli import main as m\n"
        "app = typer.Typer()\n"
        "@app.command()\n"
        "def boom() -> None:\n"
        "    raise RuntimeError('a broken invariant')\n"
        "m.COMMANDS['boom'] = m.Command('__main__', 'app', 'Break.')\n"
        "m.main()\n"
    )
    done = run_process(code, "boom")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "RuntimeError: a broken invariant" in done.stderr
    assert "(error id " in done.stderr


def test_an_interrupt_gives_130_and_no_traceback() -> None:
    code = (
        "import typer\n"
        "from luthier.cli import main as m\n"
        "app = typer.Typer()\n"
        "@app.command()\n"
        "def stop() -> None:\n"
        "    raise KeyboardInterrupt\n"
        "m.COMMANDS['stop'] = m.Command('__main__', 'app', 'Stop.')\n"
        "m.main()\n"
    )
    done = run_process(code, "stop")
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_gets_no_traceback() -> None:
    script = f"{sys.executable} -m luthier.cli.main --help | true"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
