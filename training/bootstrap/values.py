"""Values that a request may carry: times, model names, files, record numbers, digests and nonsense words."""

DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
ABBR = ["mon", "tue", "tues", "wed", "weds", "thu", "thur", "thurs", "fri", "sat", "sun"]
MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"]
MABBR = ["jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"]
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
MORE = ["fifteen", "twenty", "thirty", "forty", "forty-five", "sixty", "ninety", "a hundred", "twenty-four", "forty eight", "seventy two"]
PARTS = ["morning", "afternoon", "evening", "night"]
UNITS = ["minute", "hour", "day", "week", "month", "year"]
SHORT = ["min", "mins", "h", "hr", "hrs", "d", "wk", "wks", "m", "s", "sec", "secs", "mo", "yr"]
EVENTS = ["the reboot", "the upgrade", "the crash", "the power cut", "the audit", "the meeting", "the update", "my last login", "the outage",
          "the migration", "the last check", "the last export", "the inspection", "the install", "we moved", "i left", "i got in", "the last time i asked",
          "the shift change", "christmas", "easter", "new year", "the holidays", "the release", "the board meeting", "the call", "go-live"]


def nonsense(rng, low=2, high=4):
    """A pronounceable word that means nothing."""
    onsets = ["b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z", "br", "ch", "cl", "cr", "dr", "fl", "fr", "gl",
              "gr", "kl", "kn", "pl", "pr", "qu", "sc", "sh", "sk", "sl", "sm", "sn", "sp", "st", "str", "sw", "th", "tr", "tw", "wh", "x", "y", ""]
    vowels = ["a", "e", "i", "o", "u", "a", "e", "i", "o", "u", "ai", "ea", "ee", "ie", "oo", "ou", "y", "au", "io"]
    codas = ["", "", "", "", "n", "r", "s", "t", "l", "m", "x", "k", "nd", "nt", "rk", "st", "ck", "ng", "sh", "th", "rt", "ll", "ss", "mp", "ff"]
    word = ""
    for _ in range(max(1, rng.randint(low, high) - rng.choice([0, 0, 1]))):
        word += rng.choice(onsets) + rng.choice(vowels) + rng.choice(codas)
    return word[:14] or "zub"


def pick(rng, *options):
    """Calls one of the given makers (or returns one of the given strings)."""
    choice = rng.choice(options)
    return choice(rng) if callable(choice) else choice


# ---- clock times and days

def clock(rng):
    h12, h24, m = rng.randint(1, 12), rng.randint(0, 23), rng.choice([0, 0, 15, 30, 45, 10, 20, 40, 50, 5, 55, rng.randint(1, 59)])
    ap = rng.choice(["am", "pm", "am", "pm", "a.m.", "p.m.", "AM", "PM"])
    word = NUMBERS[h12 - 1]
    return rng.choice([
        f"{h12}", f"{h12}{ap}", f"{h12}{ap}", f"{h12} {ap}", f"{h12}:{m:02d}", f"{h12}:{m:02d}{ap}", f"{h24}:{m:02d}", f"{h24:02d}:{m:02d}", f"{h24:02d}:{m:02d}", word, word, word,
        f"{h12} o'clock", f"{word} o'clock", f"{h12} oclock", "noon", "midnight", "midday", "lunch", "lunchtime", "breakfast", "dinner", f"half past {word}", f"half {word}",
        f"quarter to {word}", f"quarter past {word}", f"a quarter past {word}", f"ten to {word}", f"twenty past {word}", f"{word} thirty", f"{h12}.{m:02d}", f"{h24}h", f"{h24}h{m:02d}",
        f"{h12} in the {rng.choice(PARTS[:3])}", f"{word} in the {rng.choice(PARTS[:3])}", f"{h12}ish", f"{word}ish", f"{h24:02d}{m:02d}", f"{h24:02d}:{m:02d}:{rng.randint(0, 59):02d}",
        f"{word} {ap}", f"{h12} sharp", f"dawn", "closing time", f"{h12}{ap} sharp", "start of business", "cob", "eod"])


