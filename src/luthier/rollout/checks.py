"""Whether a stage may go on, must go back, or has not seen enough."""

from luthier.domain.measure import Measurement
from luthier.domain.sequential import confidence_sequence
from luthier.domain.verdicts import Threshold, Verdict, combine, judge
from luthier.rollout.config import RolloutConfig
from luthier.rollout.types import Tallies, Tally


def stage_verdict(config: RolloutConfig, canary: Tallies, stable: Tallies) -> Verdict:
    """Fail at any look at which a check is broken beyond doubt; pass only when every check has its evidence."""
    share = config.alpha / max(1, len(config.checks) + len(config.no_worse_than_stable))
    verdicts = [_against_line(metric, line, canary, share, config) for metric, line in config.checks.items()]
    verdicts += [_against_stable(metric, canary, stable, share, config) for metric in config.no_worse_than_stable]
    return combine(verdicts)


def _against_line(metric: str, line: str, canary: Tallies, alpha: float, config: RolloutConfig) -> Verdict:
    tally = canary.get(metric, Tally(hits=0, n=0))
    threshold = Threshold.parse(line)
    low, high = confidence_sequence(tally.hits, tally.n, alpha=alpha)
    if not threshold.holds(high if threshold.wants_high else low):
        seen = f"{metric}: {tally.hits} of {tally.n} lies in {low:.3f} to {high:.3f} at any look, not {threshold}"
        return Verdict(outcome="fail", reasons=(seen,))
    if tally.n < config.min_interactions:
        return _too_few(metric, tally, config)
    measured = Measurement.of_proportion(metric, tally.hits, n=tally.n)
    verdict = judge(measured, threshold, alpha=config.alpha)
    if verdict.outcome == "fail":  # only the sequence, which may be looked at any time, takes a release back
        return Verdict(outcome="not_enough_evidence", reasons=verdict.reasons)
    return verdict


def _against_stable(metric: str, canary: Tallies, stable: Tallies, alpha: float, config: RolloutConfig) -> Verdict:
    ours, theirs = canary.get(metric, Tally(hits=0, n=0)), stable.get(metric, Tally(hits=0, n=0))
    _, ours_high = confidence_sequence(ours.hits, ours.n, alpha=alpha / 2)
    theirs_low, _ = confidence_sequence(theirs.hits, theirs.n, alpha=alpha / 2)
    if ours_high < theirs_low:
        seen = f"{metric}: {ours.hits} of {ours.n} on the canary is at most {ours_high:.3f}"
        return Verdict(outcome="fail", reasons=(f"{seen}, stable has at least {theirs_low:.3f}",))
    if ours.n < config.min_interactions:
        return _too_few(metric, ours, config)
    if theirs.n < config.min_interactions:
        reason = f"{metric}: the stable release shows {theirs.n} of the {config.min_interactions} to compare with"
        return Verdict(outcome="not_enough_evidence", reasons=(reason,))
    reason = f"{metric}: canary {ours.hits} of {ours.n}, stable {theirs.hits} of {theirs.n}: not proven worse"
    return Verdict(outcome="pass", reasons=(reason,))


def _too_few(metric: str, tally: Tally, config: RolloutConfig) -> Verdict:
    reason = f"{metric}: {tally.n} interactions of the {config.min_interactions} a stage needs"
    return Verdict(outcome="not_enough_evidence", reasons=(reason,))
