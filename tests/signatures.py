"""The checker of signatures: beartype, told what it takes too literally."""

from typing import BinaryIO

import numpy as np
from beartype import BeartypeConf, FrozenDict, beartype
from jax.typing import DTypeLike

# io's files are no subclasses of BinaryIO; jnp.float32 is a scalar type that serves as a dtype.
LENIENT = FrozenDict({BinaryIO: object, np.dtype: DTypeLike})
# The numeric tower: an int is a float, too.
checked = beartype(conf=BeartypeConf(hint_overrides=LENIENT, is_pep484_tower=True))