def easy_clock(rng):
    h12, h24 = rng.randint(1, 12), rng.randint(0, 23)
    return rng.choice([f"{h12}", f"{h12}{rng.choice(['am', 'pm'])}", f"{h24:02d}:{rng.choice(['00', '30', '15', '45'])}", NUMBERS[h12 - 1], "noon", "midnight", "lunch"]) if rng.random() < 0.7 else clock(rng)


def weekday(rng):
    return rng.choice(DAYS if rng.random() < 0.6 else ABBR)


def month(rng):
    return rng.choice(MONTHS if rng.random() < 0.5 else MABBR)


def ordinal(n):
    return f"{n}{'th' if 10 < n % 100 < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def date(rng):
    d, mo, y = rng.randint(1, 28), rng.randint(1, 12), rng.choice([2024, 2025, 2025, 2026, 2026, 2026, 2027])
    m = month(rng)
    return rng.choice([
        f"{y}-{mo:02d}-{d:02d}", f"{y}-{mo:02d}-{d:02d}", f"{y}-{mo:02d}-{d:02d}", f"{y}/{mo:02d}/{d:02d}", f"{d}/{mo}", f"{mo}/{d}/{y}", f"{d:02d}/{mo:02d}/{y}", f"{d}.{mo}.", f"{d}.{mo}.{y}", f"{d:02d}.{mo:02d}.{y}", f"{d}-{mo}-{y}",
        f"{m} {d}", f"{m} {d}", f"{d} {m}", f"{d} {m}", f"{m} {ordinal(d)}", f"{ordinal(d)} {m}", f"the {ordinal(d)}", f"the {ordinal(d)}", f"the {ordinal(d)} of {m}", f"{m} the {ordinal(d)}", f"{d} {m} {y}", f"{m} {d}, {y}", f"{m} {d} {y}", f"{ordinal(d)} of {m}",
        f"{y}{mo:02d}{d:02d}", f"{weekday(rng)} the {ordinal(d)}", f"{weekday(rng)} {d} {m}", f"{weekday(rng)}, {m} {d}", f"{y}-{mo:02d}-{d:02d}T{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}", f"{y}-{mo:02d}-{d:02d} {rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}",
        f"{y}-{mo:02d}-{d:02d}T{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:00Z"])


def iso(rng):
    return f"{rng.choice([2024, 2025, 2026, 2026])}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


def day(rng):
    """A phrase for one day."""
    r = rng.random()
    if r < 0.34:
        return rng.choice(["yesterday", "today", "yesterday", "today", "the day before yesterday", "yday", "2day", "two days ago", "the other day", f"{rng.randint(2, 30)} days ago", "a week ago", f"a week ago {weekday(rng)}", "a few days ago", "the day before"])
    if r < 0.75:
        w = weekday(rng)
        return rng.choice([w, w, w, w, f"last {w}", f"this {w}", f"this past {w}", f"past {w}", f"{w} last week", f"{w} this week", f"{w} of last week", f"the {w} before last", f"{w} a week ago", f"the previous {w}"])
    return date(rng)


def part(rng):
    """A part of a day."""
    p, w = rng.choice(PARTS), rng.choice(["yesterday", "yesterday", "this", weekday(rng), weekday(rng), f"last {weekday(rng)}"])
    return rng.choice([
        f"{w} {p}", f"{w} {p}", f"{w} {p}", "last night", "last night", "this morning", "this morning", "this afternoon", "tonight", "this evening", "yesterday morning", "yesterday afternoon", "yesterday evening", "overnight",
        f"early {w} {p}", f"late {w} {p}", "late last night", "early this morning", "first thing this morning", "earlier today", "earlier this morning", "earlier", "later today", f"the {p} of {date(rng)}", f"{rng.choice(DAYS)} {p}s"[:-1], f"the {p}", f"{day(rng)} {p}",
        f"{day(rng)} in the {p}", f"{weekday(rng)} at {rng.choice(['night', 'lunch', 'noon', 'midnight', 'dawn'])}", f"late {rng.choice(['yesterday', weekday(rng), 'today'])}", f"early {rng.choice(['yesterday', weekday(rng), 'today'])}", "the small hours", "the middle of the night", f"{weekday(rng)} {rng.choice(['am', 'pm', 'nite', 'a.m.', 'p.m.', 'noon', 'lunchtime', 'midday'])}", f"{rng.choice(['yesterday', 'today'])} {rng.choice(['am', 'pm', 'noon', 'lunchtime', 'at lunch', 'around lunch', 'midday', 'early', 'late'])}", "last nite", "2nite", "this arvo", "in the night"[3:], "early morning", "late evening", "lunchtime", "lunch time", f"{day(rng)} lunchtime"])


