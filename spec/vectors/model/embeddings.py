"""Makes embeddings.json: embeddings of the tiny models by transformers, in float64: `python embeddings.py` in a venv with torch and transformers.

An embedding is the state behind the last token after the final norm (`last_hidden_state`), cut to its first dimensions where that is asked for, divided by its length; little-endian f32 in hex.
"""
import json
import random
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

HERE = Path(__file__).parent
CASES = [("llama-64", [(1, None), (24, None), (300, None), (24, 16)]), ("llama-256", [(24, None)]), ("qwen2-64", [(40, None), (7, 10)]), ("qwen2-64-untied", [(24, None)])]


def main():
    random.seed(15)
    out = []
    for name, inputs in CASES:
        model = AutoModelForCausalLM.from_pretrained(HERE / name, dtype=torch.float64, attn_implementation="eager").eval()
        for count, dimensions in inputs:
            tokens = [random.randrange(500) for _ in range(count)]
            with torch.no_grad():
                state = model.model(torch.tensor([tokens]), use_cache=False).last_hidden_state[0, -1]
            state = state[:dimensions]
            vector = (state / torch.linalg.vector_norm(state)).float().numpy()
            out.append({"model": name, "tokens": tokens, "dimensions": dimensions or len(vector), "embedding": vector.astype("<f4").tobytes().hex()})
    (HERE / "embeddings.json").write_text(json.dumps(out, separators=(",", ":")).replace("},{", "},\n{") + "\n")


main()
