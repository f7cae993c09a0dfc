"""Reads the key files that the binary wrote into a folder with tools that this project did not write, and verifies what the key signed.

Requirements, exactly: argon2-cffi==25.1.0, cbor2==6.3.0, cryptography==50.0.2, jwcrypto==1.6.1, pynacl==1.6.2. Run: python3 interop.py FOLDER, with the files that faces/cli/tests/end_to_end/keys.rs puts there.
COSE and JOSE tools that have no AKP keys yet, and were tried: joserfc 1.8.0, Authlib 1.9.10, PyJWT 2.15.1, cwt 3.3.0, pycose 1.1.0, npm cose-js 0.9.0; npm jose 6.2.18 has them through the Web Cryptography API of
Node 24.7 or newer.
"""

import base64
import hashlib
import io
import json
import pathlib
import struct
import sys

import argon2.low_level
import cbor2
import nacl.bindings
import nacl.exceptions
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key, load_pem_private_key, load_pem_public_key
from jwcrypto import jwk

FOLDER = pathlib.Path(sys.argv[1])
COUNTS = {}


def read(name):
    return (FOLDER / name).read_bytes()


def agree(what, left, right):
    COUNTS[what] = COUNTS.get(what, 0) + 1
    if left != right:
        sys.exit(f"{what}: {left!r} is not {right!r}")


def refused(what, error, call):
    COUNTS[what] = COUNTS.get(what, 0) + 1
    try:
        call()
    except error:
        return
    sys.exit(f"{what}: was taken")


def spki(key):
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def opened(name, passphrase):
    """spec/keys.md "Protected", step by step. Gives content, public part and secret."""
    file = read(name)
    agree(f"{name} by argon2-cffi and pynacl", file[:8], b"mickaiK1")
    content, derivation, memory, passes, lanes = struct.unpack(">BBIIB", file[8:19])
    agree(f"{name} by argon2-cffi and pynacl", derivation, 1)
    salt, nonce, (length,) = file[19:35], file[35:59], struct.unpack(">I", file[59:63])
    header, sealed = file[: 63 + length], file[63 + length :]
    key = argon2.low_level.hash_secret_raw(passphrase, salt, passes, memory, lanes, 32, argon2.low_level.Type.ID, version=0x13)
    return content, header[63:], nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, header, nonce, key)


def pem_blocks(text):
    marks = text.split(b"-----BEGIN PRIVATE KEY-----")[1:]
    return [load_pem_private_key(b"-----BEGIN PRIVATE KEY-----" + mark, None) for mark in marks]


def check_keys(words):
    public = load_pem_public_key(read("operator.pub"))
    assert isinstance(public, MLDSA65PublicKey)
    private = load_der_private_key(read("operator.p8"), None)
    assert isinstance(private, MLDSA65PrivateKey)
    agree("operator.p8 by cryptography", spki(private.public_key()), spki(public))
    agree("operator.p8 by cryptography", private.private_bytes_raw(), read("operator.p8")[22:])
    recovery = pem_blocks(read("recovery.mickai"))
    agree("recovery.mickai by cryptography", len(recovery), 2)
    ids = b"".join(hashlib.sha256(spki(key.public_key())).digest() for key in recovery)

    agree("protected.p8 by argon2-cffi and pynacl", opened("protected.p8", words), (1, spki(public), read("operator.p8")))
    agree("protected.mickai by argon2-cffi and pynacl", opened("protected.mickai", words), (2, ids, read("recovery.mickai")))
    content, named, secret = opened("backup", words)
    agree("backup by argon2-cffi and pynacl", (content, named), (3, spki(public)))
    agree("backup by argon2-cffi and pynacl", secret[:64], private.private_bytes_raw() + read("vault.key"))
    refused("another passphrase", nacl.exceptions.CryptoError, lambda: opened("protected.p8", words + b"!"))
    refused("protected.p8 is no PKCS#8", ValueError, lambda: load_der_private_key(read("protected.p8"), words))
    return public, ids, secret[64:]


def check_jwk(public, ids, log_id):
    text = read("operator.jwk").decode()
    key = jwk.JWK.from_json(text)
    agree("JWK by jwcrypto", key.export_to_pem(), read("operator.pub"))
    agree("JWK by jwcrypto", json.loads(key.export_public()), json.loads(text))
    agree("JWK by jwcrypto", json.loads(text)["kid"], hashlib.sha256(spki(public)).hexdigest())
    # RFC 9964 section 6: the required members in order, without blanks.
    members = {name: json.loads(text)[name] for name in ("alg", "kty", "pub")}
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()).rstrip(b"=").decode()
    agree("JWK by jwcrypto", key.thumbprint(), thumbprint)
    document = json.loads(read("well-known.json"))
    agree("well-known document", document["key"], json.loads(text))
    agree("well-known document", document["pem"].encode(), read("operator.pub"))
    agree("well-known document", bytes.fromhex(document["next"] + document["recovery"]), ids)
    agree("well-known document", document["log"], log_id.hex())


def check_bundle(public, log_id):
    stream = io.BytesIO(read("case.oar"))
    parts = []
    while stream.tell() < len(stream.getvalue()):
        parts.append(cbor2.load(stream))
    agree("bundle", parts[0][3], log_id)
    for chunk in (part for part in parts if part[0] == 3):
        for record, cose in zip(chunk[1], chunk[2]):
            protected, _, _, signature = cbor2.loads(cose)
            digest = hashlib.sha3_512(b"oar-record-v1\0" + record).digest()
            public.verify(signature, cbor2.dumps(["Signature1", protected, log_id, digest]))
            agree("record signatures by cryptography", cbor2.loads(protected)[1], -49)
            other = cbor2.dumps(["Signature1", protected, log_id, bytes(64)])
            refused("signatures of another record", InvalidSignature, lambda: public.verify(signature, other))
    text, line = parts[-1][1].decode().split("\n\n")
    blob = base64.b64decode(line.rstrip("\n").split(" ")[2], validate=True)
    public.verify(blob[4:], (text + "\n").encode())
    agree("checkpoint signatures by cryptography", text.splitlines()[0], f"mickai.log/{log_id.hex()}")


def main():
    public, ids, log_id = check_keys(read("words").rstrip(b"\n"))
    check_jwk(public, ids, log_id)
    check_bundle(public, log_id)
    for what, count in sorted(COUNTS.items()):
        print(f"{count:6} {what}")
    # The first mismatch would have ended the run.
    print(f"{sum(COUNTS.values())} passed, 0 failed")


main()
