"""Checks the exports' vectors with tools that this project did not write, each in the place where it would be used.

Requirements, exactly: cbor2==6.3.0, cryptography==50.0.2, pycose==1.1.0, pymerkle==7.0.0, tlog-scales==0.0.3, securesystemslib==1.6.0, in-toto-attestation==0.9.3. Reads accept and
reject beside it; prints what it counted; exits 1 at the first thing that does not agree. pycose reads the receipts, OpenSSL judges every signature, pymerkle and tlog-scales judge the
trees, tlog-scales reads the tiles as a folder, securesystemslib reads the envelopes and in-toto-attestation the statements in them. What is written out here is spec/exports.md alone.
"""

import base64
import hashlib
import json
import pathlib
import sys
import tempfile

import cbor2
import google.protobuf.json_format
import in_toto_attestation.v1.statement_pb2
import pymerkle
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from in_toto_attestation.v1.statement import Statement
from pycose.algorithms import CoseAlgorithm
from pycose.exceptions import CoseException
from pycose.headers import KID, Algorithm
from pycose.messages import Sign1Message
from pymerkle.core import _inclusion_path_layout
from securesystemslib.dsse import Envelope
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.tiles import level_entries, level_tiles, tile_path
from tlog_scales.tlog import ConsistencyProofInvalid, InclusionProof, InclusionProofInvalid

HERE = pathlib.Path(__file__).resolve().parent
COUNTS = {}


@CoseAlgorithm.register_attribute()
class MlDsa65(CoseAlgorithm):
    """pycose knows the algorithms of its day; RFC 9964 came later."""

    identifier = -49
    fullname = "ML-DSA-65"


def agree(what, name, left, right):
    COUNTS[what] = COUNTS.get(what, 0) + 1
    if left != right:
        sys.exit(f"{name}: {what}: {left!r} is not {right!r}")


def vectors(which):
    files = sorted((HERE / which).glob("*.json"))
    if not files:
        sys.exit(f"no vectors in {which}")
    return [json.loads(file.read_text()) for file in files]


def decoded(text):
    return base64.b64decode(text, validate=True)


