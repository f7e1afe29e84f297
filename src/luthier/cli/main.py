"""The root command; a command's module is imported only when that command is used."""

import logging
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from luthier import __version__
from luthier.cli.output import report_bug, reported_errors


class Command(NamedTuple):
    """Where a command lives and what the root's help says of it."""

    module: str
    attribute: str
    help: str


# A module whose app has subcommands gives it an `@app.callback()`; without one, typer folds a single command into it.
COMMANDS = {
    "run": Command("luthier.cli.run", "app", "Bring the whole chain of evidence up to date."),
    "status": Command("luthier.cli.status", "app", "Print where the chain stands."),
    "data": Command("luthier.cli.data", "app", "Build snapshots and show what they hold."),
    "review": Command("luthier.cli.review", "app", "Mark rows, and see how far the review is."),
    "assess": Command("luthier.cli.assess", "app", "Advise, show the decision, or overrule it with a reason."),
    "retrieval": Command("luthier.cli.retrieval", "app", "Search the knowledge bases, and measure how well."),
    "train": Command("luthier.cli.train", "app", "Tune the base model, or run the control."),
    "evaluate": Command("luthier.cli.evaluate", "app", "Measure variants, and show what was measured."),
    "prompts": Command("luthier.cli.prompts", "app", "List versions of prompts, and what was measured of each."),
    "release": Command("luthier.cli.release", "app", "Make releases, and decide on them."),
    "rollout": Command("luthier.cli.rollout", "app", "Start, watch, stop and rehearse rollouts."),
    "monitor": Command("luthier.cli.monitor", "app", "Look at served traffic."),
    "serve": Command("luthier.cli.serve", "app", "Serve the released variants: engine and gateway."),
    "engine": Command("luthier.cli.engine", "app", "Serve a local model with the OpenAI surface."),
    "gateway": Command("luthier.cli.gateway", "app", "Serve the gateway alone."),
    "user": Command("luthier.cli.user", "app", "Add users and make their keys."),
    "costs": Command("luthier.cli.costs", "app", "Show what the project has cost, and each variant per task solved."),
    "report": Command("luthier.cli.report", "app", "Write everything that is known of the project on one page."),
    "audit": Command("luthier.cli.audit", "app", "Read the audit log and check its chain."),
    "config": Command("luthier.cli.config", "app", "Print every value of the project file with where it came from."),
}
_COMPLETION = ("install_completion", "show_completion")  # typer gives these to every app that is not nested


class LazyGroup(TyperGroup):
    """A group that knows its commands from the table above and imports one when it is called.

    `ctx` and what is returned are typer's private copies of click types, hence `Any`.
    """

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  click's signature
        """Every command's name, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, imported now; an unknown name is a usage error that tells the nearest known one."""
        if cmd_name not in COMMANDS:
            near = get_close_matches(cmd_name, COMMANDS, n=1)
            ctx.fail(f"no command is named {cmd_name!r}{f'; did you mean {near[0]!r}?' if near else ''}")
        command = COMMANDS[cmd_name]
        loaded: Any = typer.main.get_command(getattr(import_module(command.module), command.attribute))
        loaded.params = [option for option in loaded.params if option.name not in _COMPLETION]
        return loaded

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  click's signature
        """Write the list of commands from the table, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in COMMANDS.items()])

    def invoke(self, ctx: Any) -> Any:
        """Run the command; this is the one place where errors become exit codes."""
        with reported_errors(as_json="--json" in ctx.args):
            return super().invoke(ctx)


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"luthier {__version__}")
        raise typer.Exit


@app.callback()
def luthier(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """The self-hosted release system for fine-tuned language models.

    Exit codes: 0 ok, 1 a bug, 2 wrong input, 3 refused by a gate, 4 not enough evidence.
    """


def main() -> None:
    """Run the command line of this process."""
    sys.excepthook = report_bug
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # warns of a kernel that it does without, at every import
    typer.main.get_command(app)(prog_name="luthier")


if __name__ == "__main__":
    main()
