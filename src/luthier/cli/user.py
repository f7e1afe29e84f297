"""`luthier user`: who may do what, and the keys that prove it."""

import secrets
from typing import Annotated

import typer

from luthier.cli.opened import opened
from luthier.cli.options import JsonOption, ProjectOption, SetOption
from luthier.cli.output import show
from luthier.errors import UserError
from luthier.store import ROLES, key_text
from luthier.store.identity import SECRET_BYTES, Role

app = typer.Typer(no_args_is_help=True)


@app.callback()
def user() -> None:
    """Add users and make their keys; whoever can write the database can do this."""


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="A short name, e.g. `mia`.")],
    role: Annotated[list[str], typer.Option("--role", help=f"One of {', '.join(ROLES)}; repeatable.")],
    project: ProjectOption = None,
    assignments: SetOption = None,
) -> None:
    """Add a user."""
    with opened(project, assignments) as work:
        now = work.clock()
        made = work.store.identity.create_user(name, [_role(each) for each in role], now=now)
        work.store.audit.append(work.actor, "user.add", name, {"roles": [*sorted(made.roles)]}, now=now)
        show(f"{name}: {', '.join(sorted(made.roles))}", as_json=False)


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    project: ProjectOption = None,
    assignments: SetOption = None,
) -> None:
    """Make a key and print it, once; only its hash is kept."""
    with opened(project, assignments, as_json=True) as work:
        secret, now = secrets.token_bytes(SECRET_BYTES), work.clock()
        made = work.store.identity.create_key(name, now, secret)
        work.store.audit.append(work.actor, "user.key", name, {"key_id": made.key_id}, now=now)
    show(key_text(secret), as_json=False)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `luthier user list` prints it.")],
    project: ProjectOption = None,
    assignments: SetOption = None,
) -> None:
    """Make a key open nothing from now on."""
    with opened(project, assignments) as work:
        now = work.clock()
        work.store.identity.revoke_key(key_id, now)
        work.store.audit.append(work.actor, "user.revoke", key_id, {}, now=now)
        show(f"revoked {key_id}", as_json=False)


@app.command("list")
def list_users(project: ProjectOption = None, assignments: SetOption = None, as_json: JsonOption = False) -> None:
    """Print all users with their roles and the ids of their keys."""
    with opened(project, assignments, as_json=True) as work:
        found = [
            {
                "name": each.name,
                "roles": sorted(each.roles),
                "keys": [k.key_id for k in work.store.identity.keys(each.name)],
            }
            for each in work.store.identity.users()
        ]
    show(found, as_json=as_json)


def _role(text: str) -> Role:
    for role in ROLES:
        if role == text:
            return role
    raise UserError(f"{text!r} is no role", hint=f"choose from {', '.join(ROLES)}")