def amount(rng):
    n = rng.choice([rng.randint(2, 12), rng.randint(2, 12), rng.choice([15, 20, 24, 30, 36, 45, 48, 60, 72, 90, 100])])
    unit = rng.choice(UNITS)
    return rng.choice([f"{n} {unit}s", f"{n} {unit}s", f"{n} {unit}s", f"{rng.choice(NUMBERS[1:])} {unit}s", f"{rng.choice(NUMBERS[1:])} {unit}s", f"{rng.choice(MORE)} {unit}s", f"couple of {unit}s", f"few {unit}s", f"{n}{rng.choice(SHORT)}", f"{n} {rng.choice(SHORT)}", f"half hour", "half an hour", "half day", "fortnight", f"{n} working days", "several hours", "many days"])


def span(rng):
    """A relative span or a calendar unit."""
    unit = rng.choice(["week", "week", "month", "month", "year", "quarter", "weekend", "hour", "hour", "minute", "day", "night", "fortnight"])
    past = rng.choice(["last", "last", "past", "previous"])
    a = amount(rng)
    return rng.choice([
        f"last {unit}", f"last {unit}", f"this {unit}", f"this {unit}", f"past {unit}", f"the {past} {unit}", f"the {unit} before", f"the {unit} before last", f"{past} {a}", f"{past} {a}", f"the {past} {a}", f"the {past} {a}", f"the {past} {a}", "last week", "this week", "last month", "this month", "this year",
        f"the week of {date(rng)}", f"week {rng.randint(1, 52)}", f"q{rng.randint(1, 4)}", f"Q{rng.randint(1, 4)} {rng.randint(2024, 2026)}", rng.choice(MONTHS), f"{month(rng)} {rng.randint(2024, 2026)}", f"last {rng.choice(MONTHS)}", f"{rng.randint(2023, 2026)}", f"{rng.randint(2024, 2026)}-{rng.randint(1, 12):02d}",
        "the weekend", "the weekend", "last weekend", "this weekend", f"the first {rng.choice(['week', 'half', 'days'])} of {month(rng)}", f"the {rng.choice(['start', 'beginning', 'end', 'middle'])} of {rng.choice(['the week', 'the month', 'last week', month(rng)])}", f"early {month(rng)}", f"late {month(rng)}", f"mid {month(rng)}",
        f"the last half hour", "the last hour or so", "the last few minutes", "recently", "lately", "just now", "these days", f"{a} ago", f"{rng.choice(['an hour', 'a minute', 'a week', 'a month', 'a while', 'half an hour'])} ago", f"the whole {rng.choice(['week', 'day', 'month', 'morning'])}", "all day", "all week", "all of last week", "all night", "the entire week", "business hours", "office hours", "the night shift", "the holidays", f"the {rng.randint(1, 28)}th and {rng.randint(1, 28)}th", f"{weekday(rng)} and {weekday(rng)}", f"every {weekday(rng)}", "month to date", "year to date", "this week so far",
        f"last {rng.choice(['wk', 'mth', 'yr', 'nite', 'wkend', 'hr', '24h', '24 hours', '48h', 'day', 'days', 'weeks', 'working day', 'business day', 'shift'])}", f"this {rng.choice(['wk', 'mth', 'yr', 'wkend', 'arvo', 'term', 'half year'])}", f"earlier this {rng.choice(['week', 'month', 'year'])}", f"later that {rng.choice(['day', 'week'])}",
        f"the {rng.choice(['first', 'last', 'second', '1st'])} of {rng.choice(['the month', 'the week', month(rng)])}", f"the {rng.choice(['first', 'second', 'last'])} {rng.choice(['half', 'week', 'day', 'two weeks', 'few days', 'three days'])} of {rng.choice(MONTHS)}", f"{rng.choice(['last', 'this'])} {rng.choice(['summer', 'winter', 'spring', 'autumn', 'fall', 'easter', 'christmas', 'semester'])}",
        f"{rng.choice(['end', 'start', 'beginning'])} of {rng.choice(['last month', 'this week', 'the year', month(rng), 'last week', 'this month'])}", f"{amount(rng)} back", f"{rng.choice(['the outage', 'the demo', 'the power cut', 'the audit', 'my holiday', 'the inspection', 'the night shift', 'the blackout', 'my absence', 'lunch', 'the trial period', 'the pilot', 'the migration'])}",
        f"{rng.choice(['the past', 'the last', 'last', 'past'])} {rng.choice(['day', 'day or two', '24 hours', 'two days', 'ten minutes', 'five min', '10 min', '30 minutes', 'quarter of an hour', 'couple hours', 'couple of hours', 'few hours', 'week or so', 'seven days', '7 days', '30 days'])}"])


