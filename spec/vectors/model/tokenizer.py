"""Byte-level BPE tokenizers of the two supported families, trained on text made from a seed."""
import random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

# The pre-tokenizer patterns of Llama 3 and Qwen 2, as their tokenizer.json files carry them.
LLAMA_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA_SPECIALS = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
QWEN_SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# Qwen 2.5 has added tokens that are not special: recognised in markup, kept in decoded text.
QWEN_ADDED = ["<tool_call>", "</tool_call>"]

LLAMA_TEMPLATE = """{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not message['role'] in ['user', 'assistant'] %}
        {{- raise_exception("only user and assistant turns may follow") }}
    {%- endif %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""
QWEN_TEMPLATE = """{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- else %}
    {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

SYLLABLES = "ba be bi bo ca ce co da de di do fa fe ga go ha he in ka la le li lo ma me mi mo na ne no on pa pe ra re ri ro sa se si so ta te ti to un va ve vi za th er st".split()
WORDS = "the of and to in is that for it as was with be by on not he his but at are this have from or had an which you their what all were we when there can more".split()
CODE = ["fn main() {", "    let x = 1;", "}", "for i in range(10):", "\treturn value", "if (a != b) {", "#include <stdio.h>", "print(f\"{x}\")", "// why", "self.items[index]", "=> None,", "&&", "||", "->", "::", "'ll", "'s"]
WIDE = ["été", "naïve", "Straße", "Ünïcödé", "привет", "мир", "日本語", "你好", "世界", "한국어", "שלום", "مرحبا", "नमस्ते", "ไทย", "🙂", "👩‍👩‍👧", "🇮🇹", "e\u0301", "A\u030a", "…", "—", "€", "①", "Ⅷ", "½", "٣"]


def sentence(rng):
    """One line of prose, code, figures or other scripts."""
    kind = rng.random()
    if kind < 0.25:
        return "  " * rng.randrange(4) + rng.choice(CODE) + "\n"
    words = []
    for _ in range(rng.randrange(3, 14)):
        pick = rng.random()
        if pick < 0.4:
            words.append(rng.choice(WORDS))
        elif pick < 0.75:
            words.append("".join(rng.choice(SYLLABLES) for _ in range(rng.randrange(1, 5))))
        elif pick < 0.88:
            words.append(str(rng.randrange(10 ** rng.randrange(1, 7))))
        else:
            words.append(rng.choice(WIDE))
    text = rng.choice([" ", " ", " ", "  ", "_", ", "]).join(words)
    return (text.capitalize() if rng.random() < 0.5 else text) + rng.choice([".", "!", "?", ":", ""]) + rng.choice(["\n", "\n\n", " ", "\r\n"])


def corpus(seed, lines):
    rng = random.Random(seed)
    return [sentence(rng) for _ in range(lines)]


def train(family, vocab_count, seed):
    """A `tokenizers.Tokenizer` of the family `llama` or `qwen2` with `vocab_count` ids in all."""
    llama = family == "llama"
    specials = LLAMA_SPECIALS if llama else QWEN_SPECIALS + QWEN_ADDED
    tokenizer = Tokenizer(models.BPE(ignore_merges=llama))
    tokenizer.normalizer = None if llama else normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA_PATTERN if llama else QWEN_PATTERN), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_count - len(specials), initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tokenizer.train_from_iterator(corpus(seed, 6000), trainer)
    assert tokenizer.get_vocab_size() == vocab_count - len(specials)
    for content in specials:
        special = content not in QWEN_ADDED
        tokenizer.add_tokens([AddedToken(content, special=special, normalized=False)])
    if llama:
        bos = LLAMA_SPECIALS[0]
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, tokenizer.token_to_id(bos))]),
        ])
    else:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def wrap(family, tokenizer):
    """The transformers tokenizer around it, with special roles and chat template set."""
    llama = family == "llama"
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=LLAMA_SPECIALS[0] if llama else None,
        eos_token="<|eot_id|>" if llama else "<|im_end|>",
        pad_token=None if llama else "<|endoftext|>",
        chat_template=LLAMA_TEMPLATE if llama else QWEN_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def gguf_vocabulary(writer, family, tokenizer):
    """Writes the vocabulary into a `gguf.GGUFWriter` as llama.cpp's converter does."""
    import gguf
    import json

    llama = family == "llama"
    state = json.loads(tokenizer.to_str())
    added = {token["id"]: token for token in state["added_tokens"]}
    by_id = {index: text for text, index in tokenizer.get_vocab(with_added_tokens=True).items()}
    tokens, types = [], []
    for index in range(len(by_id)):
        tokens.append(by_id[index])
        if index not in added:
            types.append(gguf.TokenType.NORMAL)
        elif added[index]["special"]:
            types.append(gguf.TokenType.CONTROL)
        else:
            types.append(gguf.TokenType.USER_DEFINED)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe" if llama else "qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(pair) if isinstance(pair, list) else pair for pair in state["model"]["merges"]])
    if llama:
        writer.add_bos_token_id(tokenizer.token_to_id("<|begin_of_text|>"))
    else:
        writer.add_pad_token_id(tokenizer.token_to_id("<|endoftext|>"))
    writer.add_eos_token_id(tokenizer.token_to_id("<|eot_id|>" if llama else "<|im_end|>"))
    writer.add_add_bos_token(llama)
    writer.add_chat_template(LLAMA_TEMPLATE if llama else QWEN_TEMPLATE)


def save(family, tokenizer, folder):
    wrap(family, tokenizer).save_pretrained(folder)
    assert (Path(folder) / "tokenizer.json").exists()
