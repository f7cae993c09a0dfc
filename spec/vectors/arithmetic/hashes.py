"""Computes some of accept/hashes.json a second time, from spec/arithmetic.md: `python hashes.py` prints each and fails where one differs.

Those of dequantisation, residual, adapter and embedding, in plain Python. Its floats are binary64: a sum, product, quotient or root of f32
that is computed there and then rounded to f32 is rounded as if once. A fused multiply-add goes through rounding to odd.
"""
import hashlib
import json
import math
import struct
import sys
from pathlib import Path

MASK = (1 << 64) - 1


class Random:
    """SplitMix64, as foundations/kernels/src/testing.rs has it."""

    def __init__(self):
        self.state = 0x6D69_636B_6169

    def next(self):
        self.state = (self.state + 0x9E37_79B9_7F4A_7C15) & MASK
        z = self.state
        z = ((z ^ z >> 30) * 0xBF58_476D_1CE4_E5B9) & MASK
        z = ((z ^ z >> 27) * 0x94D0_49BB_1331_11EB) & MASK
        return z ^ z >> 31

    def below(self, bound):
        return self.next() % bound

    def value(self):
        bits = self.next()
        magnitude = math.ldexp(bits >> 40, (bits & 15) - 24 - 8)
        return -magnitude if bits & 16 else magnitude

    def values(self, count):
        return [self.value() for _ in range(count)]

    def bytes(self, count):
        return bytearray(self.next() & 255 for _ in range(count))


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def fma(a, b, c):
    """f32(a * b + c): the product is exact in binary64, the sum is rounded to odd there."""
    product = a * b
    total = product + c
    part = total - product
    error = (product - (total - part)) + (c - part)
    bits = struct.unpack("<q", struct.pack("<d", total))[0]
    if error != 0 and bits & 1 == 0:
        bits += 1 if (error > 0) == (total > 0) else -1
    return f32(struct.unpack("<d", struct.pack("<q", bits))[0])


def half(block, at):
    return struct.unpack_from("<e", block, at)[0]


def nibbles(block, at):
    return [block[at + i] & 15 for i in range(16)] + [block[at + i] >> 4 for i in range(16)]


def fifths(block, at):
    bits = int.from_bytes(block[at : at + 4], "little")
    return [16 * (bits >> i & 1) for i in range(32)]


def sixes(block, group):
    """The scale and the minimum of a group of q4_k and q5_k: twelve bytes from 4 on."""
    s = block[4:16]
    if group < 4:
        return s[group] & 63, s[group + 4] & 63
    return s[group + 4] & 15 | s[group - 4] >> 6 << 4, s[group + 4] >> 4 | s[group] >> 6 << 4


def k_values(block, fives):
    for group in range(8):
        scale, minimum = sixes(block, group)
        start = (48 if fives else 16) + group // 2 * 32
        q = [block[start + i] >> group % 2 * 4 & 15 for i in range(32)]
        if fives:
            q = [low + 16 * (block[16 + i] >> group & 1) for i, low in enumerate(q)]
        yield q, half(block, 0) * scale, (1, 1), half(block, 2) * minimum


