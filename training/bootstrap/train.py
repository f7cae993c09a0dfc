"""Trains a model of the bootstrap's shape from scratch, on generated examples or on plain English, and writes a Hugging Face folder."""

import argparse
import hashlib
import inspect
import json
import multiprocessing
import os
import platform
import resource
import shutil
import time
import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

import prose
import tokens
from generate import Requests
from model import LAYERS, Lean, causal_mask, from_transformers, to_transformers

SEED = 20261123
SHARD = 50_000
VOCABULARY_SHARDS = 2
REQUEST_WEIGHT = 0.3  # On every fourth token of the request; an answer's tokens weigh 1.
WORKERS = 2  # Processes of one thread each; each computes half of every batch.
HOLD = 0.6
PROSE_ROW = 256  # Tokens of plain English in a row.
GRAIN = 8  # Rows are padded to a multiple of this.
HERE = Path(__file__).parent
DATA = "data.npz"
WEIGHTS = "weights"  # The weights so far. The optimisers' state is not among them, so no run goes on from there.


def shard(number, hard=False):
    """The examples of one shard; its content depends on the seed, its number and the phase alone."""
    requests = Requests(f"{SEED}/hard/{number}" if hard else f"{SEED}/{number}", hard)
    return [requests.draw() for _ in range(SHARD)]


def encoded_shard(arguments):
    """(flat ids, offsets, start of each answer) of one shard."""
    number, vocabulary, hard = arguments
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(vocabulary)
    examples = shard(number, hard)
    end, user, assistant = (tokenizer.token_to_id(t) for t in (tokens.END, tokens.USER, tokens.ASSISTANT))
    asked = tokenizer.encode_batch([r for r, _ in examples], add_special_tokens=False)
    answered = tokenizer.encode_batch([c for _, c in examples], add_special_tokens=False)
    flat, offsets, answers = [], [0], []
    for request, call in zip(asked, answered):
        ids = [user, *request.ids, end, assistant]
        answers.append(len(ids))
        flat += ids + call.ids + [end]
        offsets.append(len(flat))
    return np.array(flat, np.uint16), np.array(offsets, np.int64), np.array(answers, np.int64)


def prepare(folder, shards, earlier, origin):
    """Generates and encodes every shard, writes data.npz and tokenizer.json. The first phase learns the vocabulary, the second takes the earlier one's."""
    vocabulary = str(folder / "tokenizer.json")
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        if earlier:
            Path(vocabulary).write_text((earlier / "tokenizer.json").read_text(encoding="utf-8"), encoding="utf-8")
        else:
            learnt = pool.map(shard, range(VOCABULARY_SHARDS))
            tokens.learn(text for part in learnt for pair in part for text in pair).save(vocabulary)
        parts = pool.map(encoded_shard, [(n, vocabulary, earlier is not None) for n in range(shards)], chunksize=1)
    flat = np.concatenate([p[0] for p in parts])
    shifts = np.cumsum([0] + [len(p[0]) for p in parts])
    offsets = np.concatenate([p[1][:-1] + s for p, s in zip(parts, shifts)] + [[len(flat)]])
    keep(folder, origin, flat=flat, offsets=offsets, answers=np.concatenate([p[2] for p in parts]))


def prepare_prose(folder, token_count, origin):
    """As `prepare` for plain English: rows of PROSE_ROW tokens in which every token but the first is asked for."""
    paragraphs = prose.trained()
    tokenizer = tokens.learn(paragraphs, tokens.QWEN2)
    tokenizer.save(str(folder / "tokenizer.json"))
    encoded = tokenizer.encode_batch([paragraph + "\n" for paragraph in paragraphs], add_special_tokens=False)
    flat = np.concatenate([np.array(one.ids, np.uint16) for one in encoded])
    print(f"prose: {len(flat)} tokens, of which {token_count} are used", flush=True)
    rows = min(token_count, len(flat)) // PROSE_ROW
    keep(folder, origin, flat=flat[:rows * PROSE_ROW], offsets=np.arange(rows + 1) * PROSE_ROW, answers=np.ones(rows, np.int64))


def origin_of(options):
    """A digest of all that the data follows from: what is asked for, the earlier vocabulary, the banks, the code that writes the data, and whose texts and random numbers it takes."""
    asked = {"prose": options.prose} if options.prose else {"shards": options.shards, "hard": options.after is not None}
    parts = {"asked": json.dumps(asked), "numbers": repr((SEED, SHARD, VOCABULARY_SHARDS, PROSE_ROW)), "python": platform.python_version()}
    if options.after and not options.prose:
        parts["vocabulary"] = (options.after / "tokenizer.json").read_text(encoding="utf-8")
    for path in [*sorted((HERE / "banks").glob("*.txt")), *(HERE / f"{name}.py" for name in ("calls", "generate", "grammar", "noise", "prose", "tokens", "values"))]:
        parts[path.name] = path.read_text(encoding="utf-8")
    for function in (shard, encoded_shard, prepare, prepare_prose):
        parts[function.__name__] = inspect.getsource(function)
    for package in ("tokenizers", *(prose.TRAINED if options.prose else ())):
        parts[package] = version(package)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def keep(folder, origin, **arrays):
    """Writes data.npz, whole or not at all, with the digest of what it follows from."""
    temporary = folder / f"{DATA}.tmp"
    with open(temporary, "wb") as out:
        np.savez(out, origin=np.array(origin), **arrays)
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, folder / DATA)


