"""Checks the accepted vectors of record, checkpoint, bundle and fork with tools that this project did not write.

Requirements, exactly: cbor2==6.3.0, cryptography==50.0.2 (any version from 48 on has ML-DSA). Reads ../{record,checkpoint,bundle,fork}/accept; prints what it counted; exits 1 at the first thing
that does not agree. Nothing here was translated from the Rust or the TypeScript: the digests are hashlib's, the CBOR is cbor2's, the signatures are OpenSSL's, the tree is RFC 6962 section 2.1 as written.
"""

import base64
import hashlib
import io
import json
import pathlib
import sys

import cbor2
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key, load_pem_public_key

VECTORS = pathlib.Path(__file__).resolve().parent.parent
CONTENT_TYPE = "application/oar-record+cbor"
COUNTS = {}


def agree(what, name, left, right):
    COUNTS[what] = COUNTS.get(what, 0) + 1
    if left != right:
        sys.exit(f"{name}: {what}: {left!r} is not {right!r}")


def accepted(topic):
    files = sorted((VECTORS / topic / "accept").glob("*.json"))
    if not files:
        sys.exit(f"no vectors in {topic}/accept")
    return [json.loads(file.read_text()) for file in files]


def deterministic(value):
    """RFC 8949 section 4.2.1. cbor2's canonical mode orders keys by length and then bytewise (section 4.2.3), which is the same
    order for keys of one major type in shortest form: all keys here are small unsigned integers, or texts."""
    return cbor2.dumps(value, canonical=True)


def check_orders():
    """That the two orders are one for the keys that a record can have, on every pair of them."""
    keys = list(range(0, 20)), ["", "a", "b", "B", "aa", "\u00e9", "x" * 23, "a" * 24, "z" * 23, "a" * 64]
    for family in keys:
        encoded = [cbor2.dumps(key) for key in family]
        agree("key order", "orders", sorted(encoded), sorted(encoded, key=lambda key: (len(key), key)))
        agree("key order", "orders", deterministic({key: 0 for key in family})[1:], b"".join(key + b"\x00" for key in sorted(encoded)))


def record_digest(record):
    return hashlib.sha3_512(b"oar-record-v1\0" + record).digest()


def check_record(name, record):
    fields = cbor2.loads(record)
    agree("record re-encoded", name, deterministic(fields), record)
    return fields


def root(leaves):
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + root(leaves[:split]) + root(leaves[split:])).digest()


def load_key(spki):
    key = load_der_public_key(spki)
    assert isinstance(key, MLDSA65PublicKey)
    agree("SubjectPublicKeyInfo", "key", key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), spki)
    return key


def check_note(name, note, key, spki):
    """Gives origin's log id, size and root; the signature is OpenSSL's to judge."""
    text, line = note.split("\n\n")
    text += "\n"
    origin, size, head = text.splitlines()
    dash, signer, blob = line.rstrip("\n").split(" ")
    agree("note's dash and name", name, (dash, signer), ("\u2014", origin))
    blob = base64.b64decode(blob, validate=True)
    raw = key.public_bytes_raw()
    agree("key hash", name, blob[:4], hashlib.sha256(origin.encode() + b"\n\xffoar-ml-dsa-65-v1" + raw).digest()[:4])
    key.verify(blob[4:], text.encode())
    agree("checkpoint signature", name, len(blob), 4 + 3309)
    return origin.removeprefix("mickai.log/"), int(size), base64.b64decode(head, validate=True)


def check_signature(name, key, key_id, log_id, record, cose):
    protected, unprotected, payload, signature = cbor2.loads(cose)
    agree("protected header", name, cbor2.loads(protected), {1: -49, 4: key_id, 16: CONTENT_TYPE})
    agree("protected header re-encoded", name, deterministic({1: -49, 4: key_id, 16: CONTENT_TYPE}), protected)
    agree("unprotected header and payload", name, (unprotected, payload), ({}, None))
    agree("COSE_Sign1 re-encoded", name, cbor2.dumps([protected, unprotected, payload, signature]), cose)
    key.verify(signature, cbor2.dumps(["Signature1", protected, log_id, record_digest(record)]))
    COUNTS["record signature"] = COUNTS.get("record signature", 0) + 1


