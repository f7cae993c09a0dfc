"""Makes the vectors of spec/keys.md with libraries that Mickai does not use: {accept,reject}/{seeds,files}.json, ML-DSA-65 private keys in the seed-only PKCS#8 form, with PyPI `cryptography` (48 or newer);
{accept,reject}/protected.json, files behind a passphrase, with `argon2-cffi` and `pynacl`; accept/signer.json, messages of the signer, with `cbor2`. Run: python3 make.py
"""

import base64
import hashlib
import json
import pathlib
import struct

import argon2.low_level
import cbor2
import cryptography
import nacl.bindings
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


def spki(seed):
    key = mldsa.MLDSA65PrivateKey.from_seed_bytes(seed).public_key()
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def pkcs8(seed):
    key = mldsa.MLDSA65PrivateKey.from_seed_bytes(seed)
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def recovery_text(seeds):
    """Two PEM blocks of 64 characters a line, by hand: the form is RFC 7468's."""
    text = "Mickai: the next and the recovery key, in this order. Move this file to another place; it is not needed here.\n"
    for seed in seeds:
        der = base64.b64encode(pkcs8(seed)).decode()
        lines = [der[at : at + 64] for at in range(0, len(der), 64)]
        text += "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----"]) + "\n"
    return text.encode()


def protected(content, public, secret, passphrase, memory=64, passes=1, lanes=1, salt=bytes(range(16)), nonce=bytes(range(24))):
    header = b"mickaiK1" + bytes([content, 1]) + struct.pack(">II", memory, passes) + bytes([lanes]) + salt + nonce + struct.pack(">I", len(public)) + public
    key = argon2.low_level.hash_secret_raw(passphrase, salt, passes, memory, lanes, 32, argon2.low_level.Type.ID, version=0x13)
    return header + nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(secret, header, nonce, key)


SEED, NEXT, RECOVERY = (hashlib.sha256(word).digest() for word in (b"current", b"next", b"recovery"))
WORDS = b"correct horse battery staple"


def protected_cases():
    ids = b"".join(hashlib.sha256(spki(seed)).digest() for seed in (NEXT, RECOVERY))
    backup = SEED + bytes([7]) * 32 + bytes([9]) * 32
    cases = [
        ("an operator key, cheap to open", 1, spki(SEED), pkcs8(SEED), WORDS, {}),
        ("an operator key, at the price that Mickai writes", 1, spki(SEED), pkcs8(SEED), WORDS, {"memory": 131072, "passes": 3}),
        ("the recovery keys", 2, ids, recovery_text([NEXT, RECOVERY]), WORDS, {}),
        ("a backup: seed, vault key, log id", 3, spki(SEED), backup, WORDS, {}),
        ("four lanes, three passes", 1, spki(SEED), pkcs8(SEED), WORDS, {"memory": 96, "passes": 3, "lanes": 4}),
        ("a passphrase that is not ASCII", 1, spki(SEED), pkcs8(SEED), "Schl\u00fcssel \u9375 \U0001f511".encode(), {}),
        ("a passphrase of 1,024 bytes", 1, spki(SEED), pkcs8(SEED), b"x" * 1024, {}),
    ]
    return [
        {"reason": reason, "passphrase": words.hex(), "secret": secret.hex(), "file": protected(content, public, secret, words, **price).hex()}
        for reason, content, public, secret, words, price in cases
    ]


def protected_rejects():
    good = protected(1, spki(SEED), pkcs8(SEED), WORDS)

    def put(at, data):
        return good[:at] + data + good[at + len(data) :]

    cases = [
        ("empty", "malformed", b""),
        ("the header alone", "malformed", good[: 63 + 1974]),
        ("a tag without a secret", "malformed", good[: 63 + 1974 + 16]),
        ("an unknown content", "malformed", put(8, b"\x04")),
        ("an unknown derivation", "malformed", put(9, b"\x02")),
        ("no pass", "malformed", put(14, struct.pack(">I", 0))),
        ("no lane", "malformed", put(18, b"\x00")),
        ("less than 8 KiB a lane", "malformed", put(18, b"\x09")),
        ("a public part longer than the file", "malformed", put(59, struct.pack(">I", 1 << 31))),
        ("another version", "newer", put(7, b"2")),
        ("4 TiB of memory", "too-costly", put(10, b"\xff\xff\xff\xff")),
        ("one KiB over a GiB", "too-costly", put(10, struct.pack(">I", (1 << 20) + 1))),
        ("four milliard passes", "too-costly", put(14, b"\xff\xff\xff\xff")),
        ("another salt", "closed", put(19, b"\xff")),
        ("another nonce", "closed", put(35, b"\xff")),
        ("another public part", "closed", put(100, b"\xff\xfe")),
        ("a changed secret", "closed", put(len(good) - 20, bytes([good[-20] ^ 1]))),
        ("a changed tag", "closed", put(len(good) - 1, bytes([good[-1] ^ 1]))),
        ("one byte after the end", "closed", good + b"\x00"),
    ]
    cases = [{"reason": reason, "fault": fault, "passphrase": WORDS.hex(), "file": file.hex()} for reason, fault, file in cases]
    return [*cases, {"reason": "another passphrase", "fault": "closed", "passphrase": b"incorrect horse".hex(), "file": good.hex()}]


def signer_cases():
    log, digest, root, prev = bytes([1]) * 32, bytes([2]) * 64, bytes([3]) * 32, bytes([4]) * 64
    requests = [
        ("which key", [1, 0]),
        ("record 7", [1, 1, log, 7, digest]),
        ("the last record that may be", [1, 1, log, 2**53 - 1, digest]),
        ("a checkpoint of 300 records", [1, 2, log, 300, root]),
        ("a rotation at index 70,000", [1, 3, log, 70000, prev, bytes([5]) * 32, bytes([6]) * 32]),
        ("a statement: retired from index 37", [1, 4, log, bytes([7]) * 32, 37, []]),
        ("a statement: in other hands since a time", [1, 4, log, bytes([7]) * 32, 37, [1795424000000]]),
    ]
    replies = [
        ("the key", [1, 0, spki(SEED)]),
        ("a signature", [1, 1, bytes([8]) * 3309]),
        ("refused: not in the form", [1, 2]),
        ("refused: before a checkpoint of 300 records", [1, 3, 300]),
        ("refused: a fork of a checkpoint of 300 records", [1, 4, 300]),
        ("refused: no memory", [1, 5, "the disk is full"]),
        ("refused: the library failed", [1, 6]),
    ]
    both = [("request", case) for case in requests] + [("reply", case) for case in replies]
    return [{"reason": reason, "is": what, "message": cbor2.dumps(message, canonical=True).hex()} for what, (reason, message) in both]


def write(path, cases):
    made_by = f"make.py with cryptography {cryptography.__version__}"
    (HERE / path).write_text(json.dumps({"made_by": made_by, "cases": cases}, indent=1) + "\n")


write("accept/seeds.json", [case(reason, seed) for reason, seed in SEEDS.items()])
write("reject/files.json", rejects())
write("accept/protected.json", protected_cases())
write("reject/protected.json", protected_rejects())
write("accept/signer.json", signer_cases())
