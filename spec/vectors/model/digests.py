"""Makes `digests.json`, the names of the models here by spec/model.md: `python digests.py` in a venv with gguf, safetensors, cbor2, after make.py.

A plain reading of the page that shares no code with the engine; it also checks that folder and GGUF file of the same F32 weights have one name.
"""
import hashlib
import json
import struct
from pathlib import Path

import cbor2
import gguf
from safetensors import safe_open

HERE = Path(__file__).parent
TYPES = {"F32": "f32", "F16": "f16", "BF16": "bf16", "Q8_0": "q8_0", "Q4_0": "q4_0", "Q4_1": "q4_1", "Q5_0": "q5_0", "Q5_1": "q5_1", "Q4_K": "q4_k", "Q5_K": "q5_k", "Q6_K": "q6_k", "Q8_K": "q8_k"}
NAMES = {
    "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
}


def sha3(data):
    return hashlib.sha3_256(data).digest()


def bits(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def byte_of():
    """GPT-2's alphabet, character to byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return {chr(b): b for b in plain} | {chr(256 + i): b for i, b in enumerate(others)}


def tokenizer_digest(path):
    state = json.loads(path.read_text())
    alphabet = byte_of()
    vocab = state["model"]["vocab"]
    tokens = {index: [1, bytes(alphabet[c] for c in text)] for text, index in vocab.items()}
    for added in state["added_tokens"]:
        control = added["special"] or (added["content"].startswith("<|") and added["content"].endswith("|>"))
        tokens[added["id"]] = [2 if control else 3, added["content"].encode()]
    form = {
        "form": "mickai tokenizer 1",
        "pre_tokenizer": state["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"],
        "nfc": state["normalizer"] is not None,
        "ignore_merges": state["model"]["ignore_merges"],
        "tokens": [tokens[i] for i in range(max(tokens) + 1)],
        "merges": [[vocab[left], vocab[right]] for left, right in state["model"]["merges"]],
    }
    return sha3(cbor2.dumps(form, canonical=True))


def folder_tensors(folder):
    tensors = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "numpy") as file:
            for name in file.keys():
                array = file.get_tensor(name)
                tensors[name] = [name, list(array.shape), "f32", sha3(array.astype("<f4").tobytes())]
    return tensors


def gguf_tensors(path, config):
    tensors, factors = {}, None
    for tensor in gguf.GGUFReader(path).tensors:
        if tensor.name == "rope_freqs.weight":
            factors = [bits(x) for x in tensor.data]
            continue
        base, suffix = tensor.name.rsplit(".", 1)
        prefix = ""
        if base.startswith("blk."):
            _, layer, base = base.split(".")
            prefix = f"model.layers.{layer}."
        name = f"{prefix}{NAMES[base]}.{suffix}"
        shape = [int(d) for d in reversed(tensor.shape)]
        rows = [row.tobytes() for row in tensor.data] if len(shape) == 2 else [tensor.data.tobytes()]
        heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}.get(base)
        if config["model_type"] == "llama" and heads:
            width = len(rows) // heads
            rows = [rows[h * width + 2 * i + j] for h in range(heads) for j in range(2) for i in range(width // 2)]
        tensors[name] = [name, shape, TYPES[tensor.tensor_type.name], sha3(b"".join(rows))]
    return tensors, factors


def model_digest(config, tensors, factors, tokenizer):
    rope = config.get("rope_parameters") or config
    form = {
        "form": "mickai model 1", "architecture": config["model_type"], "vocab_count": config["vocab_size"], "width": config["hidden_size"], "layer_count": config["num_hidden_layers"],
        "head_count": config["num_attention_heads"], "kv_head_count": config["num_key_value_heads"], "head_width": config["hidden_size"] // config["num_attention_heads"],
        "ffn_width": config["intermediate_size"], "norm_eps": bits(config["rms_norm_eps"]), "rope_base": bits(rope["rope_theta"]), "tied": config["tie_word_embeddings"],
        "tokenizer": tokenizer, "tensors": [tensors[name] for name in sorted(tensors)],
    }
    if factors is not None:
        form["rope_factors"] = factors
    return sha3(cbor2.dumps(form, canonical=True)).hex()


def main():
    ropes = json.loads((HERE / "rope.json").read_text())
    digests = {}
    for folder in sorted(path.parent for path in HERE.glob("*/config.json")):
        config = json.loads((folder / "config.json").read_text())
        tokenizer = tokenizer_digest(folder / "tokenizer.json")
        factors = ropes[folder.name]["factors"] if folder.name in ropes else None
        digests[f"{folder.name}.f32"] = model_digest(config, folder_tensors(folder), factors, tokenizer)
        for path in sorted(HERE.glob(f"{folder.name}.*.gguf")):
            digest = model_digest(config, *gguf_tensors(path, config), tokenizer)
            name = path.name.removesuffix(".gguf")
            assert digests.setdefault(name, digest) == digest, name
    (HERE / "digests.json").write_text(json.dumps(digests, indent=1) + "\n")


if __name__ == "__main__":
    main()
