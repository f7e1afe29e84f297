import os
import signal
import threading

from luthier.lifecycle.links.training import _set_by_sigterm


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
