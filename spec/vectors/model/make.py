"""Makes the tiny random models, their GGUF files and reference logits: `python make.py` in a venv with torch, transformers, gguf, tokenizers.

Every model `<name>` gets
  <name>/                 a Hugging Face folder (F32 safetensors, config.json, tokenizer files)
  <name>.<type>.gguf      the same weights, converted as llama.cpp's converter does
  <name>.logits.f32       rows of little-endian f32, one per position of prompt + greedy[:-1]: logits of a float64 run
  <name>.json             prompt, greedy tokens, the smallest gap between the two best logits, rope factors
and `blocks.json` holds weight blocks of every type with the values that gguf's own dequantiser gives them;
`dequantised.json` the SHA3-256 of every dequantised tensor of every quantised file.
"""
import hashlib
import json
import math
import shutil
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

import quantise
import tokenizer as vocabulary

HERE = Path(__file__).parent
VOCAB_COUNT = 512
PROMPT_TOKENS = 24
GREEDY_TOKENS = 64
LLAMA3_ROPE = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 256}
Q = gguf.GGMLQuantizationType
PLAIN_TYPES = {"f32": Q.F32, "f16": Q.F16, "bf16": Q.BF16, "q8_0": Q.Q8_0, "q4_0": Q.Q4_0}
K_TYPES = {"q4_k": Q.Q4_K, "q6_k": Q.Q6_K}

MODELS = {
    "llama-64": dict(family="llama", seed=11, width=64, layers=2, heads=4, kv_heads=2, ffn=160, tied=True, types=PLAIN_TYPES),
    "llama-256": dict(family="llama", seed=12, width=256, layers=1, heads=8, kv_heads=2, ffn=256, tied=True, types=K_TYPES),
    "qwen2-64": dict(family="qwen2", seed=13, width=64, layers=2, heads=4, kv_heads=2, ffn=160, tied=True, types={"f32": Q.F32, "q8_0": Q.Q8_0}),
    "qwen2-64-untied": dict(family="qwen2", seed=14, width=64, layers=2, heads=4, kv_heads=1, ffn=96, tied=False, types={"f32": Q.F32, "bf16": Q.BF16, "q4_0": Q.Q4_0}),
}


def build(shape):
    common = dict(
        vocab_size=VOCAB_COUNT, hidden_size=shape["width"], intermediate_size=shape["ffn"], num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"], num_key_value_heads=shape["kv_heads"], max_position_embeddings=2048,
        tie_word_embeddings=shape["tied"], attn_implementation="eager", use_cache=False,
    )
    if shape["family"] == "llama":
        config = LlamaConfig(**common, rms_norm_eps=1e-5, rope_parameters=dict(LLAMA3_ROPE), bos_token_id=507, eos_token_id=[508, 511])
        model = LlamaForCausalLM(config)
    else:
        config = Qwen2Config(**common, rms_norm_eps=1e-6, rope_parameters={"rope_type": "default", "rope_theta": 1000000.0}, bos_token_id=None, eos_token_id=509)
        model = Qwen2ForCausalLM(config)
    generator = torch.Generator().manual_seed(shape["seed"])
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("norm.weight"):
                parameter.copy_(1.0 + 0.1 * noise)
            elif name.endswith("bias"):
                parameter.copy_(0.3 * noise)
            elif "embed_tokens" in name:
                parameter.copy_(1.6 / math.sqrt(shape["width"]) * noise)
            else:
                parameter.copy_(1.4 / math.sqrt(parameter.shape[1]) * noise)
    return model.eval()


