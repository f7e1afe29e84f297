"""Functions compiled to machine code: how, and where the code is kept between runs.

Only the kernels import this module, because numba takes half a second to import; a kernel is compiled when it is
first called. Compiled code lies in NUMBA_CACHE_DIR where that is set, else beside the source, else in the user's cache
folder.
"""

from collections.abc import Callable
from typing import TypeVar

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def compiled(function: Kernel) -> Kernel:
    """`function` as machine code that lets other threads run; compiled anew each run where nothing can be written."""
    try:
        return numba.njit(function, nogil=True, cache=True)  # type: ignore[no-any-return]
    except RuntimeError:  # numba's word for "no folder for the cache can be written"
        return numba.njit(function, nogil=True)  # type: ignore[no-any-return]
