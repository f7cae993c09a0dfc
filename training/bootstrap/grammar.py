"""Sentence templates: alternatives, optional parts, word lists, value slots and labels, expanded by a seeded generator.

    (a|b)     one of                    @name      a word list (see banks/words.txt)
    [x]       x half the time           <slot>     a value that the answer may copy
    {k=v}     adds k=v to the answer    \\c         the character c itself

A bank line is `TYPE k=v ... :: template`; `name = a | b` defines a list, `name += ...` extends it, `#` starts a comment.
"""

import re
from pathlib import Path

SLOT_BASE = 0xE000  # Private-use characters stand for values until noise has been applied.


class Grammar:
    """Word lists with the parsed form of every template that was asked for."""

    def __init__(self, lists=None):
        self.lists = dict(lists or {})

    def child(self):
        """A grammar that sees these lists and may override them."""
        return Grammar(self.lists)

    def define(self, name, body, extend=False):
        options = parse_alternatives(body)
        self.lists[name] = self.lists.get(name, []) + options if extend else options


def parse_alternatives(text):
    """`a | b | c` to a list of sequences."""
    options, position = _alternatives(text, 0, "")
    if position != len(text):
        raise ValueError(f"unbalanced template at {position}: {text}")
    return options


def _alternatives(text, position, closer):
    options, sequence, plain = [], [], []

    def flush():
        if plain:
            sequence.append("".join(plain))
            plain.clear()

    while position < len(text):
        c = text[position]
        if c == "\\":
            plain.append(text[position + 1])
            position += 2
        elif c == closer:
            break
        elif c == "|":
            flush()
            options.append(sequence)
            sequence = []
            position += 1
        elif c in "([":
            flush()
            inner, position = _alternatives(text, position + 1, ")" if c == "(" else "]")
            if position >= len(text):
                raise ValueError(f"unclosed {c}: {text}")
            sequence.append(("one" if c == "(" else "maybe", inner))
            position += 1
        else:
            token = re.compile(r"@([a-z0-9_]+)|<([a-z0-9]+)>|\{([a-z]+)=([a-z]+)\}").match(text, position)
            if token is None:
                if c in ")]}":
                    raise ValueError(f"stray {c}: {text}")
                plain.append(c)
                position += 1
                continue
            flush()
            if token[1]:
                sequence.append(("list", token[1]))
            elif token[2]:
                sequence.append(("slot", token[2]))
            else:
                sequence.append(("label", token[3], token[4]))
            position = token.end()
    flush()
    options.append(sequence)
    return options, position


class Expansion:
    """One expanded template: text with a private-use character per value, the values' slot names, the labels."""

    def __init__(self):
        self.parts, self.slots, self.labels = [], [], {}

    def text(self):
        text = re.sub(r"\s+", " ", "".join(self.parts)).strip()
        return re.sub(r" ([,;?!:.])(?= |$)", r"\1", text)


def expand(grammar, sequence, rng, out=None):
    """Expands a parsed sequence into an Expansion, drawing every choice from `rng`."""
    out = out or Expansion()
    for item in sequence:
        if isinstance(item, str):
            out.parts.append(item)
            continue
        kind = item[0]
        if kind == "one":
            expand(grammar, rng.choice(item[1]), rng, out)
        elif kind == "maybe":
            if rng.random() < 0.5:
                expand(grammar, rng.choice(item[1]), rng, out)
        elif kind == "list":
            if item[1] not in grammar.lists:
                raise KeyError(f"no word list @{item[1]}")
            options = grammar.lists[item[1]]
            expand(grammar, rng.choice(options() if callable(options) else options), rng, out)
        elif kind == "slot":
            out.parts.append(chr(SLOT_BASE + len(out.slots)))
            out.slots.append(item[1])
        else:
            out.labels[item[1]] = item[2]
    return out


def load_lists(path, grammar):
    """Reads `name = ...` lines of a bank file; returns the other lines."""
    rest = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        line = line.strip()
        if not line or (line.startswith("#") and not line.startswith("# of")):
            continue
        definition = re.match(r"([A-Za-z0-9_]+) (\+?)= (.*)$", line)
        if definition and "::" not in line:
            grammar.define(definition[1], "|".join(p.strip() for p in _split(definition[3])), bool(definition[2]))
        else:
            rest.append(line)
    return rest


def _split(body):
    """Top-level alternatives of a list body, so that blanks around `|` do not become text."""
    depth, parts, current = 0, [], []
    for i, c in enumerate(body):
        if body[i - 1:i] != "\\":
            depth += c in "(["
            depth -= c in ")]"
        if c == "|" and depth == 0:
            parts.append("".join(current))
            current = []
        else:
            current.append(c)
    return parts + ["".join(current)]


def load_bank(path, grammar, dropped=frozenset()):
    """A bank file without the dropped lines to (its own grammar, [(type, labels, parsed template)])."""
    own = grammar.child()
    templates = []
    for line in load_lists(path, own):
        if line in dropped:
            continue
        head, _, body = line.partition(" :: ")
        if not body:
            raise ValueError(f"{path}: no `::` in {line}")
        words = head.split()
        labels = dict(w.split("=") for w in words[1:])
        templates.append((words[0], labels, parse_alternatives(body)))
    return own, templates
