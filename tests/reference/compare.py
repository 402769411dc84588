"""Runs in the reference environment: our coder against TensorFlow Compression's, on one batch.

python compare.py BATCH.npz    prints the sizes in bytes as JSON, once both decode what they coded
"""

import json
import sys

import numpy as np
import tensorflow as tf
import tensorflow_compression_ops as tfc

from kbvc_jax.coding.coder import SymbolDecoder, SymbolEncoder
from kbvc_jax.coding.tables import PRECISION, Tables


def ours(symbols, indexes, tables) -> int:
    encoder = SymbolEncoder()
    encoder.encode(symbols, indexes, tables)
    data = encoder.finish()
    np.testing.assert_array_equal(SymbolDecoder(data).decode(indexes, tables), symbols)
    return len(data)


def lookup(tables) -> tf.Tensor:
    """Precision, then the cumulative frequencies; a negative precision makes the last an escape."""
    cumulative = np.cumsum(tables.frequencies, 1)
    escapes = np.where(tables.lengths > 1, -PRECISION, PRECISION)[:, None]
    return tf.constant(np.hstack([escapes, 0 * escapes, cumulative]), tf.int32)


def theirs(symbols, indexes, tables) -> int:
    columns = tf.constant(symbols - tables.offsets[indexes], tf.int32)
    indexes = tf.constant(indexes, tf.int32)
    encoder = tfc.create_range_encoder([], lookup(tables))
    data = tfc.entropy_encode_finalize(tfc.entropy_encode_index(encoder, indexes, columns))
    decoder = tfc.create_range_decoder(data, lookup(tables))
    decoder, decoded = tfc.entropy_decode_index(decoder, indexes, indexes.shape, tf.int32)
    np.testing.assert_array_equal(decoded, columns)
    assert tfc.entropy_decode_finalize(decoder)
    return len(data.numpy())


def main(path: str) -> None:
    with np.load(path) as arrays:
        tables = Tables(arrays["frequencies"], arrays["offsets"], arrays["lengths"])
        batch = (arrays["symbols"], arrays["indexes"], tables)
    print(json.dumps({"ours": ours(*batch), "theirs": theirs(*batch)}))


if __name__ == "__main__":
    main(sys.argv[1])