def reference(model, seed):
    """Greedy tokens and float64 logits of every position, recomputed whole at every step."""
    generator = torch.Generator().manual_seed(seed + 1000)
    prompt = torch.randint(0, 500, (PROMPT_TOKENS,), generator=generator).tolist()
    wide = model.double()
    tokens = list(prompt)
    gap = math.inf
    with torch.no_grad():
        for _ in range(GREEDY_TOKENS):
            logits = wide(torch.tensor([tokens])).logits[0]
            best = torch.topk(logits[-1], 2)
            gap = min(gap, float(best.values[0] - best.values[1]))
            tokens.append(int(best.indices[0]))
    assert logits.dtype == torch.float64 and logits.shape == (PROMPT_TOKENS + GREEDY_TOKENS - 1, VOCAB_COUNT)
    model.float()
    return prompt, tokens[PROMPT_TOKENS:], gap, logits.numpy().astype("<f4")


def permute(matrix, heads):
    """llama.cpp's order of query and key rows: the two halves of every head interleaved."""
    return matrix.reshape(heads, 2, matrix.shape[0] // heads // 2, *matrix.shape[1:]).swapaxes(1, 2).reshape(matrix.shape)


def rope_factors(rope, width):
    """As llama.cpp's converter computes rope_freqs.weight, tensor operations in float32."""
    freqs = 1.0 / (rope["rope_theta"] ** (torch.arange(0, width, 2, dtype=torch.float32) / width))
    low, high, context = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
    factors = []
    for freq in freqs:
        wavelength = 2 * math.pi / freq
        if wavelength < context / high:
            factors.append(1)
        elif wavelength > context / low:
            factors.append(rope["factor"])
        else:
            smooth = (context / wavelength - low) / (high - low)
            factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return torch.tensor(factors, dtype=torch.float32).numpy()


GGUF_NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}


def gguf_name(name):
    base, suffix = name.rsplit(".", 1)
    if base.startswith("model.layers."):
        _, _, layer, part = base.split(".", 3)
        return f"blk.{layer}.{GGUF_NAMES[part]}.{suffix}"
    return f"{GGUF_NAMES[base]}.{suffix}"


