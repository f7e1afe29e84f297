import os
import signal
import threading

import pytest

from luthier.errors import Refused
from luthier.lifecycle.links.training import _refuse_what_no_link_carries, _set_by_sigterm
from luthier.train.config import TrainConfig


def test_sigterm_asks_a_run_to_stop_and_is_what_it_was_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with _set_by_sigterm() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(timeout=5)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_run_in_a_thread_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    found: list[object] = []

    def work() -> None:
        with _set_by_sigterm() as stop:
            found.extend([signal.getsignal(signal.SIGTERM), stop.is_set()])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [before, False]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"adapter": {"kind": "none"}, "justification": "A reason that is long enough."}, "every weight"),
    ],
)
def test_what_the_chain_cannot_hand_on_is_refused_before_anything_is_spent(
    settings: dict[str, object], says: str
) -> None:
    with pytest.raises(Refused, match=says):
        _refuse_what_no_link_carries(TrainConfig.model_validate(settings))
    _refuse_what_no_link_carries(TrainConfig())
