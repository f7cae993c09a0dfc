"""Makes the tokenizer vectors: `python make.py` in a venv with tokenizers, transformers and gguf.

Every family (`llama`, `qwen2`) gets `<family>.json`, a tokenizer.json of 2,048 ids trained on text made from a seed; `<family>.gguf`, the same
vocabulary in a GGUF header without tensors; `cases.json`: texts with the ids that Hugging Face tokenizers gives them;
`chats.json`: conversations with the text and ids of transformers' apply_chat_template.
"""
import json
import random
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "model"))
sys.dont_write_bytecode = True

import gguf
import tokenizer as vocabulary

FAMILIES = ("llama", "qwen2")
FIXED = [
    "", " ", "  ", "\n", "\r\n", "\t\t x", "a", "Hello, world!", "it's we'll I'D they'Re", "1", "12", "123", "1234", "12345678901", "3.14159e-10", "x=1;y=22;z=333",
    "    def f(x):\n        return x ** 2\n\n\n", "trailing   ", "   leading", "a\u00a0b", "a\u3000b", "\u2028line", "e\u0301te\u0301", "A\u030angstro\u0308m", "\ufb01n", "①②③ Ⅷ ½ ٣٤٥",
    "🙂", "👩‍👩‍👧‍👦 family", "🇮🇹🇨🇭", "👍🏽", "日本語のテキスト", "한국어 텍스트", "שלום עולם", "مرحبا بالعالم", "नमस्ते दुनिया", "ภาษาไทย", "Здравствуй, мир", "\u0000\u0001\u007f", "\ufeffbom",
    "\U0001f9d1\u200d\U0001f4bb", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "a\u0300\u0301\u0302b", "…—–“”‘’", "$€£¥", "\\n not a newline", "http://example.org/a?b=c&d=%20e#f", "<|im_start", "|im_end|>", "<tool", "\u1100\u1161\u11a8", "\uac01",
]
CHATS = [
    [{"role": "user", "content": "what ran yesterday after three?"}],
    [{"role": "system", "content": "You are brief."}, {"role": "user", "content": "Hi!"}],
    [{"role": "user", "content": "  spaces around \n"}, {"role": "assistant", "content": "Yes.\n\n"}, {"role": "user", "content": "été 🙂 日本"}],
    [{"role": "user", "content": ""}],
]
DATE = "23 Nov 2026"


def texts(seed, count):
    """The fixed texts, then sentences, runs of white space, and characters from everywhere."""
    rng = random.Random(seed)
    out = list(FIXED)
    planes = [(0x20, 0x7f), (0xa0, 0x250), (0x370, 0x400), (0x400, 0x500), (0x5d0, 0x5eb), (0x620, 0x64b), (0x905, 0x940), (0xe01, 0xe31), (0x3041, 0x3097), (0x4e00, 0x5200), (0xac00, 0xad00), (0x1f600, 0x1f64f), (0x300, 0x330)]
    while len(out) < count:
        pick = rng.random()
        if pick < 0.4:
            out.append("".join(vocabulary.sentence(rng) for _ in range(rng.randrange(1, 3))))
        elif pick < 0.6:
            out.append("".join(rng.choice([" ", "  ", "\n", "\r\n", "\t", "\u00a0", "a", "B9", "'s", "!", "99"]) for _ in range(rng.randrange(1, 24))))
        else:
            out.append("".join(chr(rng.randrange(*rng.choice(planes))) for _ in range(rng.randrange(1, 24))))
    return out


def main():
    cases = [{"text": text} for text in texts(21, 500)]
    chats = [{"messages": chat, "date": DATE} for chat in CHATS]
    for family in FAMILIES:
        tokenizer = vocabulary.train(family, 2048, 9)
        folder = HERE / "scratch"
        vocabulary.save(family, tokenizer, folder)
        (HERE / f"{family}.json").write_bytes((folder / "tokenizer.json").read_bytes())
        for part in folder.iterdir():
            part.unlink()
        folder.rmdir()
        writer = gguf.GGUFWriter(HERE / f"{family}.gguf", family)
        vocabulary.gguf_vocabulary(writer, family, tokenizer)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        for case in cases:
            case[family] = tokenizer.encode(case["text"], add_special_tokens=False).ids
        wrapped = vocabulary.wrap(family, tokenizer)
        for chat in chats:
            text = wrapped.apply_chat_template(chat["messages"], tokenize=False, add_generation_prompt=True, date_string=DATE)
            chat[family] = {"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids}
    write = lambda name, rows: (HERE / name).write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    write("cases.json", cases)
    write("chats.json", chats)


if __name__ == "__main__":
    main()
