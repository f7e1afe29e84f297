"""Compiling works where nothing can be cached, as in an install that cannot be written."""

from collections.abc import Callable

from luthier.text.native import compiled


def test_a_function_that_numba_cannot_cache_is_compiled_all_the_same() -> None:
    made: dict[str, Callable[[int], int]] = {}
    exec("def twice(n):\n    return 2 * n", made)  # has no file, so numba finds no place for its cache
    assert compiled(made["twice"])(21) == 42
