"""Tokens per second of llama.cpp: `python llama_cpp_speed.py FILE THREADS PROMPT GENERATION REPETITIONS [SEQUENCES]` in a venv with llama-cpp-python, built for this machine.

Prints one line for each measured phase with the median of wall time and of CPU time, under the best of its settings: flash attention on or off, weights mapped or read into its
own memory (which GLIBC_TUNABLES=glibc.malloc.hugetlb=1 puts on large pages), for several sequences one cache for all or one each. An eighth of the prompt, a few steps of the
others, find the best; the whole extent is measured under it alone. Logits are computed for the last token of the prompt and for each generated one. With SEQUENCES, so many generate
GENERATION tokens each, one of each in every step, and nothing else is measured.
"""
import ctypes
import itertools
import resource
import statistics
import sys
import time

import llama_cpp as ll

# Tokens of a prompt that go through the layers together.
BATCH = 512
# Trials of a setting, the first of which warms up.
TRIALS = 2


@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
def silent(_level, _text, _data):
    pass


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def load(path, mapped):
    parameters = ll.llama_model_default_params()
    parameters.use_mmap = mapped
    model = ll.llama_model_load_from_file(path.encode(), parameters)
    if not model:
        sys.exit(f"{path}: llama.cpp did not load it")
    return model


class Context:
    """One context of a model under one setting."""

    def __init__(self, model, threads, flash, unified, positions, sequences):
        parameters = ll.llama_context_default_params()
        # Rounded up to what one cache for each of several sequences asks for.
        parameters.n_ctx = (positions + 255) // 256 * 256 * sequences
        parameters.n_batch = parameters.n_ubatch = BATCH
        parameters.n_seq_max = sequences
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.flash_attn_type = 1 if flash else 0
        parameters.kv_unified = unified
        self.context = ll.llama_init_from_model(model, parameters)
        if not self.context:
            sys.exit(f"llama.cpp made no context of {positions} positions")
        self.sequences = sequences
        self.batch = ll.llama_batch_init(max(BATCH, sequences), 0, 1)

    def close(self):
        ll.llama_batch_free(self.batch)
        ll.llama_free(self.context)

    def decode(self, rows):
        """Rows are (token, position, sequence, whether its logits are wanted); the last one's are."""
        batch = self.batch
        batch.n_tokens = len(rows)
        for i, (token, position, sequence, wanted) in enumerate(rows):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, position, 1, wanted
            batch.seq_id[i][0] = sequence
        if ll.llama_decode(self.context, batch) != 0:
            sys.exit("llama.cpp did not decode")
        # Waits for the result, as a caller would.
        ll.llama_get_logits_ith(self.context, len(rows) - 1)

    def prompt(self, count):
        for start in range(0, count, BATCH):
            end = min(count, start + BATCH)
            self.decode([(i * 7 % 1000, i, 0, i + 1 == count) for i in range(start, end)])

    def generation(self, count):
        for i in range(count):
            self.decode([(i % 1000, i, sequence, True) for sequence in range(self.sequences)])

    def timed(self, work, count, repetitions):
        """Seconds of wall and of CPU of each."""
        found = []
        for _ in range(repetitions):
            ll.llama_memory_clear(ll.llama_get_memory(self.context), True)
            wall, used = time.perf_counter(), cpu()
            work(self, count)
            found.append((time.perf_counter() - wall, cpu() - used))
        return found


def measure(models, threads, work, count, trial, repetitions, sequences):
    """The median seconds of wall and CPU, and the setting they were had with."""
    tried = {}
    for (memory, model), flash, unified in itertools.product(models.items(), (False, True), (False, True) if sequences > 1 else (False,)):
        context = Context(model, threads, flash, unified, trial, sequences)
        tried[memory, flash, unified] = min(context.timed(work, trial, TRIALS)[1:])
        context.close()
    memory, flash, unified = best = min(tried, key=tried.get)
    context = Context(models[memory], threads, flash, unified, count, sequences)
    context.timed(work, trial, 1)
    walls, used = zip(*context.timed(work, count, repetitions))
    context.close()
    return statistics.median(walls), statistics.median(used), best


def main():
    path, numbers = sys.argv[1], [int(word) for word in sys.argv[2:]]
    threads, prompt, generation, repetitions, *rest = numbers
    sequences = rest[0] if rest else 1
    ll.llama_log_set(silent, None)
    ll.llama_backend_init()
    models = {"mapped": load(path, True), "read": load(path, False)}
    phases = {"prompt": (Context.prompt, prompt, (prompt + 7) // 8), "generation": (Context.generation, generation, min(generation, 8))}
    if sequences > 1:
        phases = {"parallel": (Context.generation, generation, min(generation, 4))}
    for name, (work, count, trial) in phases.items():
        wall, used, (memory, flash, unified) = measure(models, threads, work, count, trial, repetitions, sequences)
        tokens, attention, cache = count * sequences, "flash" if flash else "plain", f" sequences={sequences} cache={'one' if unified else 'each'}" if sequences > 1 else ""
        print(f"peer/{name} threads={threads}{cache} tokens_per_s={tokens / wall:.2f} tokens_per_cpu_s={tokens / max(used, 1e-9):.2f} memory={memory} attention={attention}", flush=True)


main()
