"""Writes the training examples: requests put together from the banks, each with its one call; seeded, nothing is read from outside."""

import argparse
import json
import random
from pathlib import Path

import calls
import noise
import values
from grammar import SLOT_BASE, Grammar, expand, load_bank, load_lists, parse_alternatives

BANKS = Path(__file__).parent / "banks"
WEIGHTS = {"log.list": 19, "log.count": 8, "log.show": 13, "log.verify": 8, "log.export": 10, "log.checkpoint": 5, "model.list": 4.5, "model.show": 5,
           "model.import": 5, "model.rm": 5, "key.show": 4, "replay": 5.5, "doctor": 5, "none": 27}
# Second phase: refusals weigh more, and part of every verb's examples comes from its hard.* bank.
HARD_WEIGHTS = {**WEIGHTS, "log.list": 22, "log.export": 12, "none": 58}
HARD_SHARE = {"none": 0.55, "log.list": 0.3, "log.export": 0.35}
HARD_SHARE_ELSE = 0.2
WHEN_SLOTS = {"when", "whensince", "whenbare", "whenadj", "whenposs", "when1", "when2"}
JOINED = ["delete it", "mail it to @mailto", "email it to @mailto", "send it to @mailto", "print it", "restart", "remove it", "erase it", "forward it to @mailto", "upload it", "shut down", "tell @person2", "encrypt it", "hide the rest", "delete the rest", "call @person2",
          "pay the invoice", "order lunch", "translate it to @tongue", "write @doc about it", "post it online", "fix it", "edit the wrong one", "correct it", "plot it", "reboot", "make a chart", "undo it", "send @person2 the result", "put it in a spreadsheet", "train on it"]


