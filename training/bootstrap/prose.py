"""Plain English from the sources of pinned packages: what a model of the bootstrap's shape is trained to continue, and what it is measured on."""

import argparse
import ast
import hashlib
import inspect
import re
from importlib.metadata import files
from pathlib import Path

# The versions are those of requirements.txt. torch and numpy are under BSD licences, transformers is under Apache-2.0.
TRAINED, HELD_OUT = ("torch", "transformers"), "numpy"
HELD_OUT_BYTES = 80_000
LITERAL_CHARACTERS_MIN, PARAGRAPH_CHARACTERS_MIN, LETTERS_SHARE_MIN = 160, 80, 0.9


def trained():
    """The paragraphs that are trained on, each once, in the order of their digests."""
    return _in_order({paragraph for package in TRAINED for paragraph in _paragraphs(package)})


def held_out(known):
    """Paragraphs of another package, none of which is in `known`, in the order of their digests."""
    kept, size = [], 0
    for paragraph in _in_order(set(_paragraphs(HELD_OUT)) - set(known)):
        if size >= HELD_OUT_BYTES:
            break
        kept.append(paragraph)
        size += len(paragraph) + 1
    return kept


def _in_order(paragraphs):
    return sorted(paragraphs, key=lambda paragraph: hashlib.sha256(paragraph.encode()).digest())


def _paragraphs(package):
    """Whatever in the string literals of a package reads as sentences; a paragraph is one line."""
    for path in files(package):
        try:
            tree = ast.parse(path.locate().read_bytes()) if path.suffix == ".py" else ast.Module([], [])
        except SyntaxError:  # Of another Python than 3.11: a few examples of newer grammar.
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) >= LITERAL_CHARACTERS_MIN:
                for part in re.split(r"\n\s*\n", inspect.cleandoc(node.value)):
                    paragraph = " ".join(part.split())
                    if _is_prose(paragraph):
                        yield paragraph


def _is_prose(paragraph):
    letters = sum(character.isalpha() or character == " " for character in paragraph)
    return len(paragraph) >= PARAGRAPH_CHARACTERS_MIN and paragraph.isascii() and letters >= LETTERS_SHARE_MIN * len(paragraph)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Writes the held-out text and prints the digests of both texts.")
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    known = trained()
    options.target.write_text("\n".join(held_out(known)) + "\n", encoding="ascii")
    for name, text in (("trained", "\n".join(known) + "\n"), ("held out", options.target.read_text(encoding="ascii"))):
        print(f"{name}: {len(text)} bytes, {text.count(chr(10))} paragraphs, sha256 {hashlib.sha256(text.encode()).hexdigest()}")
