"""Makes `exact.json`, what float64 says of `prose.f16.gguf` on `heldout.txt`: `python make.py` in a venv with gguf, numpy, tokenizers.

Model and text are made by `train.py --prose` (training/bootstrap/README.md); the tokenizer here is built by another library from the vocabulary in the file.
"""
import hashlib
import json
import sys
from pathlib import Path

import gguf
import numpy as np
from tokenizers import Tokenizer, models

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
sys.path += [str(ROOT / "bench/engine"), str(ROOT / "training/bootstrap")]
import tokens as bootstrap  # noqa: E402
from exact import Exact  # noqa: E402

MODEL, TEXT, WINDOW, FIRST_WINDOWS = "prose.f16.gguf", "heldout.txt", 256, 8


def tokenise(text):
    field = gguf.GGUFReader(HERE / MODEL).get_field
    vocabulary = {token: i for i, token in enumerate(field("tokenizer.ggml.tokens").contents())}
    merges = [tuple(line.split(" ")) for line in field("tokenizer.ggml.merges").contents()]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = bootstrap.split_by(bootstrap.QWEN2)
    return np.array(tokenizer.encode(text, add_special_tokens=False).ids)


def main():
    tokens = tokenise((HERE / TEXT).read_text(encoding="ascii"))
    windows = [tokens[i:i + WINDOW] for i in range(0, len(tokens), WINDOW)]
    exact = Exact(HERE / MODEL)
    nats, predictions = [exact.nats(window) for window in windows], len(tokens) - len(windows)
    facts = {
        "made_by": f"numpy {np.__version__}, gguf, tokenizers",
        "window_tokens": WINDOW,
        "tokens": len(tokens),
        "tokens_sha3": hashlib.sha3_256(tokens.astype("<u4").tobytes()).hexdigest(),
        "predictions": predictions,
        "perplexity": float(np.exp(sum(nats) / predictions)),
        "first_windows_nats": nats[:FIRST_WINDOWS],
    }
    (HERE / "exact.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(f"perplexity {facts['perplexity']:.6f} over {predictions} predictions")


main()
