"""What a codec is: integers in coding order, and how a frame follows from them.

    references --- context ---+--------------------------+
                              |                          |
    frame --- analyse --- latents --- walk (walk.py) --- synthesise --- frame, memory

Where motion is sent, it comes first: it is analysed, chosen and learnt from before all the rest.

Batches of frames of one size, padded to whole blocks. Both sides know `context`, floats; a
probability hangs on integers alone: on symbols, here and in what references remember.
"""

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Integer, Shaped, UInt

from kbvc_jax.models.codecs.motion.estimation import Ways
from kbvc_jax.models.codecs.panels import Panel
from kbvc_jax.models.config import ModelConfig
from kbvc_jax.models.entropy_model import IntegerPrior, index_offsets, table_indexes, z_indexes
from kbvc_jax.models.hyperprior import Gaussian, Learned, Rate
from kbvc_jax.models.padding import BLOCK, crop

WORTH = 1 / 216  # of middle quality: see `FrameCodec.observe`
GAUSSIAN = "gaussian"  # the tables that all codecs share, by scale

Values = Mapping[str, Shaped[Array, "b ..."]]
Integers = Mapping[str, IntegerPrior]  # of each hyperprior
Symbols = Mapping[str, Integer[Array, "b ..."]]


class Size(NamedTuple):
    """Of a frame, before it is padded."""

    height: int
    width: int

    @property
    def blocks(self) -> tuple[int, int]:
        return -(-self.height // BLOCK), -(-self.width // BLOCK)

    def cells(self, stride: int) -> tuple[int, int]:
        """Of so many blocks each way."""
        height, width = self.blocks
        return -(-height // stride), -(-width // stride)


class Latent(NamedTuple):
    """Integers of a frame: what a payload holds under one name."""

    name: str
    """Of it in a payload."""
    shape: tuple[int, ...]
    """Of a frame's symbols, without the batch."""
    tables: str = GAUSSIAN
    """Or the name of the hyperprior whose they are."""
    counts: tuple[int, ...] | None = None
    """Adaptive probabilities instead of tables: how often each value counts as seen at first."""
    vectors: bool = False
    """Motion of cells, two numbers each, coded as coding/vectors.py does; without tables."""
    error_weight: float | None = None
    """Bits that a squared error of 1 is worth to an encoder that rounds by cost; None: to
    nearest."""

    @property
    def adaptive(self) -> bool:
        """Whether its probabilities are learnt as they come, rather than by tables."""
        return self.vectors or self.counts is not None


class Decoded(NamedTuple):
    """What a codec makes of symbols."""

    frame: Float[Array, "b h w 3"]
    """Of the padded size."""
    memory: Any
    """What further frames know of these; None where that is nothing."""


# A mean to what is added to it: chosen, read or estimated by whoever walks.
Choose = Callable[[Float[Array, "b ..."]], Float[Array, "b ..."]]


class FrameCodec(abc.ABC):
    """A model's codec for frames of one size."""

    priors: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Networks that have a hyperprior, and the names of their latents: z, y."""
    levels: ClassVar[range] = range(1)
    """Of the hierarchy, that it tells apart."""
    needs_memory: ClassVar[bool] = False
    """Whether its references must have one."""
    keeps: ClassVar[type | None] = None
    """The kind of memory that its own frames have."""
    observes: ClassVar[bool] = False
    """Whether `observe` finds out anything, of the shape `observed`."""
    analysed_as: ClassVar[str | None] = None
    """The codec whose `analyse` it shares, one that asks for no context."""
    first: ClassVar[int] = 0
    """So many latents are known, and have told what they tell, before the others are found."""
    refined: ClassVar[bool] = True
    """Whether an encoder may go down the gradient of `synthesise`."""

    @classmethod
    def fuses(cls, config: ModelConfig) -> bool:
        """Whether `synthesise` is `before_fusion`, then fusion with `context.frames`: a decoder
        compiles these apart."""
        return False

    @classmethod
    def is_in(cls, config: ModelConfig) -> bool:
        """Whether a model of this configuration has it."""
        return True

    def __init__(self, model: Any, size: Size, integers: Integers | None = None):
        """`model`: kbvc.py; without integers for training alone."""
        self.model, self.size, self._integers = model, size, integers

    @property
    @abc.abstractmethod
    def latents(self) -> tuple[Latent, ...]:
        """In coding order."""

    @property
    def observed(self) -> tuple[int, ...] | None:
        """The shape of what `observe` finds of a frame, in float32; None where that is nothing."""
        return None

    @abc.abstractmethod
    def context(self, references: Sequence[Decoded], rate: Rate) -> Any:
        """What the references, in display order, tell before a symbol is known."""

    @classmethod
    def recalled(cls, memory: Any, config: ModelConfig, size: Size) -> Any:
        """What it makes of the memory, a batch of one, that a reference of any codec has; where it
        needs its own, InputError."""
        return memory

    @classmethod
    def observe(
        cls,
        ways: Ways,
        references: Sequence[UInt[np.ndarray, "b h w 3"]],
        worth: float = WORTH,
    ) -> Any:
        """What an encoder finds out on the host beforehand, for `analyse`, by source frames and
        by decoded, padded references. `worth`: bits of a squared error of 1, of one of a pixel's
        three samples in eight bits."""
        return None

    def analyse_first(
        self, frame: Float[Array, "b h w 3"], observed: Any, context: Any, rate: Rate
    ) -> Values:
        """Those that come `first`, before they are rounded."""
        return {}

    @abc.abstractmethod
    def analyse(
        self, frame: Float[Array, "b h w 3"], observed: Any, context: Any, rate: Rate
    ) -> Values:
        """All others, but those that are choices; the context has what the first ones told."""

    def settle(self, exact: Values, context: Any, rate: Rate) -> Values:
        """With the choices that suit these latents."""
        return exact

    def mean(
        self, latent: Latent, known: Values, choose: Choose, context: Any, rate: Rate
    ) -> Float[Array, "b ..."]:
        """From the latents before; in steps, with what `choose` adds to each, where one wants."""
        return jnp.zeros((len(rate.level), *latent.shape))

    def learn(self, latent: Latent, known: Values, context: Any, rate: Rate) -> Any:
        """The context, once this latent is known."""
        return context

    @abc.abstractmethod
    def density(
        self, latent: Latent, known: Values, context: Any, rate: Rate
    ) -> Gaussian | Learned:
        """What training takes for the tables."""

    @abc.abstractmethod
    def tables(
        self, latent: Latent, symbols: Symbols, memories: Sequence[Any], rate: Rate
    ) -> Integer[Array, "b ..."]:
        """The table of each symbol, by symbols before it: integers alone, the same everywhere."""

    def integers(self, prior: str) -> IntegerPrior:
        assert self._integers is not None  # a model that is coded with is one that was exported
        return self._integers[prior]

    def z_tables(self, prior: str, latent: Latent, rate: Rate) -> Integer[Array, "b zh zw c"]:
        own = z_indexes(self.integers(prior), rate, self.levels.start)[:, None, None]
        return jnp.broadcast_to(own, (len(own), *latent.shape))

    def y_tables(
        self, prior: str, z: Int[Array, "b zh zw c"], rate: Rate
    ) -> Integer[Array, "b lh lw m"]:
        integers = self.integers(prior)
        offsets = index_offsets(integers, rate, self.levels.start)
        indexes = table_indexes(integers.layers, z, offsets)
        return crop(indexes, *self.size.blocks).astype(jnp.uint8)

    @abc.abstractmethod
    def synthesise(self, known: Values, context: Any, rate: Rate) -> Decoded:
        """Not yet clipped, nor on the grid of samples."""

    def before_fusion(self, known: Values, context: Any, rate: Rate) -> Decoded:
        """Of a codec that `fuses`."""
        raise NotImplementedError

    def pictures(self, known: Values, context: Any, rate: Rate) -> Mapping[str, Panel]:
        """What there is to see of how a frame was made, by caption; for people alone."""
        return {}