def check_chain(name, first, log_id, records):
    """Index, log id and prev of each record; gives the decoded ones."""
    decoded = [check_record(name, record) for record in records]
    for place, fields in enumerate(decoded):
        index = first + place
        agree("index", name, fields[3], index)
        agree("log id", name, fields[2], log_id if index else bytes(32))
        if place:
            agree("prev", name, fields[4], record_digest(records[place - 1]))
    if first == 0:
        agree("log id of genesis", name, hashlib.sha256(records[0]).digest(), log_id)
    return decoded


def check_opening(name, decoded, first, opening):
    index, label, salt, value = opening
    text = label.encode()
    commitment = hashlib.sha3_256(b"oar-commit-v1\0" + salt + bytes([len(text)]) + text + value).digest()
    agree("commitment", name, decoded[index - first][13][label], commitment)


def check_seals(name, decoded, records, signatures):
    since = 0
    for index, fields in enumerate(decoded):
        if fields[7] == 5:
            facts = fields[12]
            agree("seal size", name, facts["size"], index)
            agree("seal root", name, facts["root"], root(records[:index]))
            agree("seal signatures", name, facts["signatures"], hashlib.sha3_512(b"".join(signatures[since:index])).digest())
            since = index


def check_bundle(vector):
    name = vector["name"]
    stream = io.BytesIO(base64.b64decode(vector["bundle"], validate=True))
    size = len(stream.getvalue())
    parts = []
    while stream.tell() < size:
        parts.append(cbor2.load(stream))
    agree("bundle re-encoded", name, b"".join(map(cbor2.dumps, parts)), stream.getvalue())
    _, magic, version, log_id, first, count = parts[0]
    agree("header", name, (parts[0][0], magic, version), (0, "oar-bundle", 1))
    keys, events = parts[1][1], parts[1][2] if len(parts[1]) == 3 else []
    chunks = [part for part in parts if part[0] == 3]
    records = [record for chunk in chunks for record in chunk[1]]
    signatures = [signature for chunk in chunks for signature in chunk[2]]
    agree("count", name, len(records), count)
    decoded = check_chain(name, first, log_id, records)
    origin, tree_size, head = check_note(name, parts[-1][1].decode(), load_key(keys[-1]), keys[-1])
    agree("origin", name, origin, log_id.hex())
    for index, record, cose, path in events:
        agree("event's path", name, root_by_path(record, index, tree_size, path), head)
        agree("event's index", name, check_record(name, record)[3], index)
    held = [*((index, record, cose) for index, record, cose, _ in events), *zip(range(first, first + count), records, signatures)]
    reigns = key_history(name, log_id, keys, sorted(held))
    for index, record, cose in held:
        check_beside(name, log_id, key_at(keys, reigns, index), cbor2.loads(record), record, cose)
    for chunk in chunks:
        for opening in chunk[3]:
            check_opening(name, decoded, first, opening)
    for statement in vector["policy"].get("revocations", []):
        check_statement(name, base64.b64decode(statement, validate=True))
    if first == 0 and tree_size == count:
        agree("root", name, root(records), head)
        check_seals(name, decoded, records, signatures)
    if first == 0:
        agree("genesis key", name, decoded[0][12]["key"], keys[0])


def check_beside(name, log_id, spki, fields, record, cose):
    agree("key id", name, fields[17], hashlib.sha256(spki).digest())
    agree("signing mode", name, fields[16] == 0, cose != b"")
    if cose:
        check_signature(name, load_key(spki), fields[17], log_id, record, cose)


def key_at(keys, reigns, index):
    return keys[max(place for place, since in enumerate(reigns) if since <= index)]


def key_history(name, log_id, keys, held):
    """From which index on each listed key is in force: a rotate's after it, that of a revoke of the key in force with it."""
    reigns = [0]
    for index, record, _ in held:
        fields = cbor2.loads(record)
        facts = fields.get(12, {})
        if fields[7] not in (6, 7) or "key" not in facts:
            continue
        agree("successor", name, facts["key"], keys[len(reigns)])
        reigns.append(index + 1 if fields[7] == 6 else index)
        if fields[7] == 6:
            new = hashlib.sha256(facts["key"]).digest()
            message = b"oar-rotate-v1\0" + log_id + index.to_bytes(8, "big") + fields[4] + new + facts["next"] + facts["recovery"]
            load_key(facts["key"]).verify(facts["proof"], message)
            agree("rotation's proof", name, len(facts["proof"]), 3309)
    agree("keys told by events", name, len(reigns), len(keys))
    return reigns


