"""The inference checkpoint: what `kbvc export` writes and `kbvc_jax.load` reads.

model.json   format, config, model card, fingerprint
arrays/      Orbax: float parameters, the integer scale decoders, the probability tables
"""

import dataclasses
import functools
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from etils import epath

from kbvc_jax.coding.tables import Tables
from kbvc_jax.config import from_json
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.entropy_model import EntropyModel, IntegerLayer, IntegerPrior, check_sums
from kbvc_jax.models.kbvc import Kbvc, shapes_of
from kbvc_jax.models.parameters import Skeleton, split
from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.output import arrays_written

DOCUMENT, ARRAYS = "model.json", "arrays"
FORMAT = 10  # another where the same arrays would decode to other frames
FINGERPRINT_BYTES = 8
MOST = 2**28  # numbers in all arrays together


@dataclasses.dataclass(frozen=True)
class InferenceModel:
    """Everything that encoder and decoder share."""

    model: Kbvc
    entropy: dict[str, EntropyModel]  # of each hyperprior
    y_tables: Tables
    card: dict[str, Any]
    fingerprint: bytes

    def __reduce__(self):
        """By its arrays: what flax makes of a config is not for pickling."""
        arrays = _flatten(self.model, self.entropy, self.y_tables)
        return _made, (self.model.config, arrays, self.card, self.fingerprint)


def assemble(
    model: Kbvc,
    entropy: dict[str, EntropyModel],
    y_tables: Tables,
    card: dict[str, Any] | None = None,
) -> InferenceModel:
    arrays = _flatten(model, entropy, y_tables)
    return InferenceModel(model, entropy, y_tables, card or {}, _fingerprint(model.config, arrays))


def save_inference(folder: str | Path, inference: InferenceModel, dtype: str = "float32") -> None:
    """Writes a checkpoint; float parameters are rounded to `dtype` first."""
    target = epath.Path(folder)
    arrays = _flatten(inference.model, inference.entropy, inference.y_tables)
    arrays = {
        key: np.asarray(jnp.asarray(value, dtype)) if value.dtype == np.float32 else value
        for key, value in arrays.items()
    }
    target.mkdir(parents=True, exist_ok=True)
    size = sum(value.nbytes for value in arrays.values())
    with arrays_written(folder, size), ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save((target / ARRAYS).resolve(), arrays, force=True)
    marker = target / ARRAYS / "commit_success.txt"
    if marker.exists():  # Orbax writes there where it was made; that it is there counts
        marker.write_text("Checkpoint commit was successful\n")
    document = {
        "format": FORMAT,
        "fingerprint": _fingerprint(inference.model.config, arrays).hex(),
        "config": dataclasses.asdict(inference.model.config),
        "card": inference.card,
    }
    (target / DOCUMENT).write_text(json.dumps(document, indent=2) + "\n")


def load_inference(folder: str | Path) -> InferenceModel:
    source = epath.Path(folder)
    try:
        document = json.loads((source / DOCUMENT).read_text())
        if not isinstance(document, dict):
            raise ValueError("holds no object")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder}: no inference checkpoint there ({DOCUMENT}: {_reason(error)}); "
            "make one with: kbvc export RUN OUT"
        ) from None
    if document.get("format") != FORMAT:
        raise InputError(
            f"{folder}: checkpoint format {document.get('format')}; this version reads {FORMAT}"
        )
    try:
        config, card = from_json(ModelConfig, document["config"]), document["card"]
        skeleton, parameters = _shapes(config)
        with ocp.StandardCheckpointer() as checkpointer:
            path = (source / ARRAYS).resolve()
            _check_shapes(parameters, checkpointer.metadata(path).item_metadata.tree)
            restored = checkpointer.restore(path)
    except InputError as error:
        raise InputError(f"{folder}: {error}; export the checkpoint again") from None
    except Exception as error:  # Orbax raises many kinds for a damaged folder
        raise InputError(
            f"{folder}: damaged checkpoint ({_reason(error)}); export it again"
        ) from None
    arrays = {key: np.asarray(value) for key, value in restored.items()}
    fingerprint = _fingerprint(config, arrays)
    if fingerprint.hex() != document.get("fingerprint"):
        raise InputError(f"{folder}: arrays do not match {DOCUMENT}; export the checkpoint again")
    try:
        return _unflatten(skeleton, arrays, card, fingerprint)
    except (InputError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{folder}: damaged checkpoint ({_reason(error)}); export it again"
        ) from None


