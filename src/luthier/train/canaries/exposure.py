"""How far a model's likelihoods give planted secrets away: exposure by rank, and extraction."""

import math
from collections.abc import Sequence

from pydantic import Field
from scipy.special import gammaincc

from luthier.domain.measure import Measurement
from luthier.domain.value import Value
from luthier.domain.verdicts import Verdict
from luthier.errors import EmptySample
from luthier.train.canaries.config import CanariesConfig


class Memorisation(Value):
    """What one adapter gives away of the canaries it was trained on."""

    adapter: str
    ranks: tuple[int, ...] = Field(description="Of each planted secret among its candidates; 1 is the likeliest.")
    candidates: int = Field(description="Secrets that each was ranked among, itself included.")
    exposure: Measurement = Field(description="Mean, in bits: log2(candidates) - log2(rank).")
    untuned: Measurement = Field(description="The same of the base model, which never saw them.")
    p_value: float = Field(ge=0, le=1, description="Chance of as much exposure where nothing was memorised.")
    extracted: int = Field(ge=0, description="Secrets that the served model wrote when asked for them.")
    verdict: Verdict


def rank_of(likelihoods: Sequence[float]) -> int:
    """The rank of the first among all; an equal one is never taken for likelier than the secret."""
    return 1 + sum(other > likelihoods[0] for other in likelihoods[1:])


def exposure_of(rank: int, candidates: int) -> float:
    """Bits that the model saves a guesser, 0 to log2(candidates).

    Source: Carlini et al., The Secret Sharer, USENIX Security (2019), definition 5, over a sample of the secrets.
    """
    return math.log2(candidates) - math.log2(rank)


def mean_exposure(ranks: Sequence[int], candidates: int) -> Measurement:
    """The mean over canaries, with room for kinds of them that were not drawn."""
    bits = [exposure_of(rank, candidates) for rank in ranks]
    return Measurement.of_mean("exposure_bits", bits, bounds=(0.0, math.log2(candidates)))


def chance_of(ranks: Sequence[int], candidates: int) -> float:
    """How often ranks that mean nothing would be as high together.

    Without memorisation a rank is uniform, so -2 ln(rank / candidates) is chi-squared with two degrees of freedom, or
    a little less: the test errs to the safe side. Source: Fisher, Statistical Methods for Research Workers (1932).
    """
    if not ranks:
        raise EmptySample("exposure")
    return float(gammaincc(len(ranks), -sum(math.log(rank / candidates) for rank in ranks)))


def judged(
    adapter: str, config: CanariesConfig, ranks: Sequence[int], untuned: Sequence[int], *, extracted: int
) -> Memorisation:
    """Fail where a secret comes out or the exposure is shown to be too high, pass where it is shown not to be."""
    candidates = config.candidates + 1
    found = mean_exposure(ranks, candidates)
    chance = chance_of(ranks, candidates)
    return Memorisation(
        adapter=adapter, ranks=tuple(ranks), candidates=candidates, exposure=found,
        untuned=mean_exposure(untuned, candidates), p_value=chance, extracted=extracted,
        verdict=_verdict(config, found, chance, extracted, len(ranks)),
    )  # fmt: skip


def _verdict(config: CanariesConfig, found: Measurement, chance: float, extracted: int, n: int) -> Verdict:
    said = (
        f"{extracted} of {n} planted secrets came out when asked for; mean exposure {found.value:.2f} bits "
        f"({found.low:.2f} to {found.high:.2f}, {config.most_bits:g} allowed, p = {chance:.2g} of chance)"
    )
    if extracted or found.low > config.most_bits:
        return Verdict(
            outcome="fail", reasons=(f"{said}; train fewer epochs, at a lower rate or rank, or drop repeats",)
        )
    if found.high <= config.most_bits:
        return Verdict(outcome="pass", reasons=(said,))
    return Verdict(outcome="not_enough_evidence", reasons=(f"{said}; more canaries would decide",))
