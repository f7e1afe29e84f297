"""The whole life of one tuned model, from raw e-mails to a rolled-back canary, with every person in it played.

Everything happens through the `luthier` command and HTTP, as it would in a company; this script only plays the
people - reviewers, an approver, an operator, the sales team and their CRM - and moves a virtual clock.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from traffic import Request, is_solved, requests

HERE = Path(__file__).resolve().parent
HOME = HERE / ".luthier"
CLOCK = HOME / "demo-clock"
KEYS = HOME / "demo-keys.json"
BEGINNING = datetime(2026, 3, 2, 9, tzinfo=UTC)
PEOPLE = {"head-of-sales-ops": "approver", "sre": "engineer", "crm": "application"}
MODEL = "crm-updates"
AT_ONCE = 32
CANARY_ANSWERS = 52
BAKE = timedelta(hours=48)
MOST_STAGES = 6
MOST_ROUNDS = 4
WAITING = 3
HOLDS = 4


def main() -> None:
    """Play the demo; a second run skips what is done."""
    began = time.monotonic()
    HOME.mkdir(exist_ok=True)
    if not CLOCK.exists():
        CLOCK.write_text(BEGINNING.isoformat())
    os.environ["LUTHIER_CLOCK_FILE"] = str(CLOCK)
    os.environ["LOGNAME"] = "ml-engineer"
    title("The raw material: made-up sales e-mails and a knowledge base")
    subprocess.run([sys.executable, str(HERE / "generate.py"), "--out", str(HERE), "--seed", "7"], check=True)
    keys = people()
    title("The chain of evidence")
    walk_the_chain(keys)
    if status()["rollout"]["status"] == "running" or not is_told("rollout.drill"):
        live(keys)
    title("Drift, and failures that become examples")
    luthier("monitor", "check")
    luthier("run")
    title("Summary")
    luthier("report")
    told(f"demo finished in {time.monotonic() - began:.0f} seconds")


def walk_the_chain(keys: dict[str, str]) -> None:
    """`luthier run` until nothing waits for a person any more; the people do what it asks of them."""
    for _ in range(6):
        code = luthier("run", may_fail=True)
        if code == 0:
            return
        if code == HOLDS:
            overrule()
            continue
        found = status()
        waiting = [release["id"] for release in found["releases"] if release["approval"] == "waiting"]
        if any(link["link"] == "review" and link["state"] == "waiting" for link in found["links"]):
            told("two simulated reviewers and an adjudicator mark every row (their marks stay flagged as simulated)")
            luthier("review", "simulate")
        elif waiting:
            told(f"the head of sales operations, who did not make it, reads the card of {waiting[0]} and approves")
            reason = "The card shows what I need to know."
            luthier("release", "approve", waiting[0], "--reason", reason, key=keys["head-of-sales-ops"])
        else:
            sys.exit("the chain stopped where nobody here can help; see the message above")
    sys.exit("the chain did not come to its end in six rounds")


def overrule() -> None:
    """Go on although the gate holds: on another machine other steps fit into the time; a demo shows what follows."""
    told(
        "the gate holds: too few rows to be sure of the line. It is overruled for the rehearsal, which stays on record"
    )
    reason = "Rehearsal: the demo goes on to the canary although the gate could not decide."
    luthier("release", "propose", "tuned_rag", "--override", reason)


def live(keys: dict[str, str]) -> None:
    """Serve, roll out under replayed traffic, roll a bad release back, pull the kill switch, drill."""
    with served() as gateway:
        title("A canary on real traffic: 5, 25, 50, 100%")
        if status()["rollout"]["status"] == "running":
            roll_out(gateway, keys)
        title("A second release that is really worse")
        bad = worse_release(keys)
        replay_until_settled(gateway, keys, share=5, seed=900, rounds=12, answers=16)
        outcome = status()["rollout"]
        told(f"{bad}: {outcome['status']}; {outcome['reason']}")
        if outcome["status"] != "reverted":
            sys.exit("the worse release was not taken back")
        title("The kill switch, and a rollback drill on the live server")
        kill_and_resume(gateway, keys)
        luthier("rollout", "drill", key=keys["sre"])


def roll_out(gateway: str, keys: dict[str, str]) -> None:
    """The approved release through its stages, each with its traffic and its bake time."""
    for number in range(MOST_STAGES):
        share = status()["rollout"]["percent"]
        replay_until_settled(gateway, keys, share=share, seed=100 * (number + 1), rounds=MOST_ROUNDS)
        now = status()["rollout"]
        told(
            f"after {share:g}%: {now['status']}, stable {now['stable']}, canary {now['canary']} at {now['percent']:g}%"
        )
        if now["status"] != "running":
            break
    if status()["rollout"]["status"] != "completed":
        sys.exit("the rollout holds: it has not seen enough to go on")


def replay_until_settled(
    gateway: str, keys: dict[str, str], *, share: float, seed: int, rounds: int, answers: int = CANARY_ANSWERS
) -> None:
    """Traffic, bake time and a look by the controller, again and again until the stage is left."""
    before = status()["rollout"]
    count = round(answers / share * 100)
    for turn in range(rounds):
        share_of_count = count if turn == 0 else -(-count // 3)  # a stage that held needs only what was missing
        chosen = requests(share_of_count, seed=seed + turn, start=now(), per_hour=count / 47, users=2_000)
        replay(gateway, keys["crm"], chosen)
        set_clock(now() + BAKE / 48 * 2)
        luthier("rollout", "watch", "--once", key=keys["sre"])
        after = status()["rollout"]
        if (after["status"], after["percent"]) != (before["status"], before["percent"]):
            return


def worse_release(keys: dict[str, str]) -> str:
    """A release of an adapter trained on shuffled answers, pushed through its gate with a reason."""
    told("an adapter is trained on the same rows with each other's answers: valid calls, wrong content")
    luthier("train", "control")
    luthier("evaluate", "run", "tuned_rag", "--control")
    reason = "Rehearsal: a bad release on purpose, to see that it is taken back."
    luthier("release", "propose", "tuned_rag", "--control", "--override", reason)
    bad: str = status()["releases"][-1]["id"]
    luthier("release", "approve", bad, "--reason", "Rehearsal with a bad release.", key=keys["head-of-sales-ops"])
    luthier("rollout", "start", bad, key=keys["sre"])
    return bad


def kill_and_resume(gateway: str, keys: dict[str, str]) -> None:
    """Baseline prompting answers while the switch is pulled, and the release again afterwards."""
    luthier("rollout", "kill", "--reason", "Rehearsal of the kill switch.", key=keys["sre"])
    time.sleep(0.5)
    told(f"with the switch pulled, {who_answers(gateway, keys['crm'])} answers")
    luthier("rollout", "resume", "--reason", "Rehearsal over.", key=keys["sre"])
    time.sleep(0.5)
    told(f"put back, {who_answers(gateway, keys['crm'])} answers")


def replay(gateway: str, key: str, chosen: Iterator[Request]) -> None:
    """Send the requests, answered live, and tell the gateway what the CRM made of each answer."""
    pending = list(chosen)
    answered = solved = 0
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=gateway, headers=headers, timeout=120) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        for start in range(0, len(pending), AT_ONCE):
            part = pending[start : start + AT_ONCE]
            set_clock(part[0].at)
            outcomes = list(pool.map(lambda request: ask(client, request), part))
            answered += sum(outcome is not None for outcome in outcomes)
            solved += sum(bool(outcome) for outcome in outcomes)
    told(f"{len(pending)} e-mails replayed, {answered} answered, {solved} calls right according to the CRM")


def ask(client: httpx.Client, request: Request) -> bool | None:
    """Whether the answer was the right call; None when there was no answer."""
    body = {"model": MODEL, "messages": list(request.messages), "user": request.user_id}
    response = client.post("/v1/chat/completions", json=body)
    if response.status_code != 200:
        return None
    said = response.json()
    right = is_solved(said["choices"][0]["message"]["content"], request.ideal)
    client.post("/v1/feedback", json={"response_id": said["id"], "kind": "solved", "value": right}).raise_for_status()
    return right


def who_answers(gateway: str, key: str) -> str:
    """The release behind the next answer."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Who is there?"}], "max_tokens": 1}
    headers = {"authorization": f"Bearer {key}"}
    response = httpx.post(f"{gateway}/v1/chat/completions", json=body, headers=headers, timeout=60)
    answered_by: str = response.headers["x-luthier-release"]
    return answered_by


