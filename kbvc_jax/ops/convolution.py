import jax, jax.numpy as jnp
from jax import lax


def conv(x, k, b, stride=1):
    p = (k.shape[0] - 1) // 2
    return (
        lax.conv_general_dilated(
            x, k, (stride, stride), [(p, p), (p, p)], dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        + b
    )


def transposed_conv(x, k, b):
    kh, kw, i, o = k.shape
    # out[2y+a] : k5: out pos p = 2*i + t - 2 ; k4: p = 2*i+t-1
    pad = 2 if kh == 5 else 1
    n, h, w, _ = x.shape
    phases = jnp.zeros((3, 3, i, 2, 2, o), k.dtype)
    for a in range(2):
        for c in range(2):
            for dy in range(3):
                ty = a + pad - 2 * (dy - 1)
                if not 0 <= ty < kh:
                    continue
                for dx in range(3):
                    tx = c + pad - 2 * (dx - 1)
                    if not 0 <= tx < kw:
                        continue
                    phases = phases.at[dy, dx, :, a, c].set(k[ty, tx])
    y = conv(x, phases.reshape(3, 3, i, 4 * o), jnp.tile(b, 4))
    y = y.reshape(n, h, w, 2, 2, o).transpose(0, 1, 3, 2, 4, 5)
    return y.reshape(n, 2 * h, 2 * w, o)
