"""Which settings to try next, by Optuna: rebuilt from the trials that have ended, so that nothing else must be kept."""

from collections.abc import Sequence

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.samplers import TPESampler
from optuna.trial import TrialState, create_trial

from luthier.train.lab.config import RangeConfig, SearchConfig, Setting
from luthier.train.lab.search import Trial

FEWEST_FOR_IMPORTANCES = 8
STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


def propose(search: SearchConfig, trials: Sequence[Trial]) -> dict[str, Setting]:
    """The settings of the next trial: equal for equal trials behind it, however often the search was broken off."""
    study = _study(search, trials)
    asked = study.ask(_distributions(search))
    return dict(asked.params)


def importances(search: SearchConfig, trials: Sequence[Trial]) -> dict[str, float] | None:
    """How much of the losses' variance each setting explains (fANOVA); None for too few completed trials.

    Source: Hutter, Hoos & Leyton-Brown, An Efficient Approach for Assessing Hyperparameter Importance, ICML 2014.
    """
    done = [trial for trial in trials if trial.state == "complete"]
    if len(done) < FEWEST_FOR_IMPORTANCES or len({trial.loss for trial in done}) < 2:
        return None
    evaluator = FanovaImportanceEvaluator(seed=search.seed)
    return dict(get_param_importances(_study(search, done), evaluator=evaluator))


def _study(search: SearchConfig, trials: Sequence[Trial]) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = TPESampler(
        seed=(search.seed * 1_000_003 + len(trials)) % (1 << 32), n_startup_trials=search.startup_trials
    )
    study = optuna.create_study(direction="minimize", sampler=sampler)
    spaces = _distributions(search)
    for trial in trials:
        study.add_trial(
            create_trial(
                state=STATES[trial.state], value=trial.loss,
                params=dict(trial.settings), distributions=spaces, intermediate_values=dict(trial.losses),
            )
        )  # fmt: skip
    return study


def _distributions(search: SearchConfig) -> dict[str, BaseDistribution]:
    return {name: _distribution(domain) for name, domain in search.space.items()}


def _distribution(domain: RangeConfig | tuple[Setting, ...]) -> BaseDistribution:
    if isinstance(domain, tuple):
        return CategoricalDistribution(list(domain))
    if domain.whole:
        return IntDistribution(int(domain.low), int(domain.high), log=domain.log)
    return FloatDistribution(domain.low, domain.high, log=domain.log)