def kept_origin(folder):
    """What the data that is there follows from; None if it does not say, or does not read."""
    try:
        with np.load(folder / DATA) as data:
            return str(data["origin"])
    except (EOFError, KeyError, ValueError, zipfile.BadZipFile):
        return None


def batches(offsets, budget, rng):
    """Batches of rows of about equal length, each of about `budget` tokens with padding, in a seeded order."""
    lengths = (np.diff(offsets) + GRAIN - 1) // GRAIN * GRAIN
    order = rng.permutation(len(lengths))
    made = []
    # Sorted only within windows, so that the examples of a batch still mix freely.
    for window in np.array_split(order, max(1, len(order) // 20_000)):
        window = window[np.argsort(lengths[window], kind="stable")]
        start = 0
        while start < len(window):
            stop = start + 1
            while stop < len(window) and int(lengths[window[stop]]) * (stop - start + 1) <= budget:
                stop += 1
            if stop - start >= 2 * WORKERS:
                made.append(window[start:stop])
            start = stop
    rng.shuffle(made)
    return made


def collate(rows, data):
    """(ids, places, targets, weights): what the forward pass takes, for some rows of the data."""
    flat, offsets, answers = data["flat"], data["offsets"], data["answers"]
    width = (int(max(offsets[rows + 1] - offsets[rows])) + GRAIN - 1) // GRAIN * GRAIN
    ids = np.full((len(rows), width), 4, np.int64)
    weights = np.zeros((len(rows), width), np.float32)
    for i, r in enumerate(rows):
        n = offsets[r + 1] - offsets[r]
        ids[i, :n] = flat[offsets[r]:offsets[r + 1]]
        weights[i, 1 + r % 4:answers[r]:4] = REQUEST_WEIGHT
        weights[i, answers[r]:n] = 1.0
    at = np.flatnonzero(weights)
    return (torch.from_numpy(ids), causal_mask(width), torch.from_numpy(at - 1), torch.from_numpy(ids.reshape(-1)[at]), torch.from_numpy(weights.reshape(-1)[at]))


class Schedule:
    """Warms up, holds, then cools down to nothing in a straight line.

    The cool-down begins at a given step or, when none is given, at the step that HOLD of the allowed minutes
    had passed before; its length follows from that step, so that naming the step repeats the run exactly.
    """

    def __init__(self, peak, warm_steps, steps_max, cool_from, minutes):
        self.peak, self.warm_steps, self.steps_max, self.cool_from, self.minutes = peak, warm_steps, steps_max, cool_from, minutes

    def steps(self):
        return min(self.steps_max, int(self.cool_from / HOLD)) if self.cool_from else self.steps_max

    def observe(self, step, minutes_passed):
        """True when the cool-down begins here."""
        if self.cool_from is None and (minutes_passed > HOLD * self.minutes or step >= HOLD * self.steps_max):
            self.cool_from = step
            return True
        return False

    def rate(self, step):
        warm = min(1.0, (step + 1) / self.warm_steps)
        if self.cool_from is None or step < self.cool_from:
            return self.peak * warm
        return self.peak * warm * (1 - (step - self.cool_from) / (self.steps() - self.cool_from + 1))


def optimizers_for(model, rate):
    """Muon (orthogonalised momentum, scaled to AdamW's step) for the layers' matrices, AdamW for the embedding and the norms."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and name != "embedding"]
    norms = [p for p in model.parameters() if p.ndim == 1]
    return [torch.optim.Muon(matrices, lr=rate, weight_decay=0.05, momentum=0.95, nesterov=True, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW([{"params": [model.embedding], "weight_decay": 0.05}, {"params": norms, "weight_decay": 0.0}], lr=rate, betas=(0.9, 0.98), fused=True)]


def exchange(model, loss, weight, minutes):
    """Adds gradients, losses and weights over the workers; gradients become those of the weighted mean.

    Returns (mean loss, minutes passed): the same numbers for every worker.
    """
    parameters = list(model.parameters())
    flat = torch.cat([p.grad.reshape(-1) for p in parameters] + [loss.detach().reshape(1), torch.tensor([minutes / WORKERS]), weight.reshape(1)])
    dist.all_reduce(flat)
    flat[:-2] /= flat[-1]
    start = 0
    for p in parameters:
        p.grad.copy_(flat[start:start + p.numel()].view_as(p))
        start += p.numel()
    return flat[start].item(), flat[start + 1].item()


def fit(rank, folder, options):
    """One worker: its share of every batch, the same update as the other."""
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29617")
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    dist.init_process_group("gloo", rank=rank, world_size=WORKERS)
    data = dict(np.load(folder / DATA))
    plan = batches(data["offsets"], options.budget, np.random.default_rng(SEED))
    compute = torch.float32 if options.float32 else torch.bfloat16
    model = from_transformers(options.after, options.layers, compute) if options.after else Lean(options.layers, compute)
    compiled = torch.compile(model, dynamic=True)
    optimizers = optimizers_for(model, options.rate)
    schedule = Schedule(options.rate, options.warm, len(plan), options.cool_from, options.minutes)
    started = saved = time.time()
    recent = []
    for step, rows in enumerate(plan):
        if step >= schedule.steps():
            break
        for group in (g for optimizer in optimizers for g in optimizer.param_groups):
            group["lr"] = schedule.rate(step)
        inputs = collate(rows[rank::WORKERS], data)
        model.zero_grad(set_to_none=True)
        loss = compiled(*inputs)
        loss.backward()
        mean, minutes = exchange(model, loss, inputs[-1].sum(), (time.time() - started) / 60)
        recent.append(mean)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        cooling = schedule.observe(step, minutes)
        if rank == 0 and (step % 50 == 0 or cooling or step + 1 == schedule.steps()):
            note = f", cooling down from step {step}" if cooling else ""
            print(f"step {step}/{schedule.steps()} loss {np.mean(recent[-50:]):.4f} wall {minutes:.1f} min, {processor_minutes(resource.RUSAGE_SELF):.1f} of this worker's processor{note}", flush=True)
        if rank == 0 and time.time() - saved > 240:
            save(model, folder, WEIGHTS)
            saved = time.time()
    if rank == 0:
        save(model, folder, "hf")
    dist.destroy_process_group()


def processor_minutes(who):
    used = resource.getrusage(who)
    return (used.ru_utime + used.ru_stime) / 60


def save(lean, folder, name):
    """Writes a Hugging Face folder beside the data. What has its name is whole; a run that is killed between the two renames leaves the folder before it whole too, as .NAME.before."""
    target, temporary, before = folder / name, folder / f".{name}.tmp", folder / f".{name}.before"
    shutil.rmtree(temporary, ignore_errors=True)
    to_transformers(lean).save_pretrained(temporary)
    (temporary / "tokenizer.json").write_text((folder / "tokenizer.json").read_text(encoding="utf-8"), encoding="utf-8")
    (temporary / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": tokens.END, "pad_token": tokens.PAD, "chat_template": tokens.CHAT_TEMPLATE}, indent=1) + "\n")
    if target.exists():
        shutil.rmtree(before, ignore_errors=True)
        target.rename(before)
    temporary.rename(target)
    shutil.rmtree(before, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the data, the weights so far and, as hf/, the model")
    parser.add_argument("--after", type=Path, help="second phase: the folder hf/ of the first")
    parser.add_argument("--shards", type=int, default=16, help=f"of {SHARD} examples each")
    parser.add_argument("--prose", type=int, help="train on this many tokens of plain English instead")
    parser.add_argument("--budget", type=int, default=12_288, help="tokens in a batch, with padding")
    parser.add_argument("--minutes", type=float, default=40, help="of training, about; decides when to cool down")
    parser.add_argument("--cool-from", type=int, help="cool down from this step instead, to repeat a run exactly; 0: from the start, over all the data")
    parser.add_argument("--warm", type=int, default=200, help="steps until the peak learning rate")
    parser.add_argument("--layers", type=int, default=LAYERS)
    parser.add_argument("--float32", action="store_true", help="compute in float32: faster on a processor without instructions for bfloat16")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    started = time.time()
    origin = origin_of(options)
    if not (options.out / DATA).exists():
        if options.prose:
            prepare_prose(options.out, options.prose, origin)
        else:
            prepare(options.out, options.shards, options.after, origin)
    elif kept_origin(options.out) != origin:
        raise SystemExit(f"{options.out / DATA} is not the data of this run: it was made with other options, another vocabulary, other banks or another version; give another --out, or remove it")
    print(f"data in {(time.time() - started) / 60:.1f} min", flush=True)
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=fit, args=(rank, options.out, options)) for rank in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.exitcode != 0:
            raise SystemExit("a training worker failed; see above")
    print(f"done: wall {(time.time() - started) / 60:.1f} min, processors {processor_minutes(resource.RUSAGE_CHILDREN):.1f} min", flush=True)


if __name__ == "__main__":
    main()
