"""Perplexity of a GGUF file on a text, twice: `python llama_cpp_perplexity.py FILE TEXT WINDOW` in a venv with gguf, numpy, llama-cpp-python.

`peer/perplexity` is llama.cpp's, from the logits of its C API on its own tokens, with keys and values kept in F32. `exact/perplexity` is that of a forward pass in float64 (exact.py),
whose activations are never rounded. Windows, predictions and sums are those of
engines/model/examples/perplexity.rs.
"""
import ctypes
import hashlib
import sys

import llama_cpp as ll
import numpy as np

from exact import Exact, nats


@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
def silent(_level, _text, _data):
    pass


def tokenise(model, text):
    room = (ll.llama_token * len(text))()
    count = ll.llama_tokenize(ll.llama_model_get_vocab(model), text, len(text), room, len(room), False, False)
    if count < 0:
        sys.exit("llama.cpp did not tokenise")
    return np.array(room[:count])


def peers_nats(model, windows, length):
    parameters = ll.llama_context_default_params()
    parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = length
    parameters.n_threads = parameters.n_threads_batch = 1
    parameters.type_k = parameters.type_v = ll.GGML_TYPE_F32
    context = ll.llama_init_from_model(model, parameters)
    if not context:
        sys.exit("llama.cpp made no context")
    batch, vocabulary, total = ll.llama_batch_init(length, 0, 1), ll.llama_vocab_n_tokens(ll.llama_model_get_vocab(model)), 0.0
    for window in windows:
        ll.llama_memory_clear(ll.llama_get_memory(context), True)
        batch.n_tokens = len(window)
        for i, token in enumerate(window):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, i, 1, True
            batch.seq_id[i][0] = 0
        if ll.llama_decode(context, batch) != 0:
            sys.exit("llama.cpp did not decode")
        logits = np.ctypeslib.as_array(ll.llama_get_logits(context), (len(window), vocabulary))
        total += nats(logits[:-1], window[1:])
    ll.llama_batch_free(batch)
    ll.llama_free(context)
    return total


def main():
    path, length = sys.argv[1], int(sys.argv[3])
    with open(sys.argv[2], "rb") as file:
        text = file.read()
    ll.llama_log_set(silent, None)
    ll.llama_backend_init()
    model = ll.llama_model_load_from_file(path.encode(), ll.llama_model_default_params())
    if not model:
        sys.exit(f"{path}: llama.cpp did not load it")
    tokens = tokenise(model, text)
    windows = [tokens[i:i + length] for i in range(0, len(tokens), length)]
    digest = hashlib.sha3_256(tokens.astype("<u4").tobytes()).hexdigest()
    exact, predictions = Exact(path), len(tokens) - len(windows)
    for name, total in (("peer", peers_nats(model, windows, length)), ("exact", sum(exact.nats(window) for window in windows))):
        print(f"{name}/perplexity tokens={len(tokens)} tokens_sha3={digest} predictions={predictions} nats={total:.6f} perplexity={np.exp(total / predictions):.6f}")


main()
