"""What sent motion does: both fields, both references where the frame has them, their blend."""

from kbvc_jax.models.codecs.motion.network import Moved
from kbvc_jax.models.codecs.panels import Flow, Image, Panel, Share

SIDES = ("previous", "following")  # references


def motion_pictures(moved: Moved) -> dict[str, Panel]:
    flows = {
        f"motion to the {name}": Flow(own) for name, own in zip(SIDES, moved.flows, strict=True)
    }
    warped = {f"{name}, warped": Image(own) for name, own in zip(SIDES, moved.sides, strict=True)}
    return {
        **flows,
        **warped,
        f"blend: share of the {SIDES[0]}": Share(moved.share[..., 0]),
        "blend": Image(moved.blend),
    }
