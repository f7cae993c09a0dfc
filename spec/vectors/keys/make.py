"""Makes accept/seeds.json and reject/files.json: ML-DSA-65 private keys in the seed-only PKCS#8 form of spec/keys.md.

Written by PyPI `cryptography` (48 or newer), a library that Mickai does not use. Run: python3 make.py
"""

import hashlib
import json
import pathlib

import cryptography
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import mldsa

HERE = pathlib.Path(__file__).parent
SEEDS = {
    "bytes 00 to 1f": bytes(range(32)),
    "all zero": bytes(32),
    "all one-bits": b"\xff" * 32,
    "SHA-256 of the word mickai": hashlib.sha256(b"mickai").digest(),
}


def case(reason, seed):
    key = mldsa.MLDSA65PrivateKey.from_seed_bytes(seed)
    pkcs8 = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"reason": reason, "seed": seed.hex(), "pkcs8": pkcs8.hex(), "spki": spki.hex(), "key_id": hashlib.sha256(spki).hexdigest()}


def rejects():
    good = bytes.fromhex(case("", bytes(range(32)))["pkcs8"])
    ed25519 = bytes.fromhex("302e020100300506032b657004220420") + bytes(range(32))
    other = mldsa.MLDSA44PrivateKey.from_seed_bytes(bytes(range(32)))
    ml_dsa_44 = other.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return [
        {"reason": "empty", "pkcs8": ""},
        {"reason": "the bare seed", "pkcs8": bytes(range(32)).hex()},
        {"reason": "one byte short", "pkcs8": good[:-1].hex()},
        {"reason": "one byte after the end", "pkcs8": (good + b"\x00").hex()},
        {"reason": "version 1", "pkcs8": (good[:4] + b"\x01" + good[5:]).hex()},
        {"reason": "seed without its context tag", "pkcs8": (good[:20] + b"\x04" + good[21:]).hex()},
        {"reason": "another algorithm: ML-DSA-44", "pkcs8": ml_dsa_44.hex()},
        {"reason": "another algorithm: Ed25519", "pkcs8": ed25519.hex()},
    ]


def write(path, cases):
    made_by = f"make.py with cryptography {cryptography.__version__}"
    (HERE / path).write_text(json.dumps({"made_by": made_by, "cases": cases}, indent=1) + "\n")


write("accept/seeds.json", [case(reason, seed) for reason, seed in SEEDS.items()])
write("reject/files.json", rejects())
