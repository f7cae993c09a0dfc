"""Makes the sampling vectors: `python make.py` in a venv with numpy.

`philox.json`: blocks of Philox4x64-10 by numpy. `exponential.json`: values of the exponential of spec/tokens.md. `sample.json`: logits (f32 bits), parameters, seed
and the tokens of eight steps, by a plain reading of spec/tokens.md that shares no code with the engine.
"""
import json
import math
import random
import struct
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
F32 = np.float32


def philox(counter, key):
    """numpy counts up before it makes a block."""
    whole = sum(word << (64 * i) for i, word in enumerate(counter))
    generator = np.random.Philox(counter=(whole - 1) % 2**256, key=sum(word << (64 * i) for i, word in enumerate(key)))
    return [int(word) for word in generator.random_raw(4)]


def exponential(x):
    if x < -700.0:
        return 0.0
    if x > 700.0:
        return math.inf
    k = math.floor(x * 1.4426950408889634 + 0.5)
    low, high = struct.unpack(">dd", bytes.fromhex("3dea39ef35793c763fe62e42fee00000"))
    r = (x - k * high) - k * low
    p = 1.0
    for j in range(14, 0, -1):
        p = 1.0 + r * p / j
    return p * 2.0 ** k


def choose(logits, parameters, seed, step, seen):
    penalty = F32(parameters["repetition_penalty"])
    scored = []
    for token, logit in enumerate(logits):
        if penalty != 1 and token in seen:
            logit = logit / penalty if logit > 0 else logit * penalty
        scored.append((logit, token))
    scored.sort(key=lambda pair: (-pair[0], pair[1]))
    if parameters["temperature"] == 0:
        return scored[0][1]
    if parameters["top_k"]:
        scored = scored[:parameters["top_k"]]
    temperature = float(F32(parameters["temperature"]))
    weights = [exponential((float(logit) - float(scored[0][0])) / temperature) for logit, _ in scored]
    top_p = float(F32(parameters["top_p"]))
    if top_p < 1:
        total = 0.0
        for weight in weights:
            total += weight
        running = 0.0
        for index, weight in enumerate(weights):
            running += weight
            if running >= top_p * total:
                weights = weights[:index + 1]
                break
    min_p = float(F32(parameters["min_p"]))
    count = 0
    while count < len(weights) and weights[count] >= min_p:
        count += 1
    weights = weights[:max(count, 1)]
    part = (philox([step, 0, 0, 0], [seed, 0])[0] >> 11) * 2.0 ** -53
    total = 0.0
    for weight in weights:
        total += weight
    running = 0.0
    for index, weight in enumerate(weights):
        running += weight
        if running > part * total:
            return scored[index][1]
    return scored[len(weights) - 1][1]


def main():
    rng = random.Random(3)
    word = lambda: rng.choice([0, 1, 2**64 - 1, rng.getrandbits(64), rng.getrandbits(64)])
    blocks = []
    for _ in range(64):
        counter, key = [word() for _ in range(4)], [word(), word()]
        blocks.append({"counter": [str(w) for w in counter], "key": [str(w) for w in key], "words": [str(w) for w in philox(counter, key)]})
    (HERE / "philox.json").write_text(json.dumps(blocks, indent=0) + "\n")
    points = [0.0, -0.0, 1.0, -1.0, 0.5, -700.0, -700.5, 700.0, 709.0] + [rng.uniform(-60, 1) for _ in range(200)]
    bits = lambda x: str(struct.unpack("<Q", struct.pack("<d", x))[0])
    (HERE / "exponential.json").write_text(json.dumps([[bits(x), bits(exponential(x))] for x in points]) + "\n")
    cases = []
    for number in range(120):
        size = rng.choice([1, 2, 5, 40, 300])
        logits = [F32(rng.gauss(0, 3)) for _ in range(size)]
        if number % 4 == 0:
            logits = [F32(round(float(x))) for x in logits]  # ties
        parameters = {
            "temperature": rng.choice([0.0, 0.7, 0.7, 1.0, 1.3, 0.05]), "top_k": rng.choice([0, 0, 1, 3, 40]),
            "top_p": rng.choice([1.0, 0.9, 0.95, 0.3]), "min_p": rng.choice([0.0, 0.0, 0.05, 0.5]), "repetition_penalty": rng.choice([1.0, 1.0, 1.1, 0.8]),
        }
        seed = rng.getrandbits(64)
        seen, tokens = set(rng.sample(range(size), size // 3)), []
        start = sorted(seen)
        for step in range(8):
            tokens.append(choose(logits, parameters, seed, step, seen))
            seen.add(tokens[-1])
        cases.append({"logits": [int(x.view(np.uint32)) for x in logits], **parameters, "seed": str(seed), "seen": start, "tokens": tokens})
    (HERE / "sample.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