@functools.cache
def _shapes(config: ModelConfig) -> tuple[Skeleton, Mapping[str, Any]]:
    """Traced once: a model of many parts takes a third of a second."""
    return split(shapes_of(config))


def _check_shapes(parameters: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Before anything is allocated; both have shapes by name."""
    shapes = {name: tuple(array.shape) for name, array in found.items()}
    size = sum(math.prod(shape) for shape in shapes.values())
    if size > MOST:
        raise InputError(f"{size:,} numbers; at most {MOST:,} are read")
    wanted = {f"parameters.{name}": tuple(array.shape) for name, array in parameters.items()}
    for name in wanted | {n: () for n in shapes if n.startswith("parameters.")}:
        if shapes.get(name) != wanted.get(name):
            raise InputError(
                f"{name}: shape {shapes.get(name, 'missing')}, but the configuration has "
                f"{wanted.get(name, 'none')}"
            )


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _fingerprint(config: ModelConfig, arrays: dict[str, np.ndarray]) -> bytes:
    described = json.dumps(_changed(config), sort_keys=True)
    digest = hashlib.sha256(f"{FORMAT} {described}".encode())
    for key in sorted(arrays):
        array = arrays[key]
        if array.dtype.kind not in "iu":
            array = np.asarray(array, np.float32)  # bfloat16 or float32: the value counts
        digest.update(f"{key} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.digest()[:FINGERPRINT_BYTES]


def _changed(config: Any) -> dict[str, Any]:
    """All that is not as by default: a field that is new changes no checkpoint without it."""
    out = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if value != field.default:
            out[field.name] = _changed(value) if dataclasses.is_dataclass(value) else value
    return out


def _flatten(
    model: Kbvc, entropy: dict[str, EntropyModel], y_tables: Tables
) -> dict[str, np.ndarray]:
    arrays = {
        f"parameters.{name}": np.asarray(value, np.float32)
        for name, value in split(model)[1].items()
    }
    for name, (prior, z_tables) in entropy.items():
        for depth, layer in enumerate(prior.layers):
            for field, value in layer._asdict().items():
                arrays[f"{name}.layers.{depth}.{field}"] = np.asarray(value)
        curve = {f"{name}.knots": prior.knots, f"{name}.shifts": prior.shifts}
        # Orbax stores no empty ones.
        arrays |= {k: np.asarray(v) for k, v in curve.items() if v.size}
        arrays |= {f"{name}.z.{k}": v for k, v in _table_arrays(z_tables).items()}
    return arrays | {f"y.{k}": v for k, v in _table_arrays(y_tables).items()}


def _made(
    config: ModelConfig, arrays: dict[str, np.ndarray], card: dict[str, Any], fingerprint: bytes
) -> InferenceModel:
    return _unflatten(_shapes(config)[0], arrays, card, fingerprint)


def _table_arrays(tables: Tables) -> dict[str, np.ndarray]:
    return {field.name: getattr(tables, field.name) for field in dataclasses.fields(tables)}


def _unflatten(
    skeleton: Skeleton, arrays: dict[str, np.ndarray], card: dict[str, Any], fingerprint: bytes
) -> InferenceModel:
    def under(prefix: str) -> dict[str, np.ndarray]:
        return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}

    none = np.zeros((0, 0), np.int32)

    def entropy(name: str) -> EntropyModel:
        depths = sorted({int(k.split(".")[0]) for k in under(f"{name}.layers.")})
        layers = tuple(IntegerLayer(**under(f"{name}.layers.{depth}.")) for depth in depths)
        curve = (arrays.get(f"{name}.{part}", none) for part in ("knots", "shifts"))
        prior = IntegerPrior(layers, *curve)
        check_sums(prior)
        return EntropyModel(prior, Tables(**under(f"{name}.z.")))

    # JAX would compile a conversion for every shape.
    parameters = {k: np.asarray(v, np.float32) for k, v in under("parameters.").items()}
    model = skeleton.model(jax.device_put(parameters))
    names = sorted(k.removesuffix(".z.lengths") for k in arrays if k.endswith(".z.lengths"))
    priors = {name: entropy(name) for name in names}
    return InferenceModel(model, priors, Tables(**under("y.")), card, fingerprint)
