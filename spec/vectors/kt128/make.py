"""Makes digests.json: KT128 of bytes 0, 1, … 250, 0, 1, … by PyCryptodome (`pip install pycryptodome==3.23.0`, then `python make.py`)."""
import json
from pathlib import Path

from Crypto.Hash import KangarooTwelve

CHUNK = 8192
PIECE = 128 * CHUNK
EDGES = [0, CHUNK, 2 * CHUNK, 9 * CHUNK, PIECE, PIECE + CHUNK, 2 * PIECE]
LENGTHS = {1, 167, 168, 169, 17**4, *(edge + step for edge in EDGES for step in (-1, 0, 1, 168) if edge + step >= 0)}


def digest(length: int) -> str:
    pattern = bytes(range(251))
    return KangarooTwelve.new(data=(pattern * (length // 251 + 1))[:length]).read(32).hex()


out = {"reason": "a message cut into chunks of 8192 bytes and pieces of 128 chunks, with lengths at every edge", "digests": {str(n): digest(n) for n in sorted(LENGTHS)}}
Path(__file__).with_name("digests.json").write_text(json.dumps(out, indent=1) + "\n")