@contextmanager
def served() -> Iterator[str]:
    """The URL of the gateway of a running `luthier serve`."""
    place = HOME / "serving.json"
    place.unlink(missing_ok=True)
    server = subprocess.Popen([*LUTHIER, "serve", "--project", str(HERE)])
    try:
        while not place.exists():
            if server.poll() is not None:
                sys.exit(f"the server did not start; see {HOME / 'engine.log'} and {HOME / 'gateway.log'}")
            time.sleep(0.2)
        yield json.loads(place.read_text())["gateway"]
    finally:
        server.terminate()
        server.wait(60)


def people() -> dict[str, str]:
    """Everybody's own key; made on the first run."""
    if not KEYS.exists():
        made = {}
        for name, role in PEOPLE.items():
            luthier("user", "add", name, "--role", role)
            made[name] = output("user", "key", name).strip()
        KEYS.touch(mode=0o600)
        KEYS.write_text(json.dumps(made))
    keys: dict[str, str] = json.loads(KEYS.read_text())
    return keys


LUTHIER = (sys.executable, "-m", "luthier.cli.main")


def luthier(*words: str, key: str | None = None, may_fail: bool = False) -> int:
    """The exit code of a `luthier` command, shown as it is typed."""
    print(f"\n$ luthier {' '.join(quoted(word) for word in words)}", flush=True)
    code = subprocess.run([*LUTHIER, *words, "--project", str(HERE)], env=environment(key), check=False).returncode
    if code not in ({0, WAITING, HOLDS} if may_fail else {0}):
        sys.exit(code)
    return code


def output(*words: str) -> str:
    """What a `luthier` command prints."""
    command = [*LUTHIER, *words, "--project", str(HERE)]
    return subprocess.run(command, env=environment(None), check=True, capture_output=True, text=True).stdout


def status() -> dict[str, Any]:
    """`luthier status --json`."""
    found: dict[str, Any] = json.loads(output("status", "--json"))
    return found


def is_told(action: str) -> bool:
    """Whether the audit log knows of such an action."""
    return any(entry["action"] == action for entry in json.loads(output("audit", "log", "--last", "100000", "--json")))


def environment(key: str | None) -> dict[str, str]:
    """The variables of this process, with the key of whoever acts."""
    return {**os.environ, **({"LUTHIER_KEY": key} if key else {})}


def now() -> datetime:
    """The virtual time."""
    return datetime.fromisoformat(CLOCK.read_text())


def set_clock(moment: datetime) -> None:
    """Move the virtual time, in one step that no reader can see half of."""
    fresh = CLOCK.with_suffix(".new")
    fresh.write_text(moment.isoformat())
    fresh.replace(CLOCK)


def quoted(word: str) -> str:
    """A word as a shell would need it."""
    return f'"{word}"' if " " in word else word


def title(text: str) -> None:
    """A heading of the story."""
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def told(text: str) -> None:
    """One line of the story."""
    print(f"-> {text}", flush=True)


if __name__ == "__main__":
    main()
