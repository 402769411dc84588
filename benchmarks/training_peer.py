"""Training steps of CompressAI's scale-space flow, timed. benchmarks/training.py starts it.

    python training_peer.py WIDTH HEIGHT BATCH PRECISION DEVICE

Needs torch and compressai, in an environment of their own. Answers each line on stdin with JSON:
the seconds of the forward and backward pass of one P-frame for each element of the batch.
"""

import json
import sys
import time
import warnings

import torch

warnings.filterwarnings("ignore")


def main() -> None:
    from compressai.models.video.google import ScaleSpaceFlow

    width, height, batch = map(int, sys.argv[1:4])
    precision, device = sys.argv[4:]
    torch.manual_seed(0)
    network = ScaleSpaceFlow().train().to(device)
    before, now = torch.rand(2, batch, 3, height, width, device=device)
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        network.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
            shown, likelihoods = network.forward_inter(now, before)
        terms = [p for group in likelihoods.values() for p in group.values()]
        bits = sum(-torch.log2(p.float()).sum() for p in terms) / (batch * width * height)
        (0.01 * 255**2 * (shown.float() - now).pow(2).mean() + bits).backward()
        if device != "cpu":
            torch.cuda.synchronize()
        print(json.dumps({"seconds": time.perf_counter() - began}), flush=True)


if __name__ == "__main__":
    main()
