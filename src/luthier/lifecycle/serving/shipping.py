"""What workers wrote to their logs, brought into the store: by the courier, and by whoever must see all of it now."""

import logging
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from luthier.domain.interactions import Feedback, Interaction
from luthier.errors import NotFound
from luthier.gateway.spool import SpoolReader
from luthier.lifecycle.workspace import Workspace
from luthier.store import FeedbackRow, InteractionRow, Store

log = logging.getLogger("luthier.gateway.courier")
BATCH = 500


def gateway_home(home: Path) -> Path:
    """Where the snapshot, the logs and the counts of a project's gateway lie."""
    return home / "gateway"


def ship(work: Workspace, *, most: int | None = None) -> int:
    """How many interactions and things said of them came to the store: all that was acknowledged before, or `most`."""
    return ship_logs(gateway_home(work.home) / "spool", work.store, most=most)


def ship_logs(spool: Path, store: Store, *, most: int | None = None) -> int:
    """The same for the logs in a folder. Interactions go first: nothing is said of one that was not served."""
    interactions, feedback = spool / "interactions", spool / "feedback"
    shipped = 0
    if interactions.is_dir():
        shipped += SpoolReader(interactions).ship(_interactions_into(store), batch=BATCH, most=most)
    if most is not None and shipped >= most:
        return shipped
    if feedback.is_dir() and any(feedback.glob("*.log")):
        # what is read from here on was said after the interaction it names had been written; one more look finds it
        take = _feedback_into(store, lambda: SpoolReader(interactions).ship(_interactions_into(store), batch=BATCH))
        shipped += SpoolReader(feedback).ship(take, batch=BATCH)
    return shipped


def row_of(interaction: Interaction) -> InteractionRow:
    """The interaction as the store keeps it."""
    return InteractionRow(
        id=interaction.id,
        at=interaction.at,
        user_key=interaction.user_key,
        release_id=interaction.release_id,
        variant_digest=interaction.variant,
        arm=interaction.arm,
        request=interaction.asked,
        response_text=interaction.answered,
        status_code=interaction.status_code,
        latency_seconds=interaction.latency_seconds,
        prompt_tokens=interaction.prompt_tokens,
        completion_tokens=interaction.completion_tokens,
        cost=interaction.cost,
        guards=dict(interaction.guards),
        error=interaction.error,
    )


def _interactions_into(store: Store) -> Callable[[list[bytes]], int]:
    def take(lines: list[bytes]) -> int:
        rows = [row for line in lines if (row := _row(line)) is not None]
        store.interactions.add_many(rows)
        return len(lines)

    return take


def _row(line: bytes) -> InteractionRow | None:
    try:
        return row_of(Interaction.model_validate_json(line))
    except ValidationError:  # written by another version: told, and not in the way of what comes after it
        log.error("a line of the log is no interaction of this version", extra={"fault": "unreadable"})
        return None


def _feedback_into(store: Store, look_again: Callable[[], int]) -> Callable[[list[bytes]], int]:
    def take(lines: list[bytes]) -> int:
        for line in lines:
            said = Feedback.model_validate_json(line)
            row = FeedbackRow.model_validate(said.model_dump())
            try:
                store.interactions.add_feedback(row)
            except NotFound:
                look_again()
                _add_or_tell(store, row)
        return len(lines)

    return take


def _add_or_tell(store: Store, row: FeedbackRow) -> None:
    try:
        store.interactions.add_feedback(row)
    except NotFound:  # an id that was given with a refusal, so nothing was served under it
        log.warning("feedback names an answer that is not kept", extra={"request_id": row.interaction_id})
