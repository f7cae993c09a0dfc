"""Tokens per second of llama.cpp: `python llama_cpp_speed.py FILE THREADS PROMPT GENERATION REPETITIONS` in a venv with llama-cpp-python, built for this machine.

Prints one line for each measured phase with the median of wall time and of CPU time, under the best of its settings: flash attention on and off, weights mapped and
read into its own memory (which GLIBC_TUNABLES=glibc.malloc.hugetlb=1 puts on large pages). Logits are computed for the last token of the prompt and for each generated one.
"""
import ctypes
import resource
import statistics
import sys
import time

import llama_cpp as ll


@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
def silent(_level, _text, _data):
    pass


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def decode(context, batch, tokens, position):
    batch.n_tokens = len(tokens)
    for i, token in enumerate(tokens):
        batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, position + i, 1, i + 1 == len(tokens)
        batch.seq_id[i][0] = 0
    if ll.llama_decode(context, batch) != 0:
        sys.exit("llama.cpp did not decode")
    # Waits for the result, as a caller would.
    ll.llama_get_logits_ith(context, len(tokens) - 1)


def measure(model, threads, flash, prompt, generation, repetitions):
    parameters = ll.llama_context_default_params()
    parameters.n_ctx = max(prompt, generation) + 64
    parameters.n_batch = parameters.n_ubatch = 512
    parameters.n_threads = parameters.n_threads_batch = threads
    if hasattr(parameters, "flash_attn_type"):
        parameters.flash_attn_type = 1 if flash else 0
    else:
        parameters.flash_attn = flash
    context = ll.llama_init_from_model(model, parameters)
    if not context:
        return None
    clear = (lambda: ll.llama_memory_clear(ll.llama_get_memory(context), True)) if hasattr(ll, "llama_get_memory") else (lambda: ll.llama_kv_self_clear(context))
    batch = ll.llama_batch_init(max(prompt, 1), 0, 1)
    phases = {"prompt": (prompt, lambda: decode(context, batch, [i * 7 % 1000 for i in range(prompt)], 0)), "generation": (generation, lambda: [decode(context, batch, [i], i) for i in range(generation)])}
    found = {}
    for name, (tokens, work) in phases.items():
        walls, cpus = [], []
        for repetition in range(repetitions + 1):
            clear()
            wall, used = time.perf_counter(), cpu()
            work()
            if repetition > 0:
                walls.append(time.perf_counter() - wall)
                cpus.append(cpu() - used)
        found[name] = (tokens / statistics.median(walls), tokens / statistics.median(cpus))
    ll.llama_batch_free(batch)
    ll.llama_free(context)
    return found


def main():
    path, numbers = sys.argv[1], [int(word) for word in sys.argv[2:]]
    threads, prompt, generation, repetitions = numbers
    ll.llama_log_set(silent, None)
    ll.llama_backend_init()
    best = {}
    for mapped in (True, False):
        parameters = ll.llama_model_default_params()
        parameters.use_mmap = mapped
        model = ll.llama_model_load_from_file(path.encode(), parameters)
        if not model:
            sys.exit(f"{path}: llama.cpp did not load it")
        for flash in (False, True):
            found = measure(model, threads, flash, prompt, generation, repetitions) or {}
            for name, (wall, used) in found.items():
                if wall > best.get(name, (0.0,))[0]:
                    best[name] = (wall, used, "mapped" if mapped else "read", "flash" if flash else "plain")
        ll.llama_model_free(model)
    for name, (wall, used, memory, attention) in best.items():
        print(f"peer/{name} threads={threads} tokens_per_s={wall:.2f} tokens_per_cpu_s={used:.2f} memory={memory} attention={attention}")


main()
