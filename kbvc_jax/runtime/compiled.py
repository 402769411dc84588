"""Functions as programs, and how these are compiled."""

import functools
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

import jax

Given = ParamSpec("Given")
Made = TypeVar("Made")

# On processors. Convolutions come compiled; what is between them is as fast after few passes of
# LLVM's as after all (docs/performance.md).
FEW_PASSES = {"xla_backend_optimization_level": 1}
# Some steps run as fast without, and compile in half to two thirds of the time. JAX 0.10's alone.
PLAIN = {"xla_cpu_use_fusion_emitters": False}


class Step(Generic[Given, Made]):
    """A function that is compiled for each value of its `static` arguments and each shape."""

    def __init__(self, function: Callable[Given, Made], static: tuple[str, ...], plain: bool):
        self._function, self._static, self._plain = function, static, plain
        functools.update_wrapper(self, function)

    def __call__(self, *given: Given.args, **named: Given.kwargs) -> Made:
        return self.jitted(*given, **named)

    @functools.cached_property
    def jitted(self) -> jax.stages.Wrapped:
        """Made when it is asked for: only then is it known what it will run on. What is compiled by
        `lower(...).compile()` is found compiled when it is called."""
        options = self._options if jax.default_backend() == "cpu" else None
        return jax.jit(self._function, static_argnames=self._static, compiler_options=options)

    @property
    def _options(self) -> dict[str, int | bool]:
        # Whoever asks JAX for even less is not given more.
        few = {} if jax.config.read("jax_disable_most_optimizations") else FEW_PASSES
        plain = PLAIN if self._plain else {}
        return {name: value for name, value in {**few, **plain}.items() if _has(name, value)}


@functools.cache
def _has(option: str, value: int | bool) -> bool:
    """Whether this XLA knows it: they come and go."""
    try:
        jax.jit(lambda: 0, compiler_options={option: value}).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def step(*static: str, plain: bool = False) -> Callable[[Callable[Given, Made]], Step[Given, Made]]:
    """Names of `static` arguments; `plain`: see PLAIN."""
    return lambda function: Step(function, static, plain)