def point(rng):
    """A point that since, before and after take."""
    d, c = day(rng), easy_clock(rng)
    return rng.choice([d, d, d, c, c, c, part(rng), date(rng), f"{d} {c}", f"{c} {d}", f"{c} on {weekday(rng)}", f"{d} at {c}", f"{c} {rng.choice(['today', 'yesterday', 'this morning', 'this afternoon', 'last night'])}", f"{rng.choice(['the start of', 'the beginning of', 'the end of'])} {rng.choice(['the week', 'the month', 'the year', 'last week', 'the day', month(rng)])}", rng.choice(MONTHS), rng.choice(EVENTS), f"{rng.choice(['last', 'this'])} {rng.choice(['week', 'month', 'weekend'])}", "lunch", "noon", "midnight", "this morning", "last night"])


def edge(rng):
    """A half-open phrase: since, before, after, until."""
    word = rng.choice(["since", "since", "since", "since", "after", "after", "after", "before", "before", "before", "until", "till", "up to", "from", "prior to", "later than", "earlier than", "no later than", "starting", "beginning", "as of", "by", "around", "about", "shortly before", "shortly after", "just after", "just before", "right after", "ever since", "anytime after", "any time before", "not before", "til", "up until", "around", "close to", "right before", "past", "sometime after"])
    p = point(rng)
    if word == "from":
        return f"from {p} {rng.choice(['on', 'onwards', 'onward', 'till now', 'until now', 'to now', 'up to now', 'until today', 'to today'])}"
    if rng.random() < 0.05 and word == "since":
        return f"since {p} {rng.choice(['until', 'till', 'to'])} {point(rng)}"
    if rng.random() < 0.04:
        return f"{p} {rng.choice(['onwards', 'or later', 'or earlier', 'and after', 'and before', 'and later'])}"
    return f"{word} {p}"


def ranged(rng):
    """A range with two ends."""
    kind = rng.random()
    if kind < 0.35:
        a, b = easy_clock(rng), easy_clock(rng)
    elif kind < 0.65:
        a, b = weekday(rng), weekday(rng)
        if rng.random() < 0.2:
            b = f"{b} {rng.choice(PARTS)}"
    elif kind < 0.75:
        a, b = iso(rng), iso(rng)
    elif kind < 0.85:
        a, b = month(rng), month(rng)
    else:
        a, b = point(rng), point(rng)
    tail = rng.choice(["", "", "", " today", " yesterday", " this morning", f" {weekday(rng)}", f" on {weekday(rng)}", " last week", " this afternoon", f" on {date(rng)}"]) if kind < 0.35 else ""
    joins = [f"from {a} to {b}", f"from {a} to {b}", f"from {a} until {b}", f"from {a} till {b}", f"from {a} through {b}", f"between {a} and {b}", f"between {a} and {b}", f"between {a} and {b}", f"{a} to {b}", f"{a} to {b}", f"{a} - {b}", f"{a}-{b}", f"{a} until {b}", f"{a} till {b}", f"{a}–{b}", f"{a} through {b}", f"{a} thru {b}", f"{a} & {b}"if kind >= 0.35 else f"{a}-{b}", f"{a} up to {b}", f"{a} – {b}", f"{a}…{b}", f"betw {a} and {b}", f"btw {a} and {b}", f"between {a} & {b}", f"from {a} up to {b}", f"after {a} and before {b}", f"after {a} but before {b}", f"since {a} until {b}"]
    if kind >= 0.65 and kind < 0.75:
        joins += [f"{a}..{b}", f"{a} .. {b}", f"{a}/{b}", f"{a} to {b}"]
    return rng.choice(joins) + tail