class Key:
    def __init__(self, pem):
        self.key = load_pem_public_key(pem.encode())
        self.id = hashlib.sha256(self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()

    def verifies(self, signature, message):
        try:
            self.key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


def leaf_hash(record):
    return hashlib.sha256(b"\0" + record).digest()


def path_leads_to(root, record, index, size, path):
    """Asked of two libraries, which have to agree."""
    try:
        InclusionProof(index, size, list(path)).check(leaf_hash(record), root)
        one = True
    except InclusionProofInvalid:
        one = False
    rule, _ = _inclusion_path_layout(index + 1, size)
    proof = pymerkle.InclusionProof("sha256", True, size, index + 1, rule, [leaf_hash(record), *path])
    try:
        pymerkle.verify_inclusion(leaf_hash(record), root, proof, index=index + 1, size=size)
        other = True
    except pymerkle.InvalidProof:
        other = False
    agree("inclusion proof judged alike", index, one, other)
    return one


def root_by_path(record, index, size, path):
    """RFC 9162 section 2.1.3.2, steps 2 to 5; None where the path has another number of nodes."""
    at, last, root = index, size - 1, leaf_hash(record)
    for node in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            root = hashlib.sha256(b"\1" + node + root).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            root = hashlib.sha256(b"\1" + root + node).digest()
        at, last = at >> 1, last >> 1
    return root if last == 0 else None


def judge_receipt(vector, key):
    """Steps 1 to 4 of spec/exports.md "Receipt"; None when all hold."""
    data, record = decoded(vector["receipt"]), decoded(vector["record"])
    try:
        tagged = cbor2.loads(data)
        # What is inside a tag cbor2 gives in types that cannot change; pycose's own decode() wants a list and a dict there.
        message = Sign1Message.from_cose_obj(cbor2.loads(data[1:]), True)
        protected, unprotected, payload, signature = cbor2.loads(data[1:])
        assert tagged.tag == Sign1Message.cbor_tag and cbor2.dumps(tagged, canonical=True) == data and payload is None and len(signature) == 3309
        headers = cbor2.loads(protected)
        [proof] = unprotected[396][-1]
        size, index, path = cbor2.loads(proof)
        assert cbor2.dumps([size, index, path]) == proof
        issuer = headers[15][1]
        wanted = {1: -49, 4: headers[4], 15: {1: issuer, 2: f"checkpoint/{size}"}, 16: "application/oar-receipt+cbor", 395: 1}
        assert headers == wanted and cbor2.dumps(wanted, canonical=True) == protected and unprotected == {396: {-1: [proof]}}
        assert issuer.startswith("mickai.log/") and len(bytes.fromhex(issuer[11:])) == 32 and issuer == issuer.lower()
        assert len(path) > 0 and all(len(node) == 32 for node in path) and index < size
        root = root_by_path(record, index, size, path)
        assert root is not None
    except (AssertionError, ValueError, TypeError, KeyError, AttributeError, IndexError, CoseException, cbor2.CBORDecodeError):
        return "malformed-receipt"
    agree("pycose reads the algorithm", vector["name"], message.phdr[Algorithm], MlDsa65)
    agree("pycose reads the key id", vector["name"], message.phdr[KID], headers[4])
    if headers[4] != key.id:
        return "unknown-key"
    message.payload = root
    to_be_signed = cbor2.dumps(["Signature1", protected, b"", root])
    agree("pycose makes the same Sig_structure", vector["name"], message._create_sig_structure(), to_be_signed)
    if not path_leads_to(root, record, index, size, path) or not key.verifies(signature, to_be_signed):
        return "receipt-signature"
    agree("receipt is about the log", vector["name"], issuer, f"mickai.log/{vector['log']}")
    return None


def check_statement(vector, key):
    name = vector["name"]
    envelope = Envelope.from_dict(json.loads(vector["envelope"]))
    agree("payload type", name, envelope.payload_type, "application/vnd.in-toto+json")
    [(keyid, signature)] = envelope.signatures.items()
    agree("keyid", name, keyid, key.id.hex())
    agree("envelope signature", name, key.verifies(bytes.fromhex(signature.signature), envelope.pae()), True)
    agree("another payload is not signed", name, key.verifies(bytes.fromhex(signature.signature), envelope.pae() + b" "), False)
    parsed = google.protobuf.json_format.Parse(envelope.payload, in_toto_attestation.v1.statement_pb2.Statement())
    statement = Statement.copy_from_pb(parsed)
    statement.validate()
    agree("predicate type", name, parsed.predicate_type, "urn:mickai:oar:statement:v1")
    predicate = json.loads(envelope.payload)["predicate"]
    artifacts = {label: decoded(text) for label, text in vector["artifacts"].items()}
    origin, size = f"mickai.log/{vector['log']}", predicate["size"]
    names = {origin: "genesis", f"{origin}/checkpoint/{size}": "checkpoint"}
    names.update({f"{origin}/record/{one['index']}": f"record/{one['index']}" for one in predicate["records"]})
    agree("subjects", name, [one.name for one in parsed.subject], list(names))
    for one in parsed.subject:
        artifact = artifacts[names[one.name]]
        agree("subject's sha256", name, one.digest["sha256"], hashlib.sha256(artifact).hexdigest())
        if "oar-record-v1" in one.digest:
            agree("subject's D", name, one.digest["oar-record-v1"], hashlib.sha3_512(b"oar-record-v1\0" + artifact).hexdigest())
    text = f"{origin}\n{size}\n{base64.b64encode(bytes.fromhex(predicate['root'])).decode()}\n"
    agree("checkpoint text", name, artifacts["checkpoint"].decode(), text)
    for one in predicate["records"]:
        path = [bytes.fromhex(node) for node in one["path"]]
        held = path_leads_to(bytes.fromhex(predicate["root"]), artifacts[f"record/{one['index']}"], one["index"], size, path)
        agree("record's path", name, held, True)


KINDS = ["genesis", "intent", "outcome", "deny", "approval", "seal", "rotate", "revoke", "epoch", "anchor", "settle", "witness", "heartbeat", "erase", "gap", "terminal", "fork", "detail"]


def json_of(value):
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, list):
        return [json_of(item) for item in value]
    if isinstance(value, int) and value > 2**53 - 1:
        return str(value)
    return value


def view_of(record):
    """The members that spec/exports.md "JSON lines" gives to the fields of record.md."""
    return {
        "log": record[2].hex(),
        "prev": record[4].hex() if 4 in record else None,
        "wall_ms": record[5],
        "boot": record[6][0].hex(),
        "monotonic_ns": record[6][1],
        "kind": KINDS[record[7]],
        "actor": [["operator", "agent", "brain", "user", "system"][record[8][0]], record[8][1].hex()],
        "authority": [record[9][0].hex(), record[9][1]],
        "action": record[10],
        "causes": [[index, digest.hex()] for index, digest in record.get(11, [])],
        "facts": {name: json_of(value) for name, value in record.get(12, {}).items()},
        "commitments": {name: value.hex() for name, value in record.get(13, {}).items()},
        "intent": record[14].hex() if 14 in record else None,
        "outcome": ["executed", "failed", "not_attempted", "timed_out", "outcome_unknown"][record[15]] if 15 in record else None,
        "mode": ["each", "sealed"][record[16]],
        "key": record[17].hex(),
        "critical": record.get(18, []),
        "extensions": {},
    }


