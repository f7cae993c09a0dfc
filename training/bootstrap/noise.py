"""How busy people type: slips of the keys, dropped words, short forms, odd case. Values are private-use characters and pass untouched."""

import re

NEAR = {"a": "sqz", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk", "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o",
        "q": "w", "r": "et", "s": "ad", "t": "ry", "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x"}
SHORT = {"please": ["pls", "plz", "pleas", "pl"], "you": ["u", "ya"], "your": ["ur", "yr"], "are": ["r"], "what": ["wht", "wat", "waht", "wot"], "whats": ["wats"], "yesterday": ["yday", "yest", "ystrday", "yesturday", "yesterdy"],
         "record": ["rec", "recrod", "recod", "rcd"], "records": ["recs", "recrods"], "with": ["w/", "wth", "wiht"], "and": ["n", "&", "adn", "an"], "before": ["b4"], "because": ["bc", "cuz", "coz"], "model": ["modle", "mdl", "modl"],
         "models": ["modles", "mdls"], "thanks": ["thx", "tnx"], "something": ["smth", "sth", "somthing", "sumthing"], "anything": ["anythin", "anyting", "anythign"], "nothing": ["nothin", "nuthing"], "message": ["msg"], "number": ["nr", "no", "num", "numbr"],
         "the": ["teh", "th", "hte"], "which": ["wich", "whcih", "whihc"], "did": ["didd", "dd"], "export": ["exprot", "expor", "exort", "xport"], "verify": ["verfy", "verifiy", "vrfy"], "check": ["chek", "chk", "ckeck"], "show": ["shwo", "sho"],
         "answer": ["anwser", "answr"], "answers": ["anwsers"], "received": ["recieved"], "failed": ["faild", "failled"], "failures": ["failiures", "failurs", "fails"], "errors": ["erors", "errs"], "yes": ["ye"], "know": ["kno", "knwo"], "need": ["nee", "ned"],
         "tomorrow": ["tmrw", "tomorow"], "today": ["tday", "todya", "2day"], "minutes": ["mins", "minuts"], "hours": ["hrs", "housr"], "week": ["wk", "weeek"], "weeks": ["wks"], "between": ["btw", "betwen", "bw", "b/w"], "everything": ["evrything", "everythin", "everyting"],
         "someone": ["some1", "sb", "smb"], "anyone": ["any1", "anyon"], "import": ["imprt", "improt"], "checkpoint": ["chkpt", "checkpt", "check point"], "replay": ["reply", "re-play", "repaly"], "integrity": ["integrty"], "machine": ["machin", "mashine", "maschine"],
         "healthy": ["helthy", "heathly"], "public": ["pub", "publc"], "tampered": ["tamperd", "tampred"], "generations": ["gens", "generatoins"], "prompts": ["promts", "prompst"], "prompt": ["promt"], "through": ["thru"], "about": ["abt", "bout"], "people": ["ppl"],
         "for": ["4", "fr"], "to": ["2", "ot"], "have": ["hav", "hve"], "want": ["wnat", "wan"], "tell": ["tel"], "list": ["lst", "lsit"], "give": ["giv", "gie"], "how": ["hwo", "hw"], "many": ["mny", "manny"], "delete": ["del", "delte"], "remove": ["remvoe", "rmv"],
         "signature": ["sig", "signatur"], "signatures": ["sigs"], "digest": ["digset"], "tokens": ["toks", "tokns"], "output": ["ouput", "outptu"], "quickly": ["quick", "quikly"], "going": ["goin"], "isn't": ["isnt"], "probably": ["prob"], "information": ["info"],
         "morning": ["mornin", "mornign", "am"], "afternoon": ["aft", "afternon"], "evening": ["evenin", "eve"], "monday": ["mon", "mondy"], "tuesday": ["tues", "teusday"], "wednesday": ["wednesdy", "wensday"], "thursday": ["thurs", "thrusday"], "friday": ["fri", "firday"],
         "altered": ["alterd"], "changed": ["chnaged"], "happened": ["hapened", "happend"], "folder": ["dir", "foldr"], "file": ["fiel"], "auditor": ["auditer", "auditr"]}
DROPPABLE = {"the", "a", "an", "my", "our", "me", "of", "is", "are", "was", "were", "to", "do", "did", "i", "we", "please", "it", "that", "there", "you", "can", "have", "has", "any", "in", "been", "on", "us"}


def slip(word, rng):
    """One slip of the keys in a word of letters."""
    if len(word) < 3:
        return word
    i = rng.randrange(len(word))
    kind = rng.random()
    if kind < 0.3:
        i = max(1, i)
        return word[:i - 1] + word[i] + word[i - 1] + word[i + 1:]
    if kind < 0.6:
        return word[:i] + word[i + 1:]
    if kind < 0.75:
        return word[:i] + word[i] + word[i:]
    near = NEAR.get(word[i].lower(), word[i])
    return word[:i] + rng.choice(near) + word[i + (kind < 0.93):]


def roughen(text, rng, level):
    """Slips and short forms at `level` per word; words that hold a value are left alone."""
    words = []
    for word in text.split(" "):
        if word and all(c < "\ue000" for c in word) and rng.random() < level:
            core = re.match(r"[A-Za-z']+", word)
            if core:
                stem, tail = core[0], word[core.end():]
                short = SHORT.get(stem.lower())
                word = (rng.choice(short) if short and rng.random() < 0.5 else slip(stem, rng)) + tail
        words.append(word)
    return " ".join(words)


def drop_words(text, rng, level):
    words = [w for w in text.split(" ") if w.lower() not in DROPPABLE or rng.random() >= level]
    return " ".join(words) or text


def insert_fillers(text, rng, fillers, count):
    words = text.split(" ")
    for _ in range(count):
        words.insert(rng.randint(0, len(words)), fillers())
    return " ".join(words)


NAMES = {"i", "i'm", "i've", "i'd", "i'll", "anna", "marco", "tom", "priya", "giulia", "sven", "fatima", "bob", "alice", "mickai", "english", "italian", "python"}


def tidy_case(text):
    """As a careful writer would: a capital first letter, capital I and names."""
    words = [w[:1].upper() + w[1:] if w.lower().strip(",.?!:") in NAMES else w for w in text.split(" ")]
    text = " ".join(words)
    return re.sub(r"(^|[.!?] )([a-z])", lambda m: m[1] + m[2].upper(), text)