def q6_k_values(block):
    for group in range(8):
        q = []
        for i in range(32):
            inside = group % 4 * 32 + i
            low = block[group // 4 * 64 + inside % 64] >> inside // 64 * 4 & 15
            high = block[128 + group // 4 * 32 + inside % 32] >> inside // 32 * 2 & 3
            q.append((low | high << 4) - 32)
        yield q, half(block, 208), struct.unpack_from("bb", block, 192 + 2 * group), None


def q8_k_values(block):
    for group in range(8):
        yield struct.unpack_from("32b", block, 4 + 32 * group), struct.unpack_from("<f", block)[0], (1, 1), None


# Of each type: elements and bytes of a block, the high bytes of its scales, and its groups: integers, scale, factors, minimum.
ONE = (1, 1)
TYPES = {
    "q8_0": (32, 34, [1], lambda b: [(struct.unpack_from("32b", b, 2), half(b, 0), ONE, None)]),
    "q4_0": (32, 18, [1], lambda b: [([q - 8 for q in nibbles(b, 2)], half(b, 0), ONE, None)]),
    "q4_1": (32, 20, [1, 3], lambda b: [(nibbles(b, 4), half(b, 0), ONE, -half(b, 2))]),
    "q5_0": (32, 22, [1], lambda b: [([q + f - 16 for q, f in zip(nibbles(b, 6), fifths(b, 2))], half(b, 0), ONE, None)]),
    "q5_1": (32, 24, [1, 3], lambda b: [([q + f for q, f in zip(nibbles(b, 8), fifths(b, 4))], half(b, 0), ONE, -half(b, 2))]),
    "q4_k": (256, 144, [1, 3], lambda b: k_values(b, False)),
    "q5_k": (256, 176, [1, 3], lambda b: k_values(b, True)),
    "q6_k": (256, 210, [209], q6_k_values),
    "q8_k": (256, 292, [3], q8_k_values),
}


def dequantised(name):
    elements, size, highs, groups = TYPES[name]

    def case(random):
        out = []
        for block in blocks(random, 1 + random.below(2), size, highs):
            for q, scale, factors, minimum in groups(block):
                values = [f32(scale * factors[i // 16] * q) for i, q in enumerate(q)]
                out += values if minimum is None else [f32(value - minimum) for value in values]
        return out

    return case


def widened(name):
    def case(random):
        count = 1 + random.below(40)
        if name == "f32":
            return random.values(count)
        stored = blocks(random, count, 2, [1])
        return [half(block, 0) if name == "f16" else struct.unpack("<f", bytes([0, 0]) + block)[0] for block in stored]

    return case


def blocks(random, count, size, highs):
    out = [random.bytes(size) for _ in range(count)]
    for block in out:
        for high in highs:
            block[high] &= 0xBF
    return out


def summands(random):
    width, rows = 1 + random.below(40), 1 + random.below(3)
    return random.values(width * rows), random.values(width * rows)


def residual(random):
    x, y = summands(random)
    return [f32(x + y) for x, y in zip(x, y)]


def adapter(random):
    x, y = summands(random)
    scale = abs(random.value())
    return [f32(x + f32(scale * y)) for x, y in zip(x, y)]


def embedding(random):
    width, count = 1 + random.below(100), 1 + random.below(3)
    x = random.values(width * count)
    return [value for start in range(0, len(x), width) for value in of_length_one(x[start : start + width])]


def of_length_one(x):
    lanes = [0.0] * 16
    for i, value in enumerate(x):
        lanes[i % 16] = fma(value, value, lanes[i % 16])
    for half_count in (8, 4, 2, 1):
        lanes = [f32(lanes[lane] + lanes[lane + half_count]) for lane in range(half_count)]
    root = lambda value: f32(math.sqrt(value))
    scale, weight = f32(1 / root(f32(lanes[0] / len(x)))), f32(1 / root(len(x)))
    return [f32(f32(value * scale) * weight) for value in x]


def main():
    file = json.loads((Path(__file__).parent / "accept" / "hashes.json").read_text())
    operations = {f"dequantisation, {name}": widened(name) for name in ("f32", "f16", "bf16")}
    operations |= {f"dequantisation, {name}": dequantised(name) for name in TYPES}
    operations |= {"residual": residual, "adapter": adapter, "embedding": embedding}
    is_equal = True
    for operation, case in operations.items():
        random, hashed = Random(), hashlib.sha3_256()
        for _ in range(file["cases"]):
            values = case(random)
            hashed.update(struct.pack(f"<{len(values)}f", *values))
        is_equal &= hashed.hexdigest() == file["hashes"].get(operation)
        print(f'"{operation}": "{hashed.hexdigest()}",')
    sys.exit(0 if is_equal else "not as in accept/hashes.json")


if __name__ == "__main__":
    main()
