"""Makes accept/rope.json: what torch computes for rotary frequencies, and far angles in float64. `python make.py`, with torch and numpy.

Frequencies as transformers computes them (float32 on the CPU); cosines and sines of float32(position) * frequency, the product rounded
to float32 as transformers does, the functions in float64 and rounded once.
"""
import json
from pathlib import Path

import numpy as np
import torch

BASES = [10000.0, 500000.0, 1000000.0]
WIDTHS = [16, 64, 128]
POSITIONS = [1, 2047, 32767, 131071]


def bits(array):
    return [int(x) for x in np.asarray(array, dtype=np.float32).view(np.uint32)]


def case(base, width):
    exponents = torch.arange(0, width, 2, dtype=torch.int64).to(dtype=torch.float) / width
    frequencies = (1.0 / (base ** exponents)).numpy()
    far = []
    for position in POSITIONS:
        angles = (np.float32(position) * frequencies).astype(np.float64)
        far.append({"position": position, "cosines": bits(np.cos(angles)), "sines": bits(np.sin(angles))})
    return {"base": base, "head_width": width, "frequencies": bits(frequencies), "far": far}


def main():
    cases = [case(base, width) for base in BASES for width in WIDTHS]
    reason = "rotary frequencies and angles are those of the reference, up to the last position of a 128k context"
    path = Path(__file__).parent / "accept" / "rope.json"
    path.write_text(json.dumps({"reason": reason, "cases": cases}) + "\n")


if __name__ == "__main__":
    main()
