"""CompressAI's scale-space flow as a process that times itself. benchmarks/coding.py starts it.

    python ssf_peer.py FRAMES.npy DEVICE

Needs torch and compressai, in an environment of their own. Answers each line on stdin, "encode" or
"decode", with JSON: the seconds that the whole clip took. The weights are untrained.
"""

import json
import sys
import time
import warnings

import numpy as np
import torch
import torch.nn.functional as functional

warnings.filterwarnings("ignore")
MULTIPLE = 128  # of both sides; otherwise its hyperprior does not fit its latents


def main() -> None:
    from compressai.models.video.google import ScaleSpaceFlow

    path, device = sys.argv[1:]
    frames = torch.from_numpy(np.load(path)).permute(0, 3, 1, 2).float().div(255).to(device)
    height, width = frames.shape[2:]
    frames = functional.pad(frames, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
    torch.manual_seed(0)
    network = ScaleSpaceFlow().eval().to(device)
    network.update(force=True)
    clip = list(frames.split(1))
    coded = None
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        with torch.no_grad():
            if line.strip() == "encode":
                coded = network.compress(clip)
            else:
                network.decompress(*coded)
        if device != "cpu":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - began
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
