"""The checker of signatures: beartype, which does not know that io's files are BinaryIO."""

from typing import BinaryIO

from beartype import BeartypeConf, FrozenDict, beartype

checked = beartype(conf=BeartypeConf(hint_overrides=FrozenDict({BinaryIO: object})))
