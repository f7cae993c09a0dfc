"""The bootstrap model's shape and a lean forward pass for training it; its weights are those of a transformers LlamaForCausalLM."""

import torch
import torch.nn.functional as F
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

import tokens

LAYERS, WIDTH, HEADS, KV_HEADS, HEAD, INNER, CONTEXT = 5, 256, 4, 2, 64, 512, 512
THETA, EPS = 10000.0, 1e-5


def config(layers=LAYERS):
    """3.5 million parameters with 5 layers; every width is a multiple of 256, so that K-quants fit too."""
    return LlamaConfig(vocab_size=tokens.VOCABULARY, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=layers, num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, head_dim=HEAD,
                       max_position_embeddings=CONTEXT, rope_theta=THETA, rms_norm_eps=EPS, tie_word_embeddings=True, bos_token_id=None, eos_token_id=0, pad_token_id=4, attention_bias=False, mlp_bias=False)


class Lean(nn.Module):
    """The same function as LlamaForCausalLM with this config, in `compute` over float32 weights, written so that the compiler can fuse it."""

    def __init__(self, layers=LAYERS, compute=torch.bfloat16):
        super().__init__()
        self.layers, self.compute = layers, compute
        def matrices(rows, columns, deviation=0.02):
            return nn.ParameterList([nn.Parameter(torch.randn(rows, columns) * deviation) for _ in range(layers)])

        def ones():
            return nn.ParameterList([nn.Parameter(torch.ones(WIDTH)) for _ in range(layers)])

        narrow = 0.02 / (2 * layers) ** 0.5
        self.embedding = nn.Parameter(torch.randn(tokens.VOCABULARY, WIDTH) * 0.02)
        self.norm_attention, self.norm_feed = ones(), ones()
        self.query, self.key, self.value = matrices(HEADS * HEAD, WIDTH, 0.04), matrices(KV_HEADS * HEAD, WIDTH, 0.04), matrices(KV_HEADS * HEAD, WIDTH, 0.04)
        self.out = matrices(WIDTH, HEADS * HEAD, narrow)
        self.gate, self.up = matrices(INNER, WIDTH, 0.04), matrices(INNER, WIDTH, 0.04)
        self.down = matrices(WIDTH, INNER, narrow)
        self.norm_last = nn.Parameter(torch.ones(WIDTH))
        angles = torch.outer(torch.arange(float(CONTEXT)), 1 / THETA ** (torch.arange(0, HEAD, 2) / HEAD))
        self.register_buffer("cosine", angles.cos().to(compute), persistent=False)
        self.register_buffer("sine", angles.sin().to(compute), persistent=False)

    def forward(self, ids, mask, places, targets, weights):
        """Weighted mean cross-entropy at `places` (indices into the flattened batch). Padding stands at the end: the causal mask hides it."""
        batch, length = ids.shape
        x = F.embedding(ids, self.embedding).to(self.compute)
        for layer in range(self.layers):
            x = x + self._attend(layer, _norm(x, self.norm_attention[layer]), mask)
            gate, up = F.linear(_norm(x, self.norm_feed[layer]), torch.cat([self.gate[layer], self.up[layer]]).to(self.compute)).chunk(2, -1)
            x = x + F.linear(F.silu(gate) * up, self.down[layer].to(self.compute))
        x = _norm(x, self.norm_last).view(batch * length, WIDTH)[places]
        logits = F.linear(x, self.embedding.to(self.compute)).float()
        return (F.cross_entropy(logits, targets, reduction="none") * weights).sum()

    def _attend(self, layer, x, mask):
        batch, length, _ = x.shape
        mixed = F.linear(x, torch.cat([self.query[layer], self.key[layer], self.value[layer]]).to(self.compute)).view(batch, length, HEADS + 2 * KV_HEADS, HEAD)
        turned = _turn(mixed[:, :, :HEADS + KV_HEADS].transpose(1, 2), self.cosine[:length], self.sine[:length])
        group = HEADS // KV_HEADS
        query = turned[:, :HEADS].reshape(batch * KV_HEADS, group * length, HEAD)
        key = turned[:, HEADS:].reshape(batch * KV_HEADS, length, HEAD)
        value = mixed[:, :, HEADS + KV_HEADS:].transpose(1, 2).reshape(batch * KV_HEADS, length, HEAD)
        scores = torch.bmm(query, key.transpose(1, 2)).float() * HEAD ** -0.5 + mask
        mixed = torch.bmm(torch.softmax(scores, -1).to(self.compute), value)
        mixed = mixed.view(batch, HEADS, length, HEAD).transpose(1, 2).reshape(batch, length, HEADS * HEAD)
        return F.linear(mixed, self.out[layer].to(self.compute))

    def names_for_transformers(self):
        """The parameters under transformers' names."""
        state = {"model.embed_tokens.weight": self.embedding, "model.norm.weight": self.norm_last}
        for i in range(self.layers):
            at = f"model.layers.{i}."
            state |= {at + "self_attn.q_proj.weight": self.query[i], at + "self_attn.k_proj.weight": self.key[i], at + "self_attn.v_proj.weight": self.value[i], at + "self_attn.o_proj.weight": self.out[i],
                      at + "mlp.gate_proj.weight": self.gate[i], at + "mlp.up_proj.weight": self.up[i], at + "mlp.down_proj.weight": self.down[i],
                      at + "input_layernorm.weight": self.norm_attention[i], at + "post_attention_layernorm.weight": self.norm_feed[i]}
        return state


def from_transformers(folder, layers, compute):
    """A Lean with the weights of a Hugging Face folder."""
    lean = Lean(layers, compute)
    theirs = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict()
    names = lean.names_for_transformers()
    with torch.no_grad():
        for name, parameter in names.items():
            parameter.copy_(theirs[name])
    return lean


def causal_mask(length):
    """(group · length, length): queries of one key head are stacked."""
    return torch.full((length, length), -1e9).triu(1).repeat(HEADS // KV_HEADS, 1)


def to_transformers(lean):
    model = LlamaForCausalLM(config(lean.layers))
    state = {name: parameter.detach().clone() for name, parameter in lean.names_for_transformers().items()}
    missing = model.load_state_dict(state, strict=False)
    if missing.unexpected_keys or set(missing.missing_keys) - {"lm_head.weight"}:
        raise ValueError(f"weights do not fit: {missing}")
    model.tie_weights()
    return model.eval()


def _norm(x, weight):
    wide = x.float()
    return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + EPS) * weight).to(x.dtype)


def _turn(x, cosine, sine):
    first, second = x.chunk(2, -1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1)
