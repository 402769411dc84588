"""What sent motion does: both fields, both references where the frame has them, their blend."""

from jaxtyping import Array, Float

from kbvc_jax.models.codecs.panels import Flow, Image, Panel, Share

SIDES = ("previous", "following")  # references


def motion_pictures(
    flows: Float[Array, "2 b h w 2"],
    moved: Float[Array, "2 b h w 3"],
    blend: Float[Array, "b h w 3"],
    share: Float[Array, "b h w 1"] | None = None,
) -> dict[str, Panel]:
    """`flows`: in pixels; `share`: of the first in the blend, if it is not the same everywhere."""
    shown: dict[str, Panel] = {
        f"motion to the {name}": Flow(own) for name, own in zip(SIDES, flows, strict=True)
    }
    shown |= {f"{name}, warped": Image(own) for name, own in zip(SIDES, moved, strict=True)}
    if share is not None:
        shown[f"blend: share of the {SIDES[0]}"] = Share(share[..., 0])
    return {**shown, "blend": Image(blend)}
