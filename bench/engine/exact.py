"""A forward pass in float64 over the dequantised weights of a GGUF file: what the file says, before anybody's arithmetic. Needs gguf and numpy."""
import gguf
import numpy as np


def nats(logits, targets):
    """The sum of -ln of the probabilities that rows of logits give to their targets, in float64."""
    logits = logits.astype(np.float64)
    logits -= logits.max(-1, keepdims=True)
    return float((np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, targets[:, None], -1)[:, 0]).sum())


class Exact:
    """A decoder of the architecture `llama` with tied embeddings, in float64."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        self.weights = {t.name: gguf.quants.dequantize(t.data, t.tensor_type).astype(np.float64) for t in reader.tensors}
        number = lambda name: reader.get_field(f"llama.{name}").contents()
        self.layers, self.heads, self.groups, self.eps = number("block_count"), number("attention.head_count"), number("attention.head_count_kv"), number("attention.layer_norm_rms_epsilon")
        self.width = number("rope.dimension_count")
        self.frequencies = float(number("rope.freq_base")) ** -(np.arange(0, self.width, 2) / self.width)

    def nats(self, tokens):
        """The sum of -ln of the probabilities of all tokens but the first, in an empty context."""
        x = self.weights["token_embd.weight"][tokens]
        for layer in range(self.layers):
            of = lambda name: self.weights[f"blk.{layer}.{name}.weight"]
            x = x + self._attend(self._norm(x, of("attn_norm")), of)
            n = self._norm(x, of("ffn_norm"))
            gate = n @ of("ffn_gate").T
            x = x + (gate / (1 + np.exp(-gate)) * (n @ of("ffn_up").T)) @ of("ffn_down").T
        logits = self._norm(x, self.weights["output_norm.weight"]) @ self.weights["token_embd.weight"].T
        return nats(logits[:-1], tokens[1:])

    def _norm(self, x, weight):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.eps) * weight

    def _attend(self, x, of):
        length = len(x)
        split = lambda name, heads: (x @ of(name).T).reshape(length, heads, self.width).transpose(1, 0, 2)
        query, key, value = self._turn(split("attn_q", self.heads)), self._turn(split("attn_k", self.groups)), split("attn_v", self.groups)
        key, value = (np.repeat(a, self.heads // self.groups, 0) for a in (key, value))
        scores = query @ key.transpose(0, 2, 1) / np.sqrt(self.width) + np.triu(np.full((length, length), -np.inf), 1)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = shares / shares.sum(-1, keepdims=True) @ value
        return mixed.transpose(1, 0, 2).reshape(length, -1) @ of("attn_output").T

    def _turn(self, x):
        """Neighbours are a pair, as the architecture has it in GGUF."""
        angles = np.outer(np.arange(x.shape[1]), self.frequencies)
        first, second = x[..., 0::2], x[..., 1::2]
        return np.stack([first * np.cos(angles) - second * np.sin(angles), second * np.cos(angles) + first * np.sin(angles)], -1).reshape(x.shape)