class Requests:
    """Draws (request, call) pairs from the banks with one random generator."""

    def __init__(self, seed, hard=False):
        self.rng = random.Random(seed)
        words = Grammar()
        words.lists["nonsense"] = lambda: [[values.nonsense(self.rng)]]
        for name in ("words.txt", "topics.txt", "log_words.txt"):
            load_lists(BANKS / name, words)
        self.words = words
        dropped = frozenset(load_lists(BANKS / "hard.drop.txt", Grammar())) if hard else frozenset()
        self.banks = {verb: load_bank(BANKS / f"{verb}.txt", words, dropped) for verb in calls.VERBS}
        self.hard = {verb: load_bank(BANKS / f"hard.{verb}.txt", words) for verb in calls.VERBS if hard and (BANKS / f"hard.{verb}.txt").exists()}
        load_lists(BANKS / "compound.txt", self.banks["none"][0])
        self.joined = [parse_alternatives(j) for j in JOINED]
        weights = HARD_WEIGHTS if hard else WEIGHTS
        self.verbs, self.weights = list(weights), list(weights.values())

    def draw(self):
        """One (request, call); draws again when noise made the call impossible."""
        while True:
            verb = self.rng.choices(self.verbs, self.weights)[0]
            request, arguments = self._compound() if verb == "none" and self.rng.random() < 0.17 else self._single(verb)
            arguments = {key: arguments[key] for key in calls.VERBS[verb] if key in arguments}
            copied = (value for key, value in arguments.items() if key not in calls.CHOICES)
            if request.strip() and len(request.encode()) <= 300 and all(calls.may_copy(request, value) for value in copied):
                return request, calls.build(verb, arguments)

    # ---- cores

    def _single(self, verb):
        kind, text, slots, labels = self._core(verb)
        text = self._wrap(kind, text)
        return self._finish(verb, kind, text, slots, labels)

    def _core(self, verb):
        rng = self.rng
        bank, templates = self.banks[verb]
        if verb in self.hard and rng.random() < HARD_SHARE.get(verb, HARD_SHARE_ELSE):
            bank, templates = self.hard[verb]
        kind, labels, template = rng.choice(templates)
        out = expand(bank, rng.choice(template), rng)
        text, slots = out.text(), out.slots
        # The time phrase may come first: "yesterday, what ran".
        if slots.count("when") == 1 and kind in "CQINS" and rng.random() < 0.13 and text.endswith(chr(SLOT_BASE + slots.index("when"))):
            mark = chr(SLOT_BASE + slots.index("when"))
            text = mark + rng.choice([", ", " ", ": ", " - ", ", "]) + text[:-1].strip()
        return kind, text, slots, {**labels, **out.labels}

    def _compound(self):
        """Two acts in one breath; the answer is none."""
        rng = self.rng
        bank = self.banks["none"][0]
        real = [v for v in self.verbs if v != "none"]
        first = rng.choice(real)
        kind, text, slots, _ = self._core(first)
        join = expand(bank, rng.choice(bank.lists["join"]), rng).text()
        if rng.random() < 0.45:
            out = expand(bank, rng.choice(rng.choice(self.joined)), rng)
            second, more = out.text(), out.slots
        else:
            for _ in range(20):
                verb = rng.choice(real)
                other, second, more, _ = self._core(verb)
                if other == "I" and (verb != first or first not in ("model.list", "doctor", "key.show", "log.verify", "log.list")):
                    break
            if kind in "IS" and rng.random() < 0.3:
                text, slots, second, more = second, more, text, slots
        second = "".join(chr(ord(c) + len(slots)) if ord(c) >= SLOT_BASE and ord(c) < SLOT_BASE + 64 else c for c in second)
        text = f"{text.rstrip('?')} {join} {second}".replace(" ,", ",").replace(" ;", ";")
        return self._finish("none", kind, self._wrap(kind, text), slots + more, {})

    def _wrap(self, kind, core):
        if kind == "S":
            return core
        if kind == "Q":
            return core if self.rng.random() < 0.85 else self._list("wrapQ").replace("~", core)
        return self._list(f"wrap{kind}").replace("~", core)

    # ---- the whole request

    def _finish(self, verb, kind, text, slots, labels):
        rng = self.rng
        chatter = rng.random()
        if chatter < 0.24:
            text = f"{self._list('open')} {text}"
        elif chatter < 0.34:
            text = f"{self._list('chat')} {text}"
        elif chatter < 0.38:
            text = f"{self._list('open')} {self._list('chat')} {text}"
        tail = rng.random()
        if tail < 0.17:
            text = f"{text.rstrip('?')}{rng.choice([' ', ' ', ', ', ' - ', '? '])}{self._list('reason')}"
        elif tail < 0.29:
            text = f"{text.rstrip('?')}{rng.choice([' ', ' ', ', ', '? '])}{self._list('close')}"
        elif tail < 0.33:
            text = f"{text}. {self._list('chat')}".rstrip(" ,-:")
        if rng.random() < 0.06:
            text = noise.insert_fillers(text, rng, lambda: self._list("filler"), rng.choice([1, 1, 2]))
        text = self._mark(kind, text)
        level = rng.choice([0, 0, 0, 0, 0, 0.05, 0.08, 0.12, 0.15, 0.25])
        if rng.random() < 0.14:
            text = noise.drop_words(text, rng, rng.choice([0.3, 0.6, 0.9]))
        if level:
            text = noise.roughen(text, rng, level)
        careful = rng.random() < 0.28
        if careful:
            text = noise.tidy_case(text)
        elif rng.random() < 0.25:
            text = text.replace("'", rng.choice(["", "", "’", "`"]))
        return self._place_values(verb, text, slots, labels, level, careful)

    def _mark(self, kind, text):
        rng = self.rng
        if text[-1] in "?!.)":
            return text
        if kind in "CQW":
            return text + rng.choice(["?", "?", "?", "?", "", "", "", "", "", " ?", "??", "."])
        return text + rng.choice(["", "", "", "", "", "", ".", ".", "!", "?"])

    def _place_values(self, verb, text, slots, labels, level, careful):
        """Puts the values in and says which runs of the request the call copies."""
        rng = self.rng
        shout = rng.random()
        spans, pieces, size = {}, [], 0
        for c in text:
            index = ord(c) - SLOT_BASE
            if not 0 <= index < len(slots):
                pieces.append(c)
                size += 1
                continue
            before, value, after, key = self._value(verb, slots[index], level, careful, size == 0)
            start = size + len(before)
            first = spans.get(key, (start, 0))[0]
            spans[key] = (min(first, start), start + len(value))
            pieces += [before, value, after]
            size += len(before) + len(value) + len(after)
        request = "".join(pieces)
        if shout < 0.012 and request.upper().lower() == request.lower() and len(request.upper()) == len(request):
            request = request.upper()
        elif shout < 0.04:
            request = request.lower() if len(request.lower()) == len(request) else request
        arguments = {key: request[a:b] for key, (a, b) in spans.items() if key}
        arguments.update(labels)
        if rng.random() < 0.02:
            # Odd white space; only where no value spans it.
            request = request + rng.choice([" ", "  ", "\n"]) if rng.random() < 0.5 else " " + request
        return request, arguments

    def _value(self, verb, slot, level, careful, leads):
        """(text before, copied value, text after, argument key) of one slot."""
        rng = self.rng
        if slot in WHEN_SLOTS:
            before, value, after = self._time(slot)
            if level and rng.random() < 0.7:
                value = noise.roughen(value, rng, level * 0.7)
            if careful and rng.random() < 0.8 or rng.random() < 0.08:
                value = " ".join(w.capitalize() if w.lower().rstrip(",") in values.DAYS + values.MONTHS + values.ABBR + values.MABBR else w for w in value.split(" "))
            if careful and leads:
                before, value = (before.capitalize(), value) if before else ("", value[:1].upper() + value[1:])
            return before, value, after, "when"
        makers = {"model": values.model, "modelany": values.model_any, "record": values.record, "recword": values.record_word, "digest": values.digest,
                  "path": values.path, "out": values.out, "outdir": values.out_folder, "outdoc": values.out_document}
        value = makers[slot](rng)
        quote = rng.choice(['"', "'", "`", "“"]) if slot in ("path", "out", "model", "modelany") and rng.random() < 0.05 else ""
        key = {"modelany": "model", "recword": "record", "digest": "model" if verb.startswith("model.") else "record", "outdir": "out", "outdoc": ""}.get(slot, slot)
        return quote, value, "”" if quote == "“" else quote, key

    def _time(self, slot):
        rng = self.rng
        if slot == "when":
            before, value = values.when(rng)
            return before, value, ""
        if slot == "whenposs":
            value, after = values.when_possessive(rng)
            return "", value, after
        if slot == "whenbare":
            return "", values.when_bare(rng), ""
        if slot == "whensince":
            return "", f"since {values.point(rng)}", ""
        if slot == "whenadj":
            return "", rng.choice([values.day, values.part])(rng), ""
        if slot == "when1":
            return "", rng.choice([values.day, values.day, values.part, values.span])(rng), ""
        return "", rng.choice([values.edge, values.edge, values.ranged, values.part])(rng), ""

    def _list(self, name):
        return expand(self.words, self.rng.choice(self.words.lists[name]), self.rng).text()


def write(path, seed, count, hard):
    """Writes `count` examples as JSON lines: {"request": ..., "call": ...}."""
    requests = Requests(seed, hard)
    with open(path, "w", encoding="utf-8") as out:
        for _ in range(count):
            request, call = requests.draw()
            out.write(json.dumps({"request": request, "call": call}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--out", required=True)
    parser.add_argument("--hard", action="store_true", help="the second phase's mixture")
    options = parser.parse_args()
    write(options.out, options.seed, options.count, options.hard)
