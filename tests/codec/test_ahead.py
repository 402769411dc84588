"""What a clip runs has been compiled before, side by side: once, and nothing of it is missing."""

import threading
from collections import Counter

import jax
import numpy as np
import pytest

from kbvc_jax.api import Codec
from tests.tiny import SENDING, tiny_inference

pytestmark = pytest.mark.heavy

COMPILED = "/jax/core/compile/backend_compile_duration"
STEPS = (
    *("context", "learn", "tables", "synthesise", "before_fusion", "moved_to", "fuse"),
    *("analyse", "choose_first", "choose"),
)
FRAMES = np.random.default_rng(5).integers(0, 256, (5, 34, 50, 3), np.uint8)


@pytest.fixture
def compiled():
    """Programs by name, those of this thread and those of others."""
    here, elsewhere = Counter[str](), Counter[str]()

    def note(event, *_, fun_name="", **__):
        own = threading.current_thread() is threading.main_thread()
        if event == COMPILED:
            (here if own else elsewhere)[fun_name.removeprefix("jit(").removesuffix(")")] += 1

    jax.clear_caches()
    jax.monitoring.register_event_duration_secs_listener(note)
    yield here, elsewhere
    jax.monitoring.unregister_event_duration_listener(note)


def test_all_steps_of_a_clip_are_compiled_ahead(compiled):
    here, elsewhere = compiled
    codec = Codec(tiny_inference(1, SENDING))
    options = {"b_frames": "compensated,predicted", "p_frames": "moved,predicted"}
    data = codec.encode(FRAMES, 60, gop=4, keyint=32, **options)
    codec.decode(data)
    assert set(STEPS) <= set(elsewhere)
    assert not set(STEPS) & set(here)