def check_lines(vector, key):
    name, log, prev = vector["name"], bytes.fromhex(vector["log"]), None
    for index, line in enumerate(vector["lines"]):
        agree("line is ASCII", name, all(32 <= byte < 127 for byte in line.encode()), True)
        value = json.loads(line)
        data = decoded(value["record"])
        record = cbor2.loads(data)
        agree("record re-encoded", name, cbor2.dumps(record, canonical=True), data)
        digest = hashlib.sha3_512(b"oar-record-v1\0" + data)
        agree("index, digest, leaf", name, (value["index"], value["digest"], value["leaf"]), (index, digest.hexdigest(), leaf_hash(data).hex()))
        agree("chain", name, record.get(4), prev)
        prev = digest.digest()
        view = {member: value[member] for member in value if member not in ("index", "digest", "leaf", "openings", "signature", "record")}
        agree("view", name, view, view_of(record))
        agree("view's order", name, list(view), list(view_of(record)))
        agree("signing mode", name, value["signature"] is None, record[16] == 1)
        if value["signature"] is not None:
            protected, unprotected, payload, signature = cbor2.loads(decoded(value["signature"]))
            agree("record signature", name, key.verifies(signature, cbor2.dumps(["Signature1", protected, log, digest.digest()])), True)
        for label, opening in value["openings"].items():
            shown = decoded(opening["value"])
            salted = bytes.fromhex(opening["salt"]) + bytes([len(label.encode())]) + label.encode() + shown
            agree("opening", name, hashlib.sha3_256(b"oar-commit-v1\0" + salted).digest(), record[13][label])
            if "text" in opening:
                agree("opening as text", name, opening["text"].encode(), shown)


def pymerkle_tree(records):
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for record in records:
        tree.append_entry(record)
    return tree


def check_tiles(vector, key):
    name = vector["name"]
    with tempfile.TemporaryDirectory() as folder:
        for path, data in vector["files"].items():
            file = pathlib.Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(decoded(data))
        reader = TilesReader(LocalBackend(pathlib.Path(folder)))
        checkpoint = reader.get_checkpoint()
        agree("origin", name, checkpoint.origin, f"mickai.log/{vector['log']}")
        agree("root out of the tiles", name, reader.calculate_root_hash(), checkpoint.root_hash)
        text = checkpoint.serialize_body().encode()
        agree("one signature line", name, len(checkpoint.signatures), 1)
        agree("checkpoint signature", name, key.verifies(signature_of(vector), text), True)
        records = [reader.get_entry(index) for index in range(checkpoint.size)]
        agree("log id of entry 0", name, hashlib.sha256(records[0]).hexdigest(), vector["log"])
        tree = pymerkle_tree(records)
        agree("pymerkle's root", name, tree.get_root(), checkpoint.root_hash)
        for index in range(0, checkpoint.size, 7):
            proof = reader.get_inclusion_proof(index, checkpoint.size)
            agree("path out of the tiles", name, path_leads_to(checkpoint.root_hash, records[index], index, checkpoint.size, proof.node_hashes), True)
        for old in sorted({1, 2, 3, checkpoint.size // 2, checkpoint.size - 1}):
            proof = reader.get_consistency_proof(old, checkpoint.size)
            proof.check(tree.get_root(old), checkpoint.root_hash)
            check_consistency(name, tree, old, checkpoint.size)
            try:
                proof.check(tree.get_root(old - 1) if old > 1 else bytes(32), checkpoint.root_hash)
                sys.exit(f"{name}: a consistency proof holds for another tree")
            except ConsistencyProofInvalid:
                pass
        paths = {"/".join(tile_path(level, place, width)) for level, place, width in tiles_of(checkpoint.size)}
        agree("files", name, set(vector["files"]), paths | {"checkpoint"})


def tiles_of(size):
    """Every level that has a hash, and the entries as level -1; the width is 0 where the tile is full."""
    level = -1
    while level_entries(size, level):
        full, partial = level_tiles(size, level)
        yield from ((level, place, 0) for place in range(full))
        if partial:
            yield level, full, partial
        level += 1


def check_consistency(name, tree, old, size):
    pymerkle.verify_consistency(tree.get_root(old), tree.get_root(size), tree.prove_consistency(old, size), prior_size=old, later_size=size)
    agree("consistency proof", name, True, True)


def signature_of(vector):
    line = decoded(vector["files"]["checkpoint"]).decode().split("\n\n")[1]
    return base64.b64decode(line.rstrip("\n").split(" ")[2], validate=True)[4:]


def main():
    checks = {"statement": check_statement, "lines": check_lines, "tiles": check_tiles}
    for which in ("accept", "reject"):
        for vector in vectors(which):
            key = Key(vector["key"])
            if vector["kind"] == "receipt":
                agree(f"receipt {which}ed", vector["name"], judge_receipt(vector, key), vector["expect"])
            else:
                checks[vector["kind"]](vector, key)
    for what, count in sorted(COUNTS.items()):
        print(f"{count:6} {what}")
    # The first mismatch would have ended the run.
    print(f"{sum(COUNTS.values())} passed, 0 failed")


main()
