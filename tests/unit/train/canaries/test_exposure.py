"""Exposure against hand arithmetic and its law under no memorisation, and what the verdict rests on."""

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from luthier.errors import EmptySample
from luthier.train.canaries.config import CanariesConfig
from luthier.train.canaries.exposure import Memorisation, chance_of, exposure_of, judged, mean_exposure, rank_of
from luthier.train.canaries.secrets import canaries, choices, planted
from luthier.train.config import TrainConfig

CONFIG = CanariesConfig()
OF = CONFIG.candidates + 1


def verdict(ranks: Sequence[int], *, extracted: int = 0) -> Memorisation:
    return judged("0" * 64, CONFIG, ranks, ranks, extracted=extracted)


def test_exposure_is_the_bits_that_the_model_saves_a_guesser() -> None:
    assert [exposure_of(rank, 256) for rank in (1, 2, 128, 256)] == [8.0, 7.0, 1.0, 0.0]


def test_a_secret_that_is_no_likelier_than_the_others_is_not_taken_for_memorised() -> None:
    assert rank_of([-3.0, -4.0, -5.0]) == 1
    assert rank_of([-5.0, -4.0, -3.0]) == 3


@given(st.lists(st.integers(1, OF), min_size=1, max_size=40))
def test_the_chance_is_fisher_s_and_lies_between_zero_and_one(ranks: list[int]) -> None:
    expected = chi2.sf(-2 * sum(math.log(rank / OF) for rank in ranks), 2 * len(ranks))
    assert chance_of(ranks, OF) == pytest.approx(expected, abs=1e-9)


def test_ranks_that_mean_nothing_have_an_exposure_of_1_44_bits_and_are_seldom_called_memorised() -> None:
    draws = random.Random(4)
    trials = [[draws.randint(1, OF) for _ in range(CONFIG.count)] for _ in range(400)]
    means = [mean_exposure(ranks, OF).value for ranks in trials]
    assert sum(means) / len(means) == pytest.approx(1 / math.log(2), abs=0.05)
    assert sum(chance_of(ranks, OF) <= 0.05 for ranks in trials) <= 33  # 5% of 400, and three standard deviations
    assert {verdict(ranks).verdict.outcome for ranks in trials} == {"pass"}


def test_secrets_that_all_come_first_fail_and_so_does_one_that_comes_out() -> None:
    assert verdict([1] * 32).verdict.outcome == "fail"
    assert verdict([100] * 32, extracted=1).verdict.outcome == "fail"


def test_what_may_lie_on_either_side_of_the_line_is_not_decided() -> None:
    assert verdict([1] * 16 + [200] * 16).verdict.outcome == "not_enough_evidence"


def test_no_canaries_are_no_figure() -> None:
    with pytest.raises(EmptySample):
        chance_of([], OF)


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_canaries_are_the_same_for_a_seed_and_others_for_another(seed: int, other: int) -> None:
    config = CanariesConfig(count=8, candidates=31)
    assert canaries(config, seed) == canaries(config, seed)
    if seed != other:
        assert {each.secret for each in canaries(config, seed)} != {each.secret for each in canaries(config, other)}


def test_every_canary_has_an_owner_of_its_own_and_as_many_candidates_as_asked() -> None:
    drawn = canaries(CONFIG, 0)
    assert len({each.owner for each in drawn}) == len(drawn) == 32
    assert all(len(set(choices(each))) == 256 for each in drawn)
    assert all(len(secret) == 8 for each in drawn for secret in choices(each))


def test_the_planted_secret_is_no_outlier_among_its_candidates() -> None:
    """Drawn like the others, it stands on every place of their order alike; else a fair model would seem to know."""
    places = [sorted(choices(each)).index(each.secret) for seed in range(40) for each in canaries(CONFIG, seed)]
    mean, spread = sum(places) / len(places), 256 / math.sqrt(12 * len(places))
    assert abs(mean - 127.5) < 4 * spread


def test_a_canary_stands_among_the_rows_as_often_as_it_is_repeated() -> None:
    rows = planted(CanariesConfig(count=8, repeats=3), 0)
    assert len(rows) == len({row.id for row in rows}) == 24
    assert len({row.content_digest for row in rows}) == 8
    assert all(row.synthetic for row in rows)


def test_a_project_without_canaries_is_the_run_it_was_and_its_line_is_no_part_of_a_run() -> None:
    assert "canaries" not in TrainConfig().recipe
    lines = [TrainConfig(canaries=CanariesConfig(most_bits=bits)).recipe for bits in (2.0, 5.0)]
    assert lines[0] == lines[1] != TrainConfig().recipe


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "dpo"},
        {"method": "kto"},
        {"backend": {"kind": "hosted", "base_url": "https://x.example/v1", "model": "theirs"}},
    ],
)
def test_canaries_go_with_answers_whose_likelihood_can_be_read(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="canaries"):
        TrainConfig.model_validate({"canaries": {}, **changed})
