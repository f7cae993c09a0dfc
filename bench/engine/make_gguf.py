"""Writes GGUF files with random weights in the shapes of published models: `python make_gguf.py SHAPE TYPE FILE` in a venv with gguf, numpy, llama-cpp-python.

Speed depends on shapes and types, not on what the weights say. SHAPE is `qwen2.5-0.5b`, `llama3.2-1b`, `tiny-qwen2` or `tiny-llama`; TYPE is `f16`, or a type that llama.cpp
quantises to: `q4_0`, `q8_0`, `q4_k_m`. Weights are normal with deviation 0.02, the vocabulary is byte-level with made-up merges.
"""
import math
import os
import sys

import gguf
import numpy as np

SHAPES = {
    "qwen2.5-0.5b": dict(arch="qwen2", layers=24, width=896, heads=14, kv_heads=2, ffn=4864, vocab=151936, plain=151643, theta=1e6, eps=1e-6, context=32768),
    "llama3.2-1b": dict(arch="llama", layers=16, width=2048, heads=32, kv_heads=8, ffn=8192, vocab=128256, plain=128000, theta=5e5, eps=1e-5, context=131072),
    "tiny-qwen2": dict(arch="qwen2", layers=2, width=256, heads=4, kv_heads=2, ffn=512, vocab=1024, plain=1000, theta=1e6, eps=1e-6, context=2048),
    "tiny-llama": dict(arch="llama", layers=2, width=256, heads=4, kv_heads=2, ffn=512, vocab=1024, plain=1000, theta=5e5, eps=1e-5, context=2048),
}
HEAD_WIDTH = 64
# Llama 3.2's scaling of the rope: factor, low and high frequency factors, original context.
ROPE = (32.0, 1.0, 4.0, 8192)
SPECIAL = {
    "qwen2": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    "llama": ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>"],
}


def alphabet():
    """GPT-2's characters for the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(others)}


def pairs(space):
    """Merges without end: each makes a new token of a token and a letter."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    for letter in letters:
        yield space, letter
    level = [*letters, *(space + letter for letter in letters)]
    while True:
        longer = []
        for token in level:
            for letter in letters:
                yield token, letter
                longer.append(token + letter)
        level = longer


def vocabulary(shape):
    characters = alphabet()
    tokens, merges = [characters[b] for b in range(256)], []
    seen = set(tokens)
    for left, right in pairs(characters[32]):
        if len(tokens) >= shape["plain"]:
            break
        if left + right not in seen:
            seen.add(left + right)
            tokens.append(left + right)
            merges.append(f"{left} {right}")
    kinds = [gguf.TokenType.NORMAL] * len(tokens)
    special = SPECIAL[shape["arch"]]
    extra = special + [f"<|reserved_{i}|>" for i in range(shape["vocab"] - len(tokens) - len(special))]
    return tokens + extra, kinds + [gguf.TokenType.CONTROL] * len(extra), merges


def rope_factors(theta):
    factor, low, high, context = ROPE
    out = []
    for i in range(0, HEAD_WIDTH, 2):
        wavelength = 2 * math.pi * theta ** (i / HEAD_WIDTH)
        smooth = (context / wavelength - low) / (high - low)
        out.append(1.0 if smooth > 1 else factor if smooth < 0 else 1 / ((1 - smooth) / factor + smooth))
    return np.array(out, dtype=np.float32)


def write_f16(shape, name, path):
    rng = np.random.default_rng(1)
    writer = gguf.GGUFWriter(path, shape["arch"])
    writer.add_name(f"{name} of random weights")
    writer.add_context_length(shape["context"])
    writer.add_embedding_length(shape["width"])
    writer.add_block_count(shape["layers"])
    writer.add_feed_forward_length(shape["ffn"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["kv_heads"])
    writer.add_layer_norm_rms_eps(shape["eps"])
    writer.add_rope_freq_base(shape["theta"])
    writer.add_rope_dimension_count(HEAD_WIDTH)
    writer.add_vocab_size(shape["vocab"])
    if shape["arch"] == "llama":
        writer.add_key_length(HEAD_WIDTH)
        writer.add_value_length(HEAD_WIDTH)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    tokens, kinds, merges = vocabulary(shape)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2" if shape["arch"] == "qwen2" else "llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(tokens.index(SPECIAL[shape["arch"]][0]))
    writer.add_eos_token_id(tokens.index(SPECIAL[shape["arch"]][2]))
    writer.add_add_bos_token(shape["arch"] == "llama")

    def matrix(rows, columns):
        return (rng.standard_normal((rows, columns), dtype=np.float32) * 0.02).astype(np.float16)

    def vector(size, middle, spread):
        return (middle + spread * rng.standard_normal(size, dtype=np.float32)).astype(np.float32)

    width, ffn, queries, keys = shape["width"], shape["ffn"], shape["heads"] * HEAD_WIDTH, shape["kv_heads"] * HEAD_WIDTH
    writer.add_tensor("token_embd.weight", matrix(shape["vocab"], width))
    if shape["arch"] == "llama":
        writer.add_tensor("rope_freqs.weight", rope_factors(shape["theta"]))
    for layer in range(shape["layers"]):
        block = f"blk.{layer}."
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}{norm}.weight", vector(width, 1.0, 0.05))
        sizes = {"attn_q": (queries, width), "attn_k": (keys, width), "attn_v": (keys, width), "attn_output": (width, queries), "ffn_gate": (ffn, width), "ffn_up": (ffn, width), "ffn_down": (width, ffn)}
        for tensor, size in sizes.items():
            writer.add_tensor(f"{block}{tensor}.weight", matrix(*size))
            if shape["arch"] == "qwen2" and tensor in ("attn_q", "attn_k", "attn_v"):
                writer.add_tensor(f"{block}{tensor}.bias", vector(size[0], 0.0, 0.1))
    writer.add_tensor("output_norm.weight", vector(width, 1.0, 0.05))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file(progress=False)
    writer.close()


def quantise(source, kind, path):
    import llama_cpp

    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = {"q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0, "q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0, "q4_k_m": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M}[kind]
    parameters.nthread = os.cpu_count()
    if llama_cpp.llama_model_quantize(source.encode(), path.encode(), parameters) != 0:
        sys.exit(f"{path}: llama.cpp did not quantise")


def main():
    name, kind, path = sys.argv[1:]
    if kind == "f16":
        write_f16(SHAPES[name], name, path + ".part")
    else:
        source = os.path.join(os.path.dirname(path), f"{name}-f16.gguf")
        if not os.path.exists(source):
            write_f16(SHAPES[name], name, source + ".part")
            os.rename(source + ".part", source)
        quantise(source, kind, path + ".part")
    os.rename(path + ".part", path)


main()
