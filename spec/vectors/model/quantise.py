"""Weight-block quantisers: gguf's own where it has one, plain ones for Q4_K and Q6_K, whose layouts are those of ggml-common.h."""
import gguf
import numpy as np

Q = gguf.GGMLQuantizationType


def quantise(array, kind):
    """The stored bytes of a float32 array, rows kept: uint8 rows for weight blocks, plain floats otherwise."""
    if kind == Q.Q4_K:
        return blocks(array, q4_k)
    if kind == Q.Q6_K:
        return blocks(array, q6_k)
    return gguf.quants.quantize(array.astype(np.float32), kind)


def blocks(array, encode):
    rows, columns = array.shape
    assert columns % 256 == 0
    out = [b"".join(encode(row[i:i + 256]) for i in range(0, columns, 256)) for row in array]
    return np.frombuffer(b"".join(out), dtype=np.uint8).reshape(rows, -1)


def q4_k(x):
    """d, dmin f16; eight 6-bit scales and minima in 12 bytes; 128 bytes: value = d*scale*q - dmin*minimum."""
    groups = x.reshape(8, 32)
    minima = np.maximum(-groups.min(axis=1), 0.0)
    scales = (groups.max(axis=1) + minima) / 15.0
    d, dmin = np.float16(scales.max() / 63.0), np.float16(minima.max() / 63.0)
    s = np.clip(np.rint(scales / np.float32(d)) if d else np.zeros(8), 0, 63).astype(np.uint8)
    m = np.clip(np.rint(minima / np.float32(dmin)) if dmin else np.zeros(8), 0, 63).astype(np.uint8)
    step = (np.float32(d) * s)[:, None]
    q = np.where(step > 0, np.rint((groups + (np.float32(dmin) * m)[:, None]) / np.where(step > 0, step, 1)), 0)
    q = np.clip(q, 0, 15).astype(np.uint8)
    packed = np.zeros(12, dtype=np.uint8)
    packed[0:4] = s[0:4] | ((s[4:8] >> 4) << 6)
    packed[4:8] = m[0:4] | ((m[4:8] >> 4) << 6)
    packed[8:12] = (s[4:8] & 15) | ((m[4:8] & 15) << 4)
    pairs = q.reshape(4, 2, 32)
    nibbles = pairs[:, 0] | (pairs[:, 1] << 4)
    return d.tobytes() + dmin.tobytes() + packed.tobytes() + nibbles.tobytes()


def q6_k(x):
    """128 bytes of low nibbles, 64 of high bit pairs, sixteen i8 scales, d f16: value = d*scale*(q - 32)."""
    groups = x.reshape(16, 16)
    steps = np.abs(groups).max(axis=1) / 31.0
    d = np.float16(steps.max() / 127.0)
    s = np.clip(np.rint(steps / np.float32(d)) if d else np.zeros(16), 0, 127).astype(np.int8)
    step = (np.float32(d) * s.astype(np.float32))[:, None]
    q = np.where(step > 0, np.rint(groups / np.where(step > 0, step, 1)), 0)
    q = (np.clip(q, -32, 31) + 32).astype(np.uint8).reshape(2, 4, 32)
    low, high = q & 15, q >> 4
    ql = np.concatenate([np.stack([low[h, 0] | (low[h, 2] << 4), low[h, 1] | (low[h, 3] << 4)]).reshape(-1) for h in range(2)])
    qh = np.concatenate([high[h, 0] | (high[h, 1] << 2) | (high[h, 2] << 4) | (high[h, 3] << 6) for h in range(2)])
    return ql.tobytes() + qh.tobytes() + s.tobytes() + d.tobytes()
