"""Measures a model on a file of requests: constrained greedy decoding, exact match of the whole call, per class."""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, normalizers
from transformers import LlamaConfig, LlamaForCausalLM

import tokens
from calls import Form
from export import NAMES

ANSWER_TOKENS_MAX = 200
BATCH = 64


def from_folder(folder):
    """(model, tokenizer) of a Hugging Face folder."""
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(), Tokenizer.from_file(str(folder / "tokenizer.json"))


def from_gguf(path):
    """(model, tokenizer) of a GGUF file, its tensors dequantised, nothing taken from anywhere else."""
    reader = gguf.GGUFReader(path)
    value = {name: field.contents() for name, field in reader.fields.items()}
    config = LlamaConfig(vocab_size=value["llama.vocab_size"], hidden_size=value["llama.embedding_length"], intermediate_size=value["llama.feed_forward_length"], num_hidden_layers=value["llama.block_count"],
                         num_attention_heads=value["llama.attention.head_count"], num_key_value_heads=value["llama.attention.head_count_kv"], head_dim=value["llama.rope.dimension_count"],
                         rope_theta=value["llama.rope.freq_base"], rms_norm_eps=value["llama.attention.layer_norm_rms_epsilon"], tie_word_embeddings=True)
    theirs = {ours: name for name, ours in NAMES.items()}
    state = {}
    for tensor in reader.tensors:
        array = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        part = tensor.name.split(".")
        if part[0] != "blk":
            state[{"token_embd": "model.embed_tokens.weight", "output_norm": "model.norm.weight"}[part[0]]] = torch.tensor(array)
            continue
        if part[2] in ("attn_q", "attn_k"):
            heads = config.num_attention_heads if part[2] == "attn_q" else config.num_key_value_heads
            array = array.reshape(heads, array.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(array.shape)
        state[f"model.layers.{part[1]}.{theirs[part[2]]}.weight"] = torch.tensor(array)
    model = LlamaForCausalLM(config)
    missing, unexpected = model.load_state_dict(state, strict=False)
    # The output matrix is the embedding, which `tie_weights` sets; anything else would stay as it was drawn by chance.
    if unexpected or not set(missing) <= {"lm_head.weight"}:
        raise ValueError(f"tensors missing: {missing}, unexpected: {unexpected}")
    model.tie_weights()
    merges = [tuple(m.split(" ")) for m in value["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({text: i for i, text in enumerate(value["tokenizer.ggml.tokens"])}, merges))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = tokens.split_by(tokens.QWEN2)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(tokens.SPECIALS)
    return model.eval(), tokenizer


def next_token(logits, form, data, end):
    """The likeliest token whose bytes keep the call valid; `form` has taken them. None at the end."""
    for token in torch.argsort(logits, descending=True).tolist():
        if token == end:
            if form.is_done():
                return None
        elif data[token]:
            trial = form.copy()
            if trial.feed_all(data[token]):
                form.items = trial.items
                return token
    raise ValueError("no token is allowed")


@torch.no_grad()
def answer_all(model, tokenizer, requests):
    """One call per request."""
    data, end = tokens.token_bytes(tokenizer), tokenizer.token_to_id(tokens.END)
    pad = tokenizer.token_to_id(tokens.PAD)
    rows = [tokens.prompt_ids(tokenizer, r) for r in requests]
    prompt_sizes = [len(r) for r in rows]
    forms = [Form(r) for r in requests]
    live = set(range(len(rows)))
    for _ in range(ANSWER_TOKENS_MAX):
        for chunk_start in range(0, len(rows), BATCH):
            chunk = [i for i in range(chunk_start, min(chunk_start + BATCH, len(rows))) if i in live]
            if not chunk:
                continue
            width = max(len(rows[i]) for i in chunk)
            ids = torch.tensor([rows[i] + [pad] * (width - len(rows[i])) for i in chunk])
            hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
            last = hidden[torch.arange(len(chunk)), torch.tensor([len(rows[i]) - 1 for i in chunk])]
            for i, logits in zip(chunk, model.lm_head(last)):
                token = next_token(logits, forms[i], data, end)
                if token is None:
                    live.discard(i)
                else:
                    rows[i].append(token)
        if not live:
            break
    return [b"".join(data[t] for t in row[size:]).decode("utf-8", "replace") for row, size in zip(rows, prompt_sizes)]


def report(examples, answers, show):
    """Prints exact match per class, refusals and false refusals; single requests only when asked."""
    right, total = defaultdict(int), defaultdict(int)
    refused = false_refusals = wrong_verb = 0
    for example, answer in zip(examples, answers):
        verb = json.loads(example["call"])["verb"]
        got = json.loads(answer)["verb"] if answer.endswith("}") else ""
        total[verb] += 1
        right[verb] += answer == example["call"]
        refused += verb == "none" and got == "none"
        false_refusals += verb != "none" and got == "none"
        wrong_verb += verb != "none" and got not in (verb, "none")
        if show and answer != example["call"]:
            print(f"{example['request']!r}\n   wanted {example['call']}\n   got    {answer}")
    for verb in sorted(total):
        print(f"{verb:16} {right[verb]:4}/{total[verb]:<4} {100 * right[verb] / total[verb]:6.1f} %")
    answerable = sum(total.values()) - total["none"]
    print(f"exact            {sum(right.values()):4}/{sum(total.values()):<4} {100 * sum(right.values()) / sum(total.values()):6.1f} %")
    if total["none"]:
        print(f"refused          {refused:4}/{total['none']:<4} {100 * refused / total['none']:6.1f} % of the requests that have no verb")
    if answerable:
        print(f"falsely refused  {false_refusals:4}/{answerable:<4} {100 * false_refusals / answerable:6.1f} % of the requests that have one")
        print(f"another verb     {wrong_verb:4}/{answerable:<4} {100 * wrong_verb / answerable:6.1f} %")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help='JSON lines: {"request": ..., "call": ...}')
    parser.add_argument("--model", type=Path, required=True, help="GGUF file or Hugging Face folder")
    parser.add_argument("--show", action="store_true", help="print every wrong answer")
    options = parser.parse_args()
    examples = [json.loads(line) for line in options.file.read_text(encoding="utf-8").splitlines() if line.strip()]
    for example in examples:
        if isinstance(example["call"], dict):
            example["call"] = json.dumps(example["call"], ensure_ascii=False, separators=(",", ":"))
    torch.set_num_threads(1)
    model, tokenizer = from_folder(options.model) if options.model.is_dir() else from_gguf(options.model)
    report(examples, answer_all(model, tokenizer, [e["request"] for e in examples]), options.show)


if __name__ == "__main__":
    main()
