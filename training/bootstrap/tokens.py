"""The byte-level BPE vocabulary of the bootstrap model and the shape of a conversation in tokens."""

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

VOCABULARY = 2048
END, USER, ASSISTANT, SYSTEM, PAD = "<|end|>", "<|user|>", "<|assistant|>", "<|system|>", "<|pad|>"
SPECIALS = [END, USER, ASSISTANT, SYSTEM, PAD]
CHAT_TEMPLATE = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"

# Source: Qwen2's tokenizer.json (Apache-2.0); GGUF calls it "qwen2". It splits digits singly, which makes numbers easy to copy.
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
# Merges are learnt with every space alone. A word then has the same tokens in the middle of a request
# and at the start of a copied value, so that copying is one token after the other.
LEARNING = r"\p{L}+|\p{N}|[^\s\p{L}\p{N}]+|\s"


def learn(texts, pattern=LEARNING):
    """Trains the vocabulary on an iterator of texts, cut by `pattern`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = split_by(pattern)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=SPECIALS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), max_token_length=16, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.pre_tokenizer = split_by(QWEN2)
    return tokenizer


def prompt_ids(tokenizer, request):
    """The request as the chat template writes it, up to where the answer starts."""
    ids = [tokenizer.token_to_id(USER)] + tokenizer.encode(request, add_special_tokens=False).ids
    return ids + [tokenizer.token_to_id(END), tokenizer.token_to_id(ASSISTANT)]


def token_bytes(tokenizer):
    """The bytes of every token; None for the special ones."""
    table = {c: b for b, c in _byte_alphabet().items()}
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return [None if text in SPECIALS else bytes(table[c] for c in text) for text, _ in vocabulary]


def _byte_alphabet():
    """GPT-2's printable character for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {b: chr(b) for b in printable}
    spare = (b for b in range(256) if b not in table)
    table.update({b: chr(256 + n) for n, b in enumerate(spare)})
    return table


def split_by(pattern):
    """A byte-level pre-tokenizer that cuts by one pattern."""
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
