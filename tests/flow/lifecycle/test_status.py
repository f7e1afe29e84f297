"""`luthier status --json` keeps the shape that the design promises."""

from collections.abc import Callable

import jsonschema
import pytest

from tests.flow.lifecycle.play import Project

LINKS = [
    "charter", "data", "review", "baselines", "assess", "fallback", "train", "evaluate", "gate", "release", "rollout",
    "monitor",
]  # fmt: skip
DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
NUMBER, TEXT = {"type": "number"}, {"type": "string"}


def closed(**properties: object) -> dict[str, object]:
    """An object with exactly these keys."""
    return {
        "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False,
    }  # fmt: skip


def mapping(values: object) -> dict[str, object]:
    """An object whose keys are names."""
    return {"type": "object", "additionalProperties": values}


FIGURE = closed(
    value=NUMBER, n={"type": "integer", "minimum": 1}, low=NUMBER, high=NUMBER, verdict={"type": ["string", "null"]}
)
LINK = closed(
    link={"enum": LINKS},
    state={"enum": ["done", "due", "refused", "waiting"]},
    reason=TEXT,
    digest={"anyOf": [DIGEST, {"type": "null"}]},
    parents={"type": "array", "items": DIGEST},
)
VARIANT = closed(
    reports=mapping(mapping(FIGURE)), paired=mapping(mapping(closed(difference=NUMBER, low=NUMBER, high=NUMBER)))
)
RELEASE = closed(
    id=TEXT,
    variant=TEXT,
    gate={"enum": ["pass", "fail", "not_enough_evidence"]},
    is_overridden={"type": "boolean"},
    approval={"enum": ["none", "waiting", "approved", "rejected"]},
)
ROLLOUT = closed(
    status={"enum": ["idle", "running", "completed", "reverted", "killed"]},
    stable={"type": ["string", "null"]},
    canary={"type": ["string", "null"]},
    percent={"type": "number", "minimum": 0, "maximum": 100},
    is_killed={"type": "boolean"},
    reason=TEXT,
)
SCHEMA = closed(
    schema_version={"const": 1},
    project=TEXT,
    links={"type": "array", "items": LINK},
    variants=mapping(VARIANT),
    releases={"type": "array", "items": RELEASE},
    rollout=ROLLOUT,
    withdrawals={"type": "array", "maxItems": 0},
)


def test_a_fresh_project_has_its_whole_chain_due(project_at: Callable[[str], Project]) -> None:
    found = project_at("fresh").answered("status")
    jsonschema.validate(found, SCHEMA)
    assert [link["link"] for link in found["links"]] == LINKS
    assert {link["state"] for link in found["links"]} == {"due"}
    assert found["releases"] == []


def test_a_walked_project_tells_every_figure_pair_and_release(project_at: Callable[[str], Project]) -> None:
    found = project_at("proposed").answered("status")
    jsonschema.validate(found, SCHEMA)
    assert found["project"] == "crm-small"
    for name in ("prompt", "rag", "tuned_rag"):
        assert set(found["variants"][name]["reports"]["task_accuracy"]) == {
            "schema_valid",
            "exact_match",
            "invalid_call",
        }
        assert found["variants"][name]["reports"]["task_accuracy"]["schema_valid"]["n"] == 60
    assert set(found["variants"]["tuned_rag"]["paired"]) == {"prompt", "rag"}
    assert [(made["id"], made["approval"]) for made in found["releases"]] == [
        ("crm-small-1", "approved"), ("crm-small-2", "waiting"),
    ]  # fmt: skip
    assert found["releases"][-1]["gate"] == "not_enough_evidence"
    assert found["rollout"]["stable"] == "crm-small-1"


def test_every_done_link_names_its_digest_and_the_parents_that_it_rests_on(
    project_at: Callable[[str], Project],
) -> None:
    links = {link["link"]: link for link in project_at("proposed").answered("status")["links"]}
    rollout = links.pop("rollout")  # a stream of events, not one result
    assert rollout["digest"] is None
    assert all(link["digest"] for link in links.values() if link["state"] == "done")
    assert links["data"]["digest"] in links["review"]["parents"]
    assert {links[name]["digest"] for name in ("data", "review", "assess")} <= set(links["train"]["parents"])
    assert links["evaluate"]["digest"] in links["gate"]["parents"]


@pytest.mark.parametrize(
    ("stop", "state", "reason"),
    [("held", "refused", "not_enough_evidence: "), ("proposed", "done", "not_enough_evidence, overruled by ")],
)
def test_a_gate_is_done_only_when_it_lets_the_variant_through(
    project_at: Callable[[str], Project], stop: str, state: str, reason: str
) -> None:
    links = {link["link"]: link for link in project_at(stop).answered("status")["links"]}
    assert links["gate"]["state"] == state
    assert links["gate"]["reason"].startswith(reason)