def root_by_path(record, index, size, path):
    """RFC 9162 section 2.1.3.2."""
    last, node = size - 1, hashlib.sha256(b"\0" + record).digest()
    for beside in path:
        if index & 1 or index == last:
            node = hashlib.sha256(b"\1" + beside + node).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\1" + node + beside).digest()
        index, last = index >> 1, last >> 1
    return node if last == 0 else None


def check_statement(name, data):
    parts = cbor2.loads(data)
    agree("statement re-encoded", name, cbor2.dumps(parts), data)
    agree("statement's form", name, (parts[:2], len(parts)), (["oar-revocation", 1], 8))
    load_key(parts[6]).verify(parts[7], b"oar-revoke-v1\0" + cbor2.dumps(parts[:6]))
    agree("statement signature", name, len(parts[7]), 3309)


def check_fork(vector):
    name, data = vector["name"], base64.b64decode(vector["fork"], validate=True)
    parts = cbor2.loads(data)
    agree("fork proof re-encoded", name, cbor2.dumps(parts), data)
    magic, version, a, b, left, right = parts
    agree("fork proof's form", name, (magic, version), ("oar-fork", 1))
    heads = [fork_note(name, note.decode(), vector["keys"]) for note in (a, b)]
    (origin, size_a, root_a), (other, size_b, root_b) = heads
    agree("one origin", name, origin, other)
    if size_a == size_b:
        agree("two roots", name, (root_a != root_b, left, right), (True, [], []))
        return
    prefix = fold(left)
    agree("another prefix", name, prefix != root_a, True)
    agree("the greater root", name, rebuilt(0, size_b, size_a, list(left), list(right)), root_b)


def fold(nodes):
    """The root over perfect subtrees that stand side by side, largest first."""
    root = nodes[-1]
    for node in reversed(nodes[:-1]):
        root = hashlib.sha256(b"\1" + node + root).digest()
    return root


def rebuilt(lo, hi, covered, left, right):
    """The recursion of bundle.md, as written."""
    if lo >= covered:
        return right.pop(0)
    if hi <= covered and (hi - lo) & (hi - lo - 1) == 0:
        return left.pop(0)
    split = 1 << (hi - lo - 1).bit_length() - 1
    one = rebuilt(lo, lo + split, covered, left, right)
    return hashlib.sha256(b"\1" + one + rebuilt(lo + split, hi, covered, left, right)).digest()


def fork_note(name, note, pems):
    """Under the one of the trusted keys that the note names."""
    named = base64.b64decode(note.split("\n\n")[1].rstrip("\n").split(" ")[2], validate=True)[:4]
    for pem in pems:
        key = load_pem_public_key(pem.encode())
        if hashlib.sha256(note.split("\n")[0].encode() + b"\n\xffoar-ml-dsa-65-v1" + key.public_bytes_raw()).digest()[:4] == named:
            return check_note(name, note, key, None)
    sys.exit(f"{name}: a note names none of the keys")


def main():
    check_orders()
    for vector in accepted("record"):
        record = bytes.fromhex(vector["record"])
        fields = check_record(vector["name"], record)
        agree("digest", vector["name"], record_digest(record).hex(), vector["expect"]["digest"])
        agree("key id of record", vector["name"], fields[17].hex(), vector["expect"]["key_id"])
    for vector in accepted("checkpoint"):
        key = load_pem_public_key(vector["key"].encode())
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        origin, size, head = check_note(vector["name"], vector["note"], key, spki)
        agree("checkpoint", vector["name"], (origin, size, head.hex()), (vector["log"], vector["expect"]["size"], vector["expect"]["root"]))
    for vector in accepted("bundle"):
        check_bundle(vector)
    for vector in accepted("fork"):
        check_fork(vector)
    for what, count in sorted(COUNTS.items()):
        print(f"{count:6} {what}")
    # The first mismatch would have ended the run.
    print(f"{sum(COUNTS.values())} passed, 0 failed")


main()
