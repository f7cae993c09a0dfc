"""The form of a call (spec/verbs.md): building it, and the rule that says which bytes may come next."""

import json
from functools import cache

from tokenizers import Regex, normalizers

WHEN_TO_MODEL = ["when", "kind", "outcome", "model"]
VERBS = {
    "log.list": WHEN_TO_MODEL,
    "log.count": WHEN_TO_MODEL,
    "log.show": ["record", "field"],
    "log.verify": ["record"],
    "log.export": ["when", "record", "open", "out"],
    "log.checkpoint": ["out"],
    "model.list": [],
    "model.show": ["model"],
    "model.import": ["path"],
    "model.rm": ["model"],
    "key.show": ["format"],
    "replay": ["record"],
    "doctor": [],
    "none": [],
}
CHOICES = {
    "kind": ["generation", "replay", "import", "removal", "export"],
    "outcome": ["executed", "failed", "unknown", "stopped"],
    "field": ["model", "prompt", "output", "time", "seed", "tokens", "key", "digest", "outcome", "actor"],
    "open": ["prompt", "output", "all"],
    "format": ["pem", "jwk"],
}
VALUE_BYTES_MAX = 120
LETTERS = normalizers.Replace(Regex(r"\p{Alphabetic}"), "")


def build(verb, arguments):
    """The one line of JSON: keys in the order of the table, absent ones left out."""
    call = {"verb": verb}
    call.update((key, arguments[key]) for key in VERBS[verb] if key in arguments)
    return json.dumps(call, ensure_ascii=False, separators=(",", ":"))


def is_valid(request, call):
    """True when `call` is a complete call whose copied values obey the copy rule."""
    state = Form(request)
    return all(state.feed(byte) for byte in call.encode()) and state.is_done()


def may_copy(request, value):
    """True when some run of the request equals `value` and obeys the copy rule (see Form)."""
    if not value or len(value.encode()) > VALUE_BYTES_MAX or min(value) < " ":
        return False
    start = request.find(value)
    while start >= 0:
        if may_start(request, start) and may_end(request, start + len(value)):
            return True
        start = request.find(value, start + 1)
    return False


def may_start(request, i):
    return not request[i].isspace() and request[i] >= " " and (i == 0 or not _inside_run(request[i - 1], request[i]))


def may_end(request, i):
    if i == 0 or request[i - 1].isspace() or request[i - 1] < " ":
        return False
    if i == len(request) or not _inside_run(request[i - 1], request[i]):
        return True
    return request[i] in "sS" and is_letter(request[i - 1]) and (i + 1 == len(request) or not is_letter(request[i + 1]))


def _inside_run(left, right):
    return (is_letter(left) and is_letter(right)) or (left in "0123456789" and right in "0123456789")


@cache
def is_letter(character):
    """Unicode's property Alphabetic, as Rust's `char::is_alphabetic`. `str.isalpha` knows the categories of letters alone, not the vowel signs of many scripts, Roman numerals and circled letters."""
    return character.isalpha() or LETTERS.normalize_str(character) == ""


class Form:
    """Follows a call byte by byte; `feed` refuses a byte after which no valid call could follow.

    A copied value is a run of characters of the request. It starts and ends at a character that is not
    white space, never inside a run of letters or a run of the digits 0-9, except that it may end before
    the last letter of a run when that letter is s (`yesterdays`). It holds no control character.
    """

    def __init__(self, request):
        self.characters = list(request)
        self.escaped = [json.dumps(c, ensure_ascii=False)[1:-1].encode() for c in request]
        self.sizes = [len(c.encode()) for c in request]
        self.ends = [may_end(self.characters, i) for i in range(len(request) + 1)]
        self.starts = [i for i in range(len(request)) if self._may_start(i)]
        # An item is ("text", rest, next) or ("copy", start, index, offset, next); next is (verb, key index).
        self.items = [("text", b'{"verb":"' + verb.encode() + b'"', (verb, 0)) for verb in VERBS]

    def copy(self):
        other = object.__new__(Form)
        other.__dict__.update(self.__dict__)
        return other

    def is_done(self):
        return ("done",) in self.items

    def feed(self, byte):
        """Takes one byte; False, with the state spoilt, when the byte is not allowed."""
        following = []
        for item in self.items:
            if item[0] == "text" and item[1][:1] == bytes([byte]):
                rest = item[1][1:]
                following.extend([("text", rest, item[2])] if rest else self._enter(item[2]))
            elif item[0] == "copy":
                following.extend(self._feed_copy(item, byte))
        self.items = following
        return bool(following)

    def feed_all(self, data):
        return all(self.feed(byte) for byte in data)

    def _enter(self, following):
        """The items that open after a piece of fixed text."""
        if following == "done":
            return [("done",)]
        verb, index = following[:2]
        if len(following) == 3:
            return self._value(verb, index)
        keys = VERBS[verb]
        items = [("text", b"}", "done")]
        for i in range(index, len(keys)):
            items.append(("text", f',"{keys[i]}":"'.encode(), (verb, i, "value")))
        return items

    def _value(self, verb, index):
        key = VERBS[verb][index]
        if key in CHOICES:
            return [("text", c.encode() + b'"', (verb, index + 1)) for c in CHOICES[key]]
        return [("copy", start, start, 0, (verb, index + 1)) for start in self.starts]

    def _feed_copy(self, item, byte):
        _, start, index, offset, following = item
        items = []
        if byte == 0x22 and offset == 0 and index > start and self.ends[index]:
            items += self._enter(following)
        if index < len(self.characters) and self.escaped[index][offset] == byte:
            if offset + 1 < len(self.escaped[index]):
                items.append(("copy", start, index, offset + 1, following))
            elif self._can_still_end(start, index + 1):
                items.append(("copy", start, index + 1, 0, following))
        return items

    def _can_still_end(self, start, index):
        size = sum(self.sizes[start:index])
        while size <= VALUE_BYTES_MAX:
            if self.ends[index]:
                return True
            if index == len(self.characters) or self.characters[index] < " ":
                return False
            size += self.sizes[index]
            index += 1
        return False

    def _may_start(self, i):
        return may_start(self.characters, i) and self._can_still_end(i, i + 1)
