"""Multiply-adds of a call, counted from its jaxpr: shapes are enough, nothing is computed.

A convolution applies its kernel at each output, a transposed one at each input: no other tap meets
a sample. Zeros that a kernel was padded with are no taps (ops/convolution.py runs transposed
convolutions as wider ones). What parameters alone decide is not counted, being done once and not
for each frame, nor are activations, padding and warping, as is usual.

Equation 1 has its closed form: of each patch a multiply-add for each tap, and one for each column.
Block matching and alignment have no such products: of them each addition, subtraction,
multiplication and division of floats counts as one, and a sum as many as it adds.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend import core

# Of a value that parameters alone decide: its entries, without padding. None: of any other.
Entries = int | None
Price = Callable[[core.JaxprEqn, Sequence[Entries]], int]

# Primitives that run a jaxpr once, and under which name they hold it.
CALLS = {
    "jit": "jaxpr",
    "closed_call": "call_jaxpr",
    "remat2": "jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
}
EQUATION_1, SEARCHES = "equation_1", ("match", "align")  # by the names of what is jitted
REARRANGING = ("reshape", "transpose", "rev", "squeeze", "convert_element_type", "pad")


class Count(NamedTuple):
    multiply_adds: int
    used: set[int]  # parameters, by their numbers among the leaves, that the result depends on


def count(call: Callable[..., Any], parameters: Any, *frames: Any) -> Count:
    """Of `call(parameters, *frames)`."""
    jaxpr = jax.make_jaxpr(call)(parameters, *frames).jaxpr
    own = len(jax.tree.leaves(parameters))
    inputs = [_size(v) if place < own else None for place, v in enumerate(jaxpr.invars)]
    return Count(_walk(jaxpr, inputs, _products)[0], _used(jaxpr, own))


def _used(jaxpr: core.Jaxpr, own: int) -> set[int]:
    """Of its first `own` inputs."""
    wanted = {v for v in jaxpr.outvars if not isinstance(v, core.Literal)}
    for equation in reversed(jaxpr.eqns):
        if wanted.intersection(equation.outvars):
            wanted |= {v for v in equation.invars if not isinstance(v, core.Literal)}
    return {place for place, v in enumerate(jaxpr.invars[:own]) if v in wanted}


def _walk(jaxpr: core.Jaxpr, inputs: Sequence[Entries], price: Price) -> tuple[int, list[Entries]]:
    """What a jaxpr costs, and what its outputs are."""
    known = dict(zip(jaxpr.invars, inputs, strict=True)) | {v: _size(v) for v in jaxpr.constvars}
    total = 0
    for equation in jaxpr.eqns:
        ins = [_size(v) if isinstance(v, core.Literal) else known[v] for v in equation.invars]
        cost, outs = _equation(equation, ins, price)
        total += cost
        known |= zip(equation.outvars, outs, strict=True)
    outputs = [_size(v) if isinstance(v, core.Literal) else known[v] for v in jaxpr.outvars]
    return total, outputs


def _equation(
    equation: core.JaxprEqn, ins: Sequence[Entries], price: Price
) -> tuple[int, list[Entries]]:
    name, parameters = equation.primitive.name, equation.params
    if name == "jit" and parameters["name"] == EQUATION_1:
        padded, vertical, _ = equation.invars
        taps = _shape(vertical)[-1]
        return _size(vertical) * (taps + 1) * _shape(padded)[-1], [None]
    if name == "jit" and parameters["name"] in SEARCHES:
        price = _arithmetic
    if name in CALLS:
        return _walk(_open(parameters[CALLS[name]]), ins, price)
    entries = [entries for entries in ins if entries is not None]
    if len(entries) == len(ins):
        if name in REARRANGING:
            return 0, [entries[0]]
        return 0, [sum(entries)] if name == "concatenate" else [_size(v) for v in equation.outvars]
    unknown: list[Entries] = [None] * len(equation.outvars)
    if name == "scan":
        body = _open(parameters["jaxpr"])
        # Constants and carries keep their shapes, of all else each step has a slice.
        kept = [_shape(a) == _shape(b) for a, b in zip(equation.invars, body.invars, strict=True)]
        held = [_shape(a) == _shape(b) for a, b in zip(equation.outvars, body.outvars, strict=True)]
        fixed = sum(kept) - sum(held)
        inner = [*ins[:fixed], *[None] * (len(ins) - fixed)]
        return parameters["length"] * _walk(body, inner, price)[0], unknown
    inner = [_open(jaxpr) for jaxpr in core.jaxprs_in_params(parameters)]
    costs = [_walk(jaxpr, [None] * len(jaxpr.invars), price)[0] for jaxpr in inner]
    if name == "cond":
        return max(costs), unknown
    if any(costs):
        raise ValueError(f"{name}: how often it runs what it holds is not known")
    return price(equation, ins), unknown


def _products(equation: core.JaxprEqn, ins: Sequence[Entries]) -> int:
    if equation.primitive.name == "conv_general_dilated":
        return _convolution(equation, ins)
    if equation.primitive.name == "dot_general":
        (summed, _), _ = equation.params["dimension_numbers"]
        left, right = equation.invars
        terms = math.prod(_shape(left)[axis] for axis in summed)
        product = _size(equation.outvars[0]) * terms
        for operand, entries in zip((left, right), ins, strict=True):
            product = product * (_size(operand) if entries is None else entries) // _size(operand)
        return product
    return 0


def _convolution(equation: core.JaxprEqn, ins: Sequence[Entries]) -> int:
    """Taps times positions; of dilated inputs those of the samples."""
    inputs, kernel = equation.invars
    numbers, dilation = equation.params["dimension_numbers"], equation.params["lhs_dilation"]
    shapes = _shape(inputs), _shape(equation.outvars[0])
    taps = _size(kernel) if ins[1] is None else ins[1]
    positions = shapes[1][numbers.out_spec[0]]
    for place, factor in enumerate(dilation, start=2):
        of = (shapes[0], numbers.lhs_spec) if factor > 1 else (shapes[1], numbers.out_spec)
        positions *= of[0][of[1][place]]
    return taps * positions


def _arithmetic(equation: core.JaxprEqn, ins: Sequence[Entries]) -> int:
    name, out = equation.primitive.name, equation.outvars[0]
    if not jnp.issubdtype(_aval(out).dtype, jnp.floating):
        return 0
    if name in ("add", "add_any", "sub", "mul", "div"):
        return _size(out)
    if name == "reduce_sum":
        return _size(equation.invars[0])
    if name == "reduce_window_sum":
        return _size(out) * math.prod(equation.params["window_dimensions"])
    return _products(equation, ins)


def _open(jaxpr: core.Jaxpr | core.ClosedJaxpr) -> core.Jaxpr:
    return jaxpr.jaxpr if isinstance(jaxpr, core.ClosedJaxpr) else jaxpr


def _size(value: core.Var | core.Literal) -> int:
    return math.prod(_shape(value))


def _shape(value: core.Var | core.Literal) -> tuple[int, ...]:
    return _aval(value).shape


def _aval(value: core.Var | core.Literal) -> Any:
    return value.aval