def day_clock(rng):
    """A day with a clock restriction, in either order."""
    d = rng.choice([day(rng), day(rng), part(rng), rng.choice(["yesterday", "today", "last night", "this morning", "this week", "last week"])])
    c = easy_clock(rng)
    rel = rng.choice(["after", "after", "before", "before", "since", "until", "till", "around", "about", "at", "by", "past", "just after", "shortly before", "from"])
    if rel == "from":
        return f"{d} from {c} {rng.choice(['on', 'onwards'])}"
    return rng.choice([f"{d} {rel} {c}", f"{d} {rel} {c}", f"{rel} {c} {d}", f"{rel} {c} {d}", f"{rel} {c} on {weekday(rng)}", f"{rel} {c} in the {rng.choice(PARTS[:3])} {d}", f"{d} between {easy_clock(rng)} and {easy_clock(rng)}", f"{d} {rng.choice(['from ', ''])}{easy_clock(rng)} to {easy_clock(rng)}", f"{d}, {rel} {c}", f"{d} {c}"]).replace("at at", "at")


def when(rng):
    """(lead, phrase): the lead is a bare preposition that the answer leaves out."""
    r = rng.random()
    if r < 0.24:
        d = day(rng)
        dated = d[0].isdigit() or d.startswith("the ") or d.split()[0] in DAYS + ABBR + MONTHS + MABBR
        lead = rng.choice(["on ", "on ", "on ", "", "from ", "for "]) if dated and "ago" not in d else rng.choice(["", "", "", "", "from ", "for ", "", "of "])
        return lead.replace("of ", "from "), d
    if r < 0.36:
        p = part(rng)
        return rng.choice(["", "", "", "from ", "for ", "during "]) if not p.startswith("the ") else rng.choice(["in ", "during ", "on ", "from "]), p
    if r < 0.60:
        s = span(rng)
        if s.endswith("ago") or s in ("recently", "lately", "just now", "these days", "all day", "all week", "all night") or s.startswith("every"):
            return "", s
        return rng.choice(["", "", "", "in ", "in ", "for ", "from ", "during ", "over ", "within ", "throughout "]), s
    if r < 0.75:
        return "", edge(rng)
    if r < 0.87:
        g = ranged(rng)
        return rng.choice(["", "", "", "for "]) if not g.startswith(("between", "after", "since", "from", "betw", "btw")) else "", g
    p = day_clock(rng)
    return "", p


def when_bare(rng):
    """A phrase that stands as a noun: `last week`, `monday to wednesday`."""
    return rng.choice([day, day, part, span, span, ranged, day])(rng)


def when_possessive(rng):
    """(phrase, ending): yesterday's, last week's, and the same without the apostrophe."""
    base = rng.choice(["today", "yesterday", "today", "yesterday", "last week", "this week", "last month", "this month", "last night", "this morning", weekday(rng), f"last {weekday(rng)}", "last year", "this afternoon", rng.choice(MONTHS), "last quarter", "the weekend", "tonight"])
    return base, rng.choice(["'s", "'s", "'s", "s", "’s"])


# ---- names, files, records

