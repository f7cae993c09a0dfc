"""Makes diff.json: how llama-64.q8_0.gguf differs from llama-64.f32.gguf, by numpy in float64 (`pip install gguf==0.19.0`, then `python diff.py`)."""
import json
from pathlib import Path

import gguf
import numpy as np

HERE = Path(__file__).parent
NAMES = {"blk.1.attn_q.weight": "model.layers.1.self_attn.q_proj.weight", "blk.0.ffn_down.weight": "model.layers.0.mlp.down_proj.weight"}


def tensors(name: str) -> dict:
    return {t.name: gguf.quants.dequantize(t.data, t.tensor_type).astype(np.float64).ravel() for t in gguf.GGUFReader(HERE / name).tensors}


first, second = tensors("llama-64.f32.gguf"), tensors("llama-64.q8_0.gguf")
out = {}
for stored, name in NAMES.items():
    a, b = first[stored], second[stored]
    d = b - a
    out[name] = {
        "values": a.size,
        "changed": int((a != b).sum()),
        "abs_max": float(np.abs(d).max()),
        "abs_mean": float(np.abs(d).mean()),
        "relative_l2": float(np.linalg.norm(d) / np.linalg.norm(a)),
        "cosine": float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)),
    }
(HERE / "diff.json").write_text(json.dumps(out, indent=1) + "\n")
