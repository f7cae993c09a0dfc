"""Writes vault.json and policies.json beside this file, by other means than the product: PyNaCl (libsodium) encrypts, hashlib digests.

Run once with a Python that has PyNaCl; everything is fixed, so that it writes the same bytes again."""

import hashlib
import json
import pathlib

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt

HERE = pathlib.Path(__file__).parent


def fixed(name: str, length: int) -> bytes:
    """Bytes that look random and are the same every time."""
    return hashlib.shake_256(name.encode()).digest(length)


def field(home_key: bytes, log: bytes, index: int, label: str, value: bytes) -> tuple[bytes, bytes]:
    """One field of a vault file, and its salt."""
    aad = b"mickai-vault-v1\0" + log + index.to_bytes(8, "big") + label.encode()
    salt, data_key = fixed(f"salt {label}", 32), fixed(f"data key {label}", 32)
    key_nonce, value_nonce = fixed(f"key nonce {label}", 24), fixed(f"value nonce {label}", 24)
    wrapped = encrypt(data_key, aad, key_nonce, home_key)
    sealed = encrypt(salt + value, aad, value_nonce, data_key)
    return bytes([len(label)]) + label.encode() + len(sealed).to_bytes(4, "little") + key_nonce + wrapped + value_nonce + sealed, salt


def commitment(salt: bytes, label: str, value: bytes) -> str:
    return hashlib.sha3_256(b"oar-commit-v1\0" + salt + bytes([len(label)]) + label.encode() + value).hexdigest()


def vault() -> dict:
    home_key, log, index = fixed("home key", 32), fixed("log", 32), 0x0012_3456_789A
    values = {"output": "Grüße".encode(), "prompt": b"hello", "prompt_tokens": bytes([1, 0, 0, 0, 2, 0, 0, 0]), "empty": b""}
    fields = {label: field(home_key, log, index, label, values[label]) for label in sorted(values)}
    whole = b"mickaiV1" + b"".join(part for part, _ in fields.values())
    return {
        "about": "a vault file of four fields, and the same after prompt and prompt_tokens were erased",
        "home_key": home_key.hex(),
        "log": log.hex(),
        "index": index,
        "path": f"{index >> 20:08x}/{index >> 10 & 0x3FF:03x}/{index:08x}.v",
        "file": whole.hex(),
        "erased": ["prompt", "prompt_tokens"],
        "file_after": (b"mickaiV1" + b"".join(part for label, (part, _) in fields.items() if not label.startswith("prompt"))).hex(),
        "fields": [
            {"label": label, "salt": salt.hex(), "value": values[label].hex(), "commitment": commitment(salt, label, values[label])}
            for label, (_, salt) in fields.items()
        ],
    }


EXAMPLE = """mickai-retention 1
version 7
automatic yes
keep forever train no
keep 365d train no action replay
keep 30d train no label output
keep 90d train yes label output action generate
"""

DEFAULT = """mickai-retention 1
version 0
automatic no
keep forever train no
"""


def rule(label: str, action: str, keep: str, train: bool) -> dict:
    return {"label": label, "action": action, "keep": keep, "train": train}


def policies() -> dict:
    head = DEFAULT
    accepted = [
        ("the example of spec/privacy.md", EXAMPLE, [
            rule("output", "generate", "90d", True),
            rule("output_tokens", "generate", "90d", True),
            rule("output", "replay", "30d", False),
            rule("prompt", "replay", "365d", False),
            rule("prompt_tokens", "generate", "forever", False),
        ]),
        ("what holds when nobody has said anything", DEFAULT, [rule("prompt", "generate", "forever", False)]),
        ("every unit", head + "keep 1d train no label a\nkeep 1h train no label b\nkeep 1m train no label c\nkeep 1s train no label d\nkeep 0s train no label e\n", [
            rule("c", "x", "1m", False), rule("e_tokens", "x", "0s", False),
        ]),
        ("labels beyond ASCII, in the order of their bytes", head + "keep 1d train no label z\nkeep 1d train yes label ä\n", [rule("ä", "x", "1d", True)]),
        ("63 rules beside that for everything", head + "".join(f"keep 1d train no label a{i:02}\n" for i in range(63)), [rule("a62", "x", "1d", False)]),
        ("the longest span", head.replace("forever", "365000d"), [rule("x", "x", "365000d", False)]),
    ]
    rejected = [
        ("nothing", ""),
        ("another version of the form", DEFAULT.replace("retention 1", "retention 2")),
        ("no line end at the end", DEFAULT[:-1]),
        ("an empty line at the end", DEFAULT + "\n"),
        ("line ends of another system", DEFAULT.replace("\n", "\r\n")),
        ("a version with a leading zero", DEFAULT.replace("version 0", "version 00")),
        ("a version that is no number", DEFAULT.replace("version 0", "version x")),
        ("neither yes nor no", DEFAULT.replace("automatic no", "automatic NO")),
        ("no rule for everything", DEFAULT.replace("keep forever train no\n", "")),
        ("a rule for something in the place of that for everything", DEFAULT.replace("train no", "train no label a")),
        ("a span in a shorter unit than it could be", DEFAULT.replace("forever", "24h")),
        ("a span in weeks", DEFAULT.replace("forever", "2w")),
        ("a span with a leading zero", DEFAULT.replace("forever", "030d")),
        ("a span over the limit", DEFAULT.replace("forever", "365001d")),
        ("two blanks", DEFAULT.replace("keep forever", "keep  forever")),
        ("a label twice", head + "keep 1d train no label a label a\n"),
        ("the action before the label", head + "keep 1d train no action x label a\n"),
        ("a label without its name", head + "keep 1d train no label\n"),
        ("more words", head + "keep 1d train no label a please\n"),
        ("rules out of order", head + "keep 1d train no label b\nkeep 1d train no label a\n"),
        ("an action after a label", head + "keep 1d train no label b\nkeep 1d train no action a\n"),
        ("one rule twice", head + "keep 1d train no label a\nkeep 1d train no label a\n"),
        ("two rules for one scope", head + "keep 1d train no label a\nkeep 2d train no label a\n"),
        ("a rule for tokens", head + "keep 1d train no label prompt_tokens\n"),
        ("a label of 65 bytes", head + f"keep 1d train no label {'a' * 65}\n"),
        ("a label with a control character", head + "keep 1d train no label a\tb\n"),
        ("64 rules beside that for everything", head + "".join(f"keep 1d train no label a{i:02}\n" for i in range(64))),
    ]
    digest = lambda text: hashlib.sha3_256(b"oar-policy-v1\0" + text.encode()).hexdigest()
    return {
        "accept": [{"reason": reason, "text": text, "digest": digest(text), "rules": rules} for reason, text, rules in accepted],
        "reject": [{"reason": reason, "text": text} for reason, text in rejected],
    }


for name, content in [("vault", vault()), ("policies", policies())]:
    (HERE / f"{name}.json").write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