FAMILIES = ["qwen2.5", "qwen2", "qwen", "qwen3", "llama", "llama3", "llama-3.2", "llama3.1", "mistral", "mixtral", "gemma", "gemma2", "phi", "phi-3", "phi3", "smollm", "smollm2", "tinyllama", "falcon", "granite", "olmo", "deepseek", "yi", "vicuna", "stablelm", "command-r", "codellama", "starcoder", "mpt", "bloom", "opt", "gpt2", "gpt-j", "pythia", "minicpm", "internlm", "baichuan", "orca", "zephyr", "openchat", "solar", "nemotron", "aya", "exaone", "mickai-bootstrap", "bootstrap"]
SIZES = ["0.5b", "1b", "1.5b", "3b", "7b", "8b", "13b", "14b", "32b", "70b", "135m", "360m", "1.7b", "2b", "9b", "27b", "500m", "8x7b", "tiny", "mini", "small", "medium", "large", "xl"]
SUFFIXES = ["instruct", "chat", "it", "base", "q4_0", "q4_k_m", "q8_0", "q6_k", "f16", "bf16", "v2", "v0.3", "v1.1", "gguf", "int8", "4bit", "ft", "finetune", "legal", "medical", "old", "new", "test", "final", "latest", "tuned", "en", "it-it", "rc1", "prod", "dev"]


def model(rng):
    """A model's name, with something technical in it."""
    r = rng.random()
    if r < 0.62:
        name = rng.choice(FAMILIES) if rng.random() < 0.7 else nonsense(rng, 1, 3)
        sep = rng.choice(["-", "-", "-", "_", ":", "."])
        if rng.random() < 0.85:
            name += sep + rng.choice(SIZES)
        while rng.random() < 0.4:
            name += rng.choice(["-", "-", "_", ":", "."]) + rng.choice(SUFFIXES)
        if rng.random() < 0.12:
            name += ".gguf"
        if rng.random() < 0.12:
            name = rng.choice(["Qwen", "meta-llama", "mistralai", "google", "microsoft", nonsense(rng), nonsense(rng)]) + "/" + name
        if rng.random() < 0.12:
            name = rng.choice([name.upper(), name.title(), name.capitalize()])
        return name
    if r < 0.72:
        return nonsense(rng, 1, 3) + rng.choice(["-", "_", "", "."]) + str(rng.randint(1, 99)) + rng.choice(["", "", "b", "m", "k", "x"])
    if r < 0.80:
        return nonsense(rng, 1, 3) + rng.choice(["-", "_"]) + rng.choice(SIZES + SUFFIXES)
    if r < 0.88:
        return nonsense(rng, 1, 3) + rng.choice(["-", "_"]) + nonsense(rng, 1, 3)
    if r < 0.94:
        return rng.choice(FAMILIES)
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789-_.") for _ in range(rng.randint(3, 12))).strip("-_.") or "m1"


def model_any(rng):
    """Any name, also a plain word; only used where the word `model` stands beside it."""
    if rng.random() < 0.6:
        return model(rng)
    return rng.choice([nonsense(rng), nonsense(rng), nonsense(rng).capitalize(), digest(rng), rng.choice(FAMILIES), rng.choice(["scribe", "clerk", "alfa", "judge", "assistant", "writer", "helper", "main", "backup", "default", "general", "small", "legal", "notary", "oracle", "falcon", "titan", "rosa", "max"])])


def digest(rng):
    s = "".join(rng.choice("0123456789abcdef") for _ in range(rng.choice([4, 5, 6, 6, 7, 8, 8, 8, 10, 12, 16])))
    if s.isdigit() or s.isalpha():
        s = "a" + s[:-2] + "3"
    return s.upper() if rng.random() < 0.06 else s


def record(rng):
    r = rng.random()
    if r < 0.30:
        return str(rng.randint(1, 30))
    if r < 0.55:
        return str(rng.randint(1, 999))
    if r < 0.75:
        return str(rng.randint(1000, 99999))
    if r < 0.82:
        return str(rng.randint(0, 9))
    if r < 0.86:
        return rng.choice(NUMBERS + MORE)
    if r < 0.88:
        return f"{rng.randint(1, 99):04d}"
    return digest(rng)


def record_word(rng):
    return rng.choice(["last", "last", "last", "latest", "latest", "newest", "first", "previous"])


