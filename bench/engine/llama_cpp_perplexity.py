"""Perplexity of a GGUF file on a text, twice: `python llama_cpp_perplexity.py FILE TEXT WINDOW` in a venv with gguf, numpy, llama-cpp-python.

`peer/perplexity` is llama.cpp's, from the logits of its C API on its own tokens, with keys and values kept in F32. `exact/perplexity` is a forward pass in float64 over the file's
dequantised weights, whose activations are never rounded: what the file says, before anybody's arithmetic. Windows, predictions and sums are those of
engines/model/examples/perplexity.rs.
"""
import ctypes
import hashlib
import sys

import gguf
import llama_cpp as ll
import numpy as np

WINDOWS_AT_ONCE = 8


@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
def silent(_level, _text, _data):
    pass


def nats(logits, targets):
    """The sum of -ln of the probabilities that rows of logits give to their targets, in float64."""
    logits = logits.astype(np.float64)
    logits -= logits.max(-1, keepdims=True)
    return float((np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, targets[..., None], -1)[..., 0]).sum())


def tokenise(model, text):
    room = (ll.llama_token * len(text))()
    count = ll.llama_tokenize(ll.llama_model_get_vocab(model), text, len(text), room, len(room), False, False)
    if count < 0:
        sys.exit("llama.cpp did not tokenise")
    return np.array(room[:count])


def peers_nats(model, windows, length):
    parameters = ll.llama_context_default_params()
    parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = length
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


class Exact:
    """A decoder of the architecture `llama` with tied embeddings, in float64."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        self.weights = {t.name: gguf.quants.dequantize(t.data, t.tensor_type).astype(np.float64) for t in reader.tensors}
        number = lambda name: reader.get_field(f"llama.{name}").contents()
        self.layers, self.heads, self.groups, self.eps = number("block_count"), number("attention.head_count"), number("attention.head_count_kv"), number("attention.layer_norm_rms_epsilon")
        self.width = number("rope.dimension_count")
        self.frequencies = float(number("rope.freq_base")) ** -(np.arange(0, self.width, 2) / self.width)

    def nats(self, windows):
        """Windows of one length, one row each."""
        x = self.weights["token_embd.weight"][windows]
        for layer in range(self.layers):
            of = lambda name: self.weights[f"blk.{layer}.{name}.weight"]
            x = x + self._attend(self._norm(x, of("attn_norm")), of)
            n = self._norm(x, of("ffn_norm"))
            gate = n @ of("ffn_gate").T
            x = x + (gate / (1 + np.exp(-gate)) * (n @ of("ffn_up").T)) @ of("ffn_down").T
        logits = self._norm(x, self.weights["output_norm.weight"]) @ self.weights["token_embd.weight"].T
        return nats(logits[:, :-1], windows[:, 1:])

    def _norm(self, x, weight):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.eps) * weight

    def _attend(self, x, of):
        rows, length, _ = x.shape
        split = lambda name, heads: (x @ of(name).T).reshape(rows, length, heads, self.width).transpose(0, 2, 1, 3)
        query, key, value = self._turn(split("attn_q", self.heads)), self._turn(split("attn_k", self.groups)), split("attn_v", self.groups)
        key, value = (np.repeat(a, self.heads // self.groups, 1) for a in (key, value))
        scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(self.width) + np.triu(np.full((length, length), -np.inf), 1)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = shares / shares.sum(-1, keepdims=True) @ value
        return mixed.transpose(0, 2, 1, 3).reshape(rows, length, -1) @ of("attn_output").T

    def _turn(self, x):
        """Neighbours are a pair, as the architecture has it in GGUF."""
        angles = np.outer(np.arange(x.shape[2]), self.frequencies)
        first, second = x[..., 0::2], x[..., 1::2]
        return np.stack([first * np.cos(angles) - second * np.sin(angles), second * np.cos(angles) + first * np.sin(angles)], -1).reshape(x.shape)


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
    exact, whole = Exact(path), len(tokens) // length
    batches = [np.stack(windows[i:min(i + WINDOWS_AT_ONCE, whole)]) for i in range(0, whole, WINDOWS_AT_ONCE)] + [window[None] for window in windows[whole:]]
    predictions = len(tokens) - len(windows)
    for name, total in (("peer", peers_nats(model, windows, length)), ("exact", sum(exact.nats(batch) for batch in batches))):
        print(f"{name}/perplexity tokens={len(tokens)} tokens_sha3={digest} predictions={predictions} nats={total:.6f} perplexity={np.exp(total / predictions):.6f}")


main()