def write_gguf(path, shape, weights, type_, tokenizer):
    writer = gguf.GGUFWriter(path, shape["family"])
    writer.add_name(path.name.split(".")[0])
    writer.add_context_length(2048)
    writer.add_embedding_length(shape["width"])
    writer.add_block_count(shape["layers"])
    writer.add_feed_forward_length(shape["ffn"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["kv_heads"])
    writer.add_rope_freq_base(500000.0 if shape["family"] == "llama" else 1000000.0)
    writer.add_layer_norm_rms_eps(1e-5 if shape["family"] == "llama" else 1e-6)
    writer.add_vocab_size(VOCAB_COUNT)
    if shape["family"] == "llama":
        writer.add_rope_dimension_count(shape["width"] // shape["heads"])
    vocabulary.gguf_vocabulary(writer, shape["family"], tokenizer)
    if shape["family"] == "llama":
        writer.add_tensor("rope_freqs.weight", rope_factors(LLAMA3_ROPE, shape["width"] // shape["heads"]))
    digests = {}
    for name, tensor in sorted(weights.items()):
        array = tensor.float().numpy()
        if shape["family"] == "llama" and ("q_proj" in name or "k_proj" in name):
            array = permute(array, shape["heads"] if "q_proj" in name else shape["kv_heads"])
        kind = type_ if array.ndim == 2 else Q.F32
        data = np.ascontiguousarray(quantise.quantise(np.ascontiguousarray(array), kind))
        writer.add_tensor(gguf_name(name), data, raw_dtype=kind)
        values = gguf.quants.dequantize(data, kind).astype("<f4")
        assert np.abs(values - array).max() < 0.25 * np.abs(array).max(), (path.name, name)
        digests[gguf_name(name)] = {"type": kind.name.lower(), "sha3_256": hashlib.sha3_256(values.tobytes()).hexdigest()}
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return digests


def save_folder(name, model, shape, tokenizer):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    # The untied one is cut into shards, the wide one keeps the older spelling of its rope parameters.
    model.save_pretrained(folder, max_shard_size="200KB" if name == "qwen2-64-untied" else "1GB")
    for part in folder.glob("*.safetensors"):
        part.chmod(0o644)
    vocabulary.save(shape["family"], tokenizer, folder)
    if name == "llama-256":
        path = folder / "config.json"
        config = json.loads(path.read_text())
        rope = dict(config.pop("rope_parameters"))
        config["rope_theta"] = rope.pop("rope_theta")
        config["rope_scaling"] = rope
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def blocks(seed):
    """Weight blocks of arbitrary bits (scales finite) and their values by gguf's dequantiser, f32 bits in hex."""
    rng = np.random.default_rng(seed)
    out = {}
    scales = {"Q8_0": [0], "Q4_0": [0], "Q4_K": [0, 2], "Q6_K": [208], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q5_K": [0, 2]}
    for name, offsets in scales.items():
        kind = Q[name]
        _, size = gguf.GGML_QUANT_SIZES[kind]
        raw = rng.integers(0, 256, (24, size), dtype=np.uint8)
        for row in range(raw.shape[0]):
            for offset in offsets:
                scale = np.float16([0.0, -0.0, 6e-8, 65504.0, 1.0][row] if row < 5 else rng.normal() * 0.01)
                raw[row, offset:offset + 2] = np.frombuffer(scale.tobytes(), dtype=np.uint8)
        values = gguf.quants.dequantize(raw, kind).astype("<f4")
        out[name.lower()] = [{"bytes": raw[i].tobytes().hex(), "values": values[i].tobytes().hex()} for i in range(raw.shape[0])]
    return out


# Rope parameters of published models, whose factors every reader must compute to the same bits.
PUBLISHED_ROPES = {
    "llama-3.1-8b": (128, dict(LLAMA3_ROPE, factor=8.0, original_max_position_embeddings=8192)),
    "llama-3.2-1b": (64, dict(LLAMA3_ROPE, factor=32.0, original_max_position_embeddings=8192)),
    "llama-3.2-3b": (128, dict(LLAMA3_ROPE, factor=32.0, original_max_position_embeddings=8192)),
    "llama-64": (16, LLAMA3_ROPE),
    "llama-256": (32, LLAMA3_ROPE),
}


def main():
    torch.set_num_threads(1)
    dequantised = {}
    tokenizers = {family: vocabulary.train(family, VOCAB_COUNT, 7) for family in ("llama", "qwen2")}
    for name, shape in MODELS.items():
        model = build(shape)
        tokenizer = tokenizers[shape["family"]]
        save_folder(name, model, shape, tokenizer)
        weights = {}
        for part in sorted((HERE / name).glob("*.safetensors")):
            weights.update(load_file(part))
        for label, kind in shape["types"].items():
            path = HERE / f"{name}.{label}.gguf"
            dequantised[path.name] = write_gguf(path, shape, weights, kind, tokenizer)
        prompt, greedy, gap, logits = reference(model, shape["seed"])
        assert gap > 1e-3, (name, gap)
        (HERE / f"{name}.logits.f32").write_bytes(logits.tobytes())
        facts = {"prompt": prompt, "greedy": greedy, "smallest_gap": gap, "largest_logit": float(np.abs(logits).max()), "vocab_count": VOCAB_COUNT}
        (HERE / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")
        print(name, "gap", gap, "largest", facts["largest_logit"], "distinct", len(set(greedy)))
    (HERE / "blocks.json").write_text(json.dumps(blocks(5), indent=0) + "\n")
    (HERE / "dequantised.json").write_text(json.dumps(dequantised, indent=0) + "\n")
    ropes = {name: {"head_width": width, **rope, "factors": [int(x) for x in rope_factors(rope, width).view("<u4")]} for name, (width, rope) in PUBLISHED_ROPES.items()}
    (HERE / "rope.json").write_text(json.dumps(ropes, indent=1) + "\n")


if __name__ == "__main__":
    main()