FOLDERS = ["data", "models", "home", "srv", "opt", "mnt", "tmp", "var", "usb", "media", "share", "export", "exports", "backup", "work", "weights", "files", "vault", "archive", "audit", "Downloads", "Documents", "Desktop", "ops", "root", "llm", "ai", "hf", "disk2", "stick", "nas", "incoming", "2026", "november", "cases"]


def folder_word(rng):
    return rng.choice(FOLDERS) if rng.random() < 0.6 else rng.choice([nonsense(rng, 1, 3), nonsense(rng, 1, 3) + str(rng.randint(1, 99)), rng.choice(["anna", "marco", "tom", "ops", "admin", "user1"])])


def folder(rng):
    depth = rng.choice([1, 1, 2, 2, 3])
    path = "/".join(folder_word(rng) for _ in range(depth))
    return rng.choice(["/", "/", "/", "/", "~/", "./", "../", "", "", "/home/", "/mnt/", "/media/", "/data/"]) + path


def windows(rng):
    return rng.choice("CDE") + ":\\" + "\\".join(folder_word(rng) for _ in range(rng.choice([1, 2])))


def path(rng):
    """Where a model lies: a file or a folder, with a slash, a dot or both."""
    name = model(rng).replace(":", "-")
    name = name.split("/")[-1] if rng.random() < 0.8 else name
    r = rng.random()
    if r < 0.62:
        ext = rng.choice([".gguf", ".gguf", ".gguf", ".gguf", ".safetensors", ".bin", ".GGUF", ""])
        base = name if name.lower().endswith(".gguf") else name + ext
        return folder(rng) + "/" + base
    if r < 0.75:
        return name if name.lower().endswith(".gguf") else name + rng.choice([".gguf", ".gguf", ".safetensors"])
    if r < 0.93:
        f = folder(rng)
        f = f if "/" in f else "./" + f
        return f + rng.choice(["", "", "/"])
    if r < 0.96:
        return windows(rng) + "\\" + name + ".gguf"
    return rng.choice(["./", "~/", "../"]) + name + ".gguf"


OUT_WORDS = ["case", "audit", "pin", "export", "bundle", "week", "log", "evidence", "records", "checkpoint", "report", "lastweek", "monday", "november", "q3", "anna", "legal", "court", "case-7", "audit_2026", "out", "backup", "test", "final", "head", "root", "anchor", "proof", "activity", "history", "today", "yesterday", "failures"]
OUT_EXT = [".oar", ".oar", ".oar", ".oar", ".txt", ".txt", ".pin", ".json", ".cbor", ".bin", ".zip", ".ckpt", ".chk", ".dat", ".OAR", ".cp", ".log", ".checkpoint"]


def out_name(rng):
    word = rng.choice(OUT_WORDS) if rng.random() < 0.55 else nonsense(rng, 1, 3)
    if rng.random() < 0.35:
        word += rng.choice(["-", "_", "", "."]) + rng.choice([str(rng.randint(1, 99)), iso(rng), rng.choice(OUT_WORDS), nonsense(rng, 1, 2), f"v{rng.randint(1, 9)}"])
    return word.capitalize() if rng.random() < 0.06 else word


def out(rng):
    """A file that an export or a checkpoint goes to."""
    name = out_name(rng)
    if rng.random() < 0.92:
        name += rng.choice(OUT_EXT)
    r = rng.random()
    if r < 0.55:
        return name
    if r < 0.97:
        return folder(rng) + "/" + name
    return windows(rng) + "\\" + name


def out_folder(rng):
    f = folder(rng)
    return (f if "/" in f else "./" + f) + rng.choice(["", "", "/"])


def out_document(rng):
    """A file that is no model: text, table, picture."""
    name = out_name(rng) + rng.choice([".pdf", ".docx", ".xlsx", ".csv", ".png", ".jpg", ".pptx", ".txt", ".html", ".mp3", ".mp4", ".md", ".py", ".zip", ".vcf", ".ics", ".sql", ".eml"])
    return name if rng.random() < 0.6 else folder(rng) + "/" + name
