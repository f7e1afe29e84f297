"""Pass, fail or hold: what a variant must show before it may be released."""

from collections.abc import Iterator

from luthier.domain.compare import PairedDifference, superiority
from luthier.domain.releases import GateDecision, Override
from luthier.domain.verdicts import Verdict, combine
from luthier.errors import Refused
from luthier.release.config import ReleaseConfig
from luthier.release.types import GOLD, Evidence

ALPHA = 0.05
INTACT = "intact:"

Check = tuple[str, Verdict]


def decide(config: ReleaseConfig, evidence: Evidence, *, override: Override | None = None) -> GateDecision:
    """The decision with every check by name.

    A release needs every check, so no correction over checks is due: each is wrong at most at its own level, and all
    together less often. Drops of other metrics are many chances for one false alarm, so those are corrected (Holm).

    Raises:
        Refused: The evidence is of another variant, or the override is against broken bytes or against nothing.

    """
    _refuse_foreign(evidence)
    integrity = dict(_integrity(evidence))
    quality = {**dict(_rows(config, evidence)), **dict(_thresholds(evidence))}
    if evidence.forgetting is not None:
        quality["forgetting"] = evidence.forgetting
    if evidence.memorisation is not None:
        quality["memorisation"] = evidence.memorisation
    quality |= {f"judge:{one.judge}": one.verdict for one in evidence.judges if one.is_licensed}
    if evidence.first_release:
        verdict = _first(list(integrity.values()), list(quality.values()))
    else:
        quality |= {**dict(_beats(config, evidence)), **dict(_drops(config, evidence))}
        verdict = combine([*integrity.values(), *quality.values()])
    _refuse_override(override, verdict, combine(list(integrity.values())))
    return GateDecision(
        variant=evidence.variant.name,
        variant_digest=evidence.variant.digest,
        verdict=verdict,
        checks={**integrity, **quality},
        override=override,
        warnings=(*evidence.warnings, *_unlicensed(evidence)),
    )


def _refuse_foreign(evidence: Evidence) -> None:
    name, digest = evidence.variant.name, evidence.variant.digest
    if foreign := [report.benchmark for report in evidence.reports if report.variant_digest != digest]:
        raise Refused(
            f"the reports on {', '.join(foreign)} are of another state of {name!r}",
            hint=f"run `luthier evaluate {name}`",
        )
    benchmarks = [report.benchmark for report in evidence.reports]
    if len(set(benchmarks)) < len(benchmarks):
        raise Refused(f"two reports of {name!r} are on the same benchmark", hint="hand over the newest of each")
    comparison = evidence.comparison
    if comparison is not None and (comparison.variant != name or comparison.benchmark not in benchmarks):
        raise Refused(
            f"the comparison is of {comparison.variant!r} on {comparison.benchmark!r}, not of {name!r}'s reports"
        )


def _refuse_override(override: Override | None, verdict: Verdict, integrity: Verdict) -> None:
    if override is None:
        return
    if integrity.outcome != "pass":
        raise Refused(
            f"no override goes against broken evidence: {'; '.join(integrity.reasons)}",
            hint="restore the bytes or measure again",
        )
    if verdict.outcome == "pass":
        raise Refused("the gate passes, so there is nothing to override", hint="leave the override out")


def _integrity(evidence: Evidence) -> Iterator[Check]:
    for name, same in {GOLD: None, **evidence.intact}.items():
        if same is None:
            yield f"{INTACT}{name}", _hold(f"nobody checked that {name} is unchanged")
        elif same:
            yield f"{INTACT}{name}", _pass(f"{name} is unchanged")
        else:
            yield f"{INTACT}{name}", _fail(f"{name} has changed since it was frozen")


def _rows(config: ReleaseConfig, evidence: Evidence) -> Iterator[Check]:
    if not evidence.reports:
        yield "rows", _hold(f"{evidence.variant.name!r} was never measured")
    for report in evidence.reports:
        n, least = len(report.cases), config.minimum_rows
        enough = _pass(f"{n} rows") if n >= least else _hold(f"{report.benchmark} has {n} rows, of {least} asked for")
        yield f"rows:{report.benchmark}", enough


def _thresholds(evidence: Evidence) -> Iterator[Check]:
    for report in evidence.reports:
        for metric, verdict in report.verdicts.items():
            yield f"threshold:{report.benchmark}:{metric}", verdict


def _unlicensed(evidence: Evidence) -> Iterator[str]:
    """What judges without a licence say: told to the approver, and decided by nobody but them."""
    for one in evidence.judges:
        if not one.is_licensed:
            said = one.verdict.outcome.replace("_", " ")
            yield f"judge {one.judge} says {said} ({'; '.join(one.verdict.reasons)}), and gates nothing: {one.licence}"


def _opponents(config: ReleaseConfig, evidence: Evidence) -> list[str]:
    best = [evidence.best_baseline] if evidence.best_baseline else []
    return [name for name in dict.fromkeys((*best, *config.compare_with)) if name != evidence.variant.name]


def _differences(evidence: Evidence, other: str) -> dict[str, PairedDifference]:
    found = evidence.comparison.differences if evidence.comparison else ()
    return {difference.metric: difference for difference in found if difference.other == other}


def _beats(config: ReleaseConfig, evidence: Evidence) -> Iterator[Check]:
    if evidence.best_baseline is None:
        yield "beats", _hold("no baseline was measured, so nothing shows that this is better")
    for other in _opponents(config, evidence):
        primary = _differences(evidence, other).get(config.primary_metric)
        missing = f"{evidence.variant.name!r} was not compared with {other!r} on {config.primary_metric!r}"
        yield f"beats:{other}", superiority(primary) if primary else _hold(missing)


def _drops(config: ReleaseConfig, evidence: Evidence) -> Iterator[Check]:
    """Other metrics against the opponents, but for those that people drew a line for: there the line decides.

    A baseline that copies stored answers never makes an invalid call; 8 in 500 are a drop against it, and within 3%.
    """
    lined = {metric for report in evidence.reports for metric in report.verdicts}
    for other in _opponents(config, evidence):
        differences = _differences(evidence, other).items()
        rest = [one for metric, one in differences if metric not in {config.primary_metric, *lined}]
        worse = [
            one for one in rest if one.gain[2] < 0 and (one.p_value if one.p_holm is None else one.p_holm) <= ALPHA
        ]
        if worse:
            yield f"no_drop:{other}", combine([superiority(one) for one in worse])
        elif rest:
            yield f"no_drop:{other}", _pass(f"no other metric is shown to be worse than {other!r}")


def _first(integrity: list[Verdict], quality: list[Verdict]) -> Verdict:
    """The first release is what later ones fall back to: its figures are told, only its bytes can stop it."""
    sound = combine(integrity)
    if sound.outcome != "pass":
        return sound
    told = [reason for verdict in quality if verdict.outcome != "pass" for reason in verdict.reasons]
    reason = "first release: there is nothing to beat and nothing to fall back to, so figures are told and do not block"
    return Verdict(outcome="pass", reasons=(reason, *(f"told, not enforced: {line}" for line in told)))


def _pass(reason: str) -> Verdict:
    return Verdict(outcome="pass", reasons=(reason,))


def _fail(reason: str) -> Verdict:
    return Verdict(outcome="fail", reasons=(reason,))


def _hold(reason: str) -> Verdict:
    return Verdict(outcome="not_enough_evidence", reasons=(reason,))
