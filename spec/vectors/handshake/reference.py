"""Checks the handshake's vectors with OpenSSL's X25519, ML-KEM-768, ML-DSA-65 and ChaCha20-Poly1305, BLAKE3's own package, and a second ML-DSA-65 (dilithium-py), none of which this project wrote.

Requirements, exactly: cryptography==50.0.2, blake3==1.0.11, dilithium-py==1.5.1. Reads accept and reject beside it; prints what it counted; exits 1 at the first thing that does not agree.
What is written out here is spec/handshake.md alone: each vector is judged from the keys and the randomness in it, by the end that the message is for. OpenSSL verifies signatures; dilithium-py
makes them again, since OpenSSL lets nobody choose the randomness in one through this package. For the same reason the listener's encapsulation is taken from its message; the dialler's
decapsulation says whether it is right.
"""

import base64
import collections
import functools
import hashlib
import json
import pathlib
import sys

from blake3 import blake3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from dilithium_py.ml_dsa import ML_DSA_65

HERE = pathlib.Path(__file__).resolve().parent
COUNTS = collections.Counter()
DOMAIN = b"pan-handshake-v1\0"


class Refused(Exception):
    pass


def agree(what, name, left, right):
    COUNTS[what] += 1
    if left != right:
        sys.exit(f"{name}: {what}: {left!r} is not {right!r}")


def sha3(*parts):
    return hashlib.sha3_256(b"".join(parts)).digest()


def vectors(which):
    files = sorted((HERE / which).glob("*.json"))
    if not files:
        sys.exit(f"no vectors in {which}")
    return [json.loads(file.read_text()) for file in files]


def decoded(value):
    if isinstance(value, dict):
        return {name: decoded(member) for name, member in value.items()}
    return base64.b64decode(value, validate=True)


def cut(message, *lengths):
    if len(message) != sum(lengths):
        sys.exit(f"{len(message)} bytes are not {sum(lengths)}")
    fields = []
    for length in lengths:
        fields.append(message[:length])
        message = message[length:]
    return fields


def signed(key, signature, domain, transcript):
    try:
        MLDSA65PublicKey.from_public_bytes(key).verify(signature, domain + b"\0" + sha3(transcript))
    except InvalidSignature:
        raise Refused("signature") from None


@functools.cache
def made(seed, rnd, domain, transcript):
    """A signature with this randomness (FIPS 204 algorithm 2), by the other implementation: where it draws, it gets what the vector says."""
    _, private = ML_DSA_65.key_derive(seed)
    ML_DSA_65.random_bytes = lambda count: rnd[:count]
    return ML_DSA_65.sign(private, domain + b"\0" + sha3(transcript), deterministic=False)


def stream_keys(session):
    """"After the handshake": from the listener to the dialler, and back."""
    first = blake3(b"\x00" + b"pan-session-v1\0" + b"\x0f" + session + b"\x20").digest()
    second = blake3(b"\x02" + b"_COMMONWARE_STREAM_CUPS" + b"\x17" + b"\x01" + b"\x01", key=first).digest()
    return tuple(blake3(b"\x03" + label + b"\x0a", key=second).digest() for label in (b"cipher_l2d", b"cipher_d2l"))


def first_record(key, frame):
    cipher = ChaCha20Poly1305(key)
    header, body = (count.to_bytes(12, "little") for count in (0, 1))
    return cipher.encrypt(header, len(frame).to_bytes(4, "big"), None) + cipher.encrypt(body, frame, None)


def exchanged(private, share):
    """OpenSSL refuses a shared secret of zeros by itself."""
    try:
        return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(share))
    except ValueError:
        raise Refused("share") from None


