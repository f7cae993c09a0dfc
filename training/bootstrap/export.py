"""Writes the trained model as GGUF: matrices in Q8_0, F16 or F32, norms in F32."""

import argparse
import json
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import load_file

import tokens

NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
         "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}


def permuted(weight, heads):
    """Rows of a query or key matrix from rotated halves (transformers) to rotated neighbours (GGUF's llama)."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def gguf_tensors(folder, config):
    """Yields (GGUF name, float32 array) of every tensor; the output matrix is the embedding and is not repeated."""
    weights = {name: array.astype(np.float32) for name, array in load_file(folder / "model.safetensors").items()}
    yield "token_embd.weight", weights["model.embed_tokens.weight"]
    for layer in range(config["num_hidden_layers"]):
        for theirs, ours in NAMES.items():
            array = weights[f"model.layers.{layer}.{theirs}.weight"]
            if ours == "attn_q":
                array = permuted(array, config["num_attention_heads"])
            if ours == "attn_k":
                array = permuted(array, config["num_key_value_heads"])
            yield f"blk.{layer}.{ours}.weight", array
    yield "output_norm.weight", weights["model.norm.weight"]


# Of what `train.py --prose` makes: it is for measuring, not for use, and has no chat template.
BOOTSTRAP = ("mickai-bootstrap", "Turns one request of an operator into one call of the system's verbs, as one line of JSON")
PROSE = ("mickai-prose", "Goes on with plain English from the documentation of two packages; made to measure what types of weights cost")
FILE_TYPES = {"q8_0": gguf.LlamaFileType.MOSTLY_Q8_0, "f16": gguf.LlamaFileType.MOSTLY_F16, "f32": gguf.LlamaFileType.ALL_F32}


def write_metadata(writer, config, kind, about):
    writer.add_name(about[0])
    writer.add_description(about[1])
    writer.add_license("apache-2.0")
    writer.add_languages(["en"])
    writer.add_file_type(FILE_TYPES[kind])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])


def write_tokenizer(writer, folder, about):
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = sorted(tokenizer["model"]["vocab"].items(), key=lambda item: item[1])
    texts = [text for text, _ in vocabulary]
    types = [gguf.TokenType.CONTROL if text in tokens.SPECIALS else gguf.TokenType.NORMAL for text in texts]
    merges = [m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(texts)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(texts.index(tokens.END))
    writer.add_pad_token_id(texts.index(tokens.PAD))
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    if about is BOOTSTRAP:
        writer.add_chat_template(tokens.CHAT_TEMPLATE)


def export(folder, target, kind, about):
    config = json.loads((folder / "config.json").read_text())
    writer = gguf.GGUFWriter(target, "llama")
    write_metadata(writer, config, kind, about)
    write_tokenizer(writer, folder, about)
    count = 0
    for name, array in gguf_tensors(folder, config):
        count += array.size
        if array.ndim == 2:
            stored = gguf.GGMLQuantizationType[kind.upper()]
            writer.add_tensor(name, gguf.quants.quantize(array, stored), raw_dtype=stored)
        else:
            writer.add_tensor(name, np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(f"{target}: {Path(target).stat().st_size} bytes, {count} parameters")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="Hugging Face folder")
    parser.add_argument("target", type=Path, help="GGUF file to write")
    parser.add_argument("--type", choices=FILE_TYPES, default="q8_0", help="of the matrices")
    parser.add_argument("--prose", action="store_true", help="the folder is of train.py --prose")
    options = parser.parse_args()
    export(options.folder, options.target, options.type, PROSE if options.prose else BOOTSTRAP)
