"""Trains the bootstrap model from scratch on generated examples and writes a Hugging Face folder."""

import argparse
import json
import math
import multiprocessing
import time
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

import tokens
from generate import Requests

SEED = 20261123
SHARD = 50_000
REQUEST_WEIGHT = 0.1
CONTEXT = 512


def config():
    """The model's shape: 3.5 million parameters, widths that are multiples of 256."""
    return LlamaConfig(vocab_size=tokens.VOCABULARY, hidden_size=256, intermediate_size=512, num_hidden_layers=5, num_attention_heads=4, num_key_value_heads=2, head_dim=64,
                       max_position_embeddings=CONTEXT, rope_theta=10000.0, rms_norm_eps=1e-5, tie_word_embeddings=True, bos_token_id=None, eos_token_id=0, pad_token_id=4, attention_bias=False, mlp_bias=False)


def shard(number):
    """The examples of one shard; a shard's content depends on the seed and its number alone."""
    requests = Requests(f"{SEED}/{number}")
    return [requests.draw() for _ in range(SHARD)]


def encode(tokenizer, examples):
    """Examples to (flat ids, offsets, start of each answer)."""
    end, user, assistant = (tokenizer.token_to_id(t) for t in (tokens.END, tokens.USER, tokens.ASSISTANT))
    asked = tokenizer.encode_batch([r for r, _ in examples], add_special_tokens=False)
    answered = tokenizer.encode_batch([c for _, c in examples], add_special_tokens=False)
    flat, offsets, answers = [], [0], []
    for request, call in zip(asked, answered):
        ids = [user, *request.ids, end, assistant]
        answers.append(len(ids))
        flat += ids + call.ids + [end]
        offsets.append(len(flat))
    return np.array(flat, np.uint16), np.array(offsets, np.int64), np.array(answers, np.int32)


def dataset(folder, shards):
    """Generates and encodes every shard in two processes; learns the vocabulary from the first two."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        parts = []
        tokenizer = None
        waiting = []
        for examples in pool.imap(shard, range(shards)):
            if tokenizer is None:
                waiting.append(examples)
                if len(waiting) < min(2, shards):
                    continue
                tokenizer = tokens.learn(text for part in waiting for pair in part for text in pair)
                tokenizer.save(str(folder / "tokenizer.json"))
                parts += [encode(tokenizer, part) for part in waiting]
                continue
            parts.append(encode(tokenizer, examples))
    flat = np.concatenate([p[0] for p in parts])
    shifts = np.cumsum([0] + [len(p[0]) for p in parts])
    offsets = np.concatenate([p[1][:-1] + s for p, s in zip(parts, shifts)] + [[len(flat)]])
    return tokenizer, flat, offsets, np.concatenate([p[2] for p in parts])


def batches(offsets, budget, rng):
    """Batches of rows of equal padded length (a multiple of 8), each of about `budget` tokens, in a seeded order."""
    lengths = (np.diff(offsets) + 7) // 8 * 8
    order = rng.permutation(len(lengths))
    # Sorted only within windows, so that each batch still mixes freely.
    made = []
    for window in np.array_split(order, max(1, len(order) // 20_000)):
        window = window[np.argsort(lengths[window], kind="stable")]
        start = 0
        while start < len(window):
            width = int(lengths[window[start]])
            stop = start
            while stop < len(window) and int(lengths[window[stop]]) * (stop - start + 1) <= budget:
                stop += 1
            made.append(window[start:max(stop, start + 1)])
            start = max(stop, start + 1)
    rng.shuffle(made)
    return made


def collate(rows, flat, offsets, answers):
    width = int(max(offsets[r + 1] - offsets[r] for r in rows) + 7) // 8 * 8
    ids = np.full((len(rows), width), 4, np.int64)
    weights = np.zeros((len(rows), width), np.float32)
    for i, r in enumerate(rows):
        n = offsets[r + 1] - offsets[r]
        ids[i, :n] = flat[offsets[r]:offsets[r + 1]]
        weights[i, 1:answers[r]] = REQUEST_WEIGHT
        weights[i, answers[r]:n] = 1.0
    return torch.from_numpy(ids), torch.from_numpy(weights)


def loss_of(model, ids, weights):
    """Mean weighted cross-entropy of the next token. Padding stands at the end, so causal attention needs no mask."""
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    wanted = weights[:, 1:] > 0
    logits = model.lm_head(hidden[:, :-1][wanted]).float()
    each = torch.nn.functional.cross_entropy(logits, ids[:, 1:][wanted], reduction="none")
    w = weights[:, 1:][wanted]
    return (each * w).sum() / w.sum()


def save(model, tokenizer, folder):
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": tokens.END, "pad_token": tokens.PAD, "chat_template": tokens.CHAT_TEMPLATE}, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="Hugging Face folder to write")
    parser.add_argument("--shards", type=int, default=24, help=f"of {SHARD} examples each")
    parser.add_argument("--budget", type=int, default=12_288, help="tokens in a batch")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_num_threads(2)
    started = time.time()
    tokenizer, flat, offsets, answers = dataset(options.out, options.shards)
    print(f"data: {len(answers)} examples, {len(flat)} tokens, {time.time() - started:.0f} s", flush=True)
    model = LlamaForCausalLM(config())
    print(f"model: {sum(p.numel() for p in model.parameters())} parameters", flush=True)
    fit(model, tokenizer, (flat, offsets, answers), options, started)
    save(model, tokenizer, options.out)
    clock = time.process_time()
    print(f"done: {(time.time() - started) / 60:.1f} minutes of wall clock, {clock / 60:.1f} of processor time without the generator's processes", flush=True)


def fit(model, tokenizer, data, options, started):
    flat, offsets, answers = data
    rng = np.random.default_rng(SEED)
    plan = batches(offsets, options.budget, rng)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}], lr=options.rate, betas=(0.9, 0.98), fused=True)
    step_loss = torch.compile(loss_of, dynamic=True) if options.compile else loss_of
    recent, saved = [], time.time()
    for step, rows in enumerate(plan):
        rate = options.rate * min(1.0, (step + 1) / 200) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / len(plan))))
        for group in optimizer.param_groups:
            group["lr"] = rate
        ids, weights = collate(rows, flat, offsets, answers)
        with torch.autocast("cpu", torch.bfloat16):
            loss = step_loss(model, ids, weights)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        recent.append(loss.item())
        if step % 50 == 0:
            print(f"step {step}/{len(plan)} loss {np.mean(recent[-50:]):.4f} rate {rate:.2e} minutes {(time.time() - started) / 60:.1f}", flush=True)
        if time.time() - saved > 240:
            save(model, tokenizer, options.out.with_name(options.out.name + "-snapshot"))
            saved = time.time()
    print(f"last: loss {np.mean(recent[-50:]):.4f}", flush=True)


if __name__ == "__main__":
    main()