class Handshake:
    def __init__(self, vector):
        self.name = vector["name"]
        self.namespace = decoded(vector["namespace"])
        self.dialler, self.listener = decoded(vector["dialler"]), decoded(vector["listener"])
        self.dialler_key, self.listener_key = (MLDSA65PrivateKey.from_seed_bytes(end["seed"]).public_key().public_bytes_raw() for end in (self.dialler, self.listener))
        self.kem = MLKEM768PrivateKey.from_seed_bytes(self.dialler["ml_kem"])
        self.x_d = X25519PrivateKey.from_private_bytes(self.dialler["x25519"]).public_key().public_bytes_raw()

    def challenge(self, message):
        """Step 2, by the dialler."""
        domain, nonce = cut(message, 17, 32)
        if domain != DOMAIN:
            raise Refused("version")
        return nonce

    def hello(self, message, nonce):
        """Steps 3 and 4, by the listener."""
        domain, claimed, x_d, ek, signature = cut(message, 17, 1952, 32, 1184, 3309)
        if domain != DOMAIN:
            raise Refused("version")
        if claimed == self.listener_key:
            raise Refused("own-key")
        length = len(self.namespace).to_bytes(8, "big")
        transcript = DOMAIN + length + self.namespace + self.listener_key + nonce + claimed + x_d + ek
        signed(claimed, signature, b"pan-hello-v1", transcript)
        try:
            MLKEM768PublicKey.from_public_bytes(ek)
        except ValueError:
            raise Refused("share") from None
        return transcript + signature, x_d, exchanged(self.listener["x25519"], x_d), ek

    def accept(self, message, transcript):
        """Step 6, by the dialler."""
        x_l, ciphertext, signature, confirmation = cut(message, 32, 1088, 3309, 32)
        transcript += x_l + ciphertext
        signed(self.listener_key, signature, b"pan-accept-v1", transcript)
        s_x = exchanged(self.dialler["x25519"], x_l)
        s_kem = self.kem.decapsulate(ciphertext)
        secret = sha3(b"pan-secret-v1\0", s_kem, s_x, sha3(transcript + signature))
        if sha3(b"pan-listener-v1\0", secret) != confirmation:
            raise Refused("confirmation")
        return secret, x_l, s_x

    def confirm(self, message, secret):
        """Step 7, by the listener."""
        if sha3(b"pan-dialler-v1\0", secret) != message:
            raise Refused("confirmation")

    def run(self, messages, honest):
        """Judges the messages that there are, in order; those in `honest` have to be the ones that the inputs give."""
        nonce = self.challenge(messages["challenge"])
        if "challenge" in honest:
            agree("the challenge is the listener's nonce", self.name, nonce, self.listener["nonce"])
        if "hello" not in messages:
            return None
        transcript, x_d, s_x_listener, ek = self.hello(messages["hello"], nonce)
        if "hello" in honest:
            t1, signature = transcript[:-3309], transcript[-3309:]
            agree("the dialler's signature", self.name, signature, made(self.dialler["seed"], self.dialler["rnd"], b"pan-hello-v1", t1))
            agree("the dialler's X25519 share", self.name, x_d, self.x_d)
            agree("the dialler's ML-KEM key", self.name, ek, self.kem.public_key().public_bytes_raw())
        if "accept" not in messages:
            return None
        secret, x_l, s_x_dialler = self.accept(messages["accept"], transcript)
        if "accept" in honest:
            t2, signature = transcript + messages["accept"][:1120], messages["accept"][1120:4429]
            agree("the listener's signature", self.name, signature, made(self.listener["seed"], self.listener["rnd"], b"pan-accept-v1", t2))
            agree("the listener's X25519 share", self.name, x_l, X25519PrivateKey.from_private_bytes(self.listener["x25519"]).public_key().public_bytes_raw())
            agree("both ends' X25519 secret", self.name, s_x_listener, s_x_dialler)
        if "confirm" in messages:
            self.confirm(messages["confirm"], secret)
        return sha3(b"pan-session-v1\0", secret)


def main():
    names = ("challenge", "hello", "accept", "confirm")
    for vector in vectors("accept"):
        messages = {name: decoded(vector[name]) for name in names}
        session = Handshake(vector).run(messages, names)
        agree("session", vector["name"], session, decoded(vector["session"]))
        for way, key in zip(("l2d", "d2l"), stream_keys(session)):
            agree("stream key", vector["name"], key, decoded(vector[f"key_{way}"]))
            agree("first record", vector["name"], first_record(key, decoded(vector["frame"])), decoded(vector[f"record_{way}"]))
    for vector in vectors("reject"):
        messages = {name: decoded(vector[name]) for name in names if name in vector}
        honest = [name for name in messages if name != vector["refused"]]
        agree("the refused message is the last", vector["name"], list(messages)[-1], vector["refused"])
        try:
            Handshake(vector).run(messages, honest)
            found = None
        except Refused as why:
            found = str(why)
        agree("reason", vector["name"], found, vector["reason"])
    for what, count in COUNTS.items():
        print(f"{count:>4}  {what}")
    print(f"{sum(COUNTS.values())} passed, 0 failed")


main()
