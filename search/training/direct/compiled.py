"""How are loops over single numbers compiled, where NumPy would take several operations, each through all memory?

By Numba, once on a machine: what it made is kept beside the source, in the user's cache, or in ``NUMBA_CACHE_DIR``, and
loaded from there. It is made anew when the kernel's own file changes, so what is inlined lies in that file. Kernels are
float32 throughout: with a literal number of Python's a result would be float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba.extending import register_jitable

Function = TypeVar("Function", bound=Callable[..., Any])

# Part of the kernels that call it; to leave that to LLVM is to have some loops without vector operations.
inlined: Callable[[Function], Function] = register_jitable(forceinline=True)


def compiled(signature: str) -> Callable[[Function], Function]:
    """Compile now, for arguments of these types: before a team is forked, whose members would each do it."""

    def compile_now(function: Function) -> Function:
        settings: dict[str, Any] = {"error_model": "numpy"}  # a division by zero is infinite, not an exception
        try:
            kernel: Function = numba.njit(signature, cache=True, **settings)(function)
        except Exception:  # noqa: BLE001 - nowhere to keep it, or it is damaged there: what is raised is Numba's matter
            kernel = numba.njit(signature, **settings)(function)
        return kernel

    return compile_now
