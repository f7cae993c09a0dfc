"""Hooks of schemathesis. They put in the place of what no schema can say what does hold here: a model that exists, tokens that it has, turns in an order that its template takes, results of calls that
were made, a schema that can be compiled, a function that is among the tools. Answers stay short, so that what is tried is the API and not the patience of the machine. What has the wrong type is left as it is.

With MICKAI_TEST_SCHEMAS the schemas are arbitrary instead: they must be held to or refused, and break nothing."""

import os

import schemathesis
from hypothesis import strategies as st

MODEL = os.environ["MICKAI_TEST_MODEL"]
ARE_SCHEMAS_ARBITRARY = "MICKAI_TEST_SCHEMAS" in os.environ
TOKEN_COUNT = 512
SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"], "additionalProperties": False}
# By the names that the shapes give to the most tokens of an answer.
SHORT = {"/v1/chat/completions": "max_tokens", "/v1/completions": "max_tokens", "/v1/responses": "max_output_tokens"}


def inside(value, name, kind=dict):
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, kind) else None


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict):
        return body
    if inside(body, "model", str):
        body["model"] = MODEL
    limit = SHORT.get(context.operation.path)
    if limit and isinstance(body.get(limit, 1), int) and body.get(limit, 1) > 0 and not isinstance(body.get(limit), bool):
        if isinstance(body.get("max_completion_tokens"), int) and body["max_completion_tokens"] > 2:
            body["max_completion_tokens"] = 2
        body[limit] = 2
    if context.operation.path == "/detokenize" and inside(body, "tokens", list):
        body["tokens"] = [int(token) % TOKEN_COUNT if is_whole(token) and 0 <= token < 2**32 else token for token in body["tokens"]]
    if context.operation.path == "/v1/embeddings":
        body["input"] = known_tokens(inside(body, "input", list)) or body.get("input")
    if is_whole(body.get("dimensions")) and body["dimensions"] > 64:
        body["dimensions"] = 64
    if body.get("raw") is True and inside(body, "system", str):
        body["system"] = ""
    # Fields that are taken only beside each other, or not.
    if context.operation.path == "/v1/completions" and body.get("echo") is True and is_whole(body.get("logprobs")):
        body["echo"] = False
    if context.operation.path == "/v1/chat/completions" and is_whole(body.get("top_logprobs")) and (body.get("logprobs") is None or body["logprobs"] is False):
        body["logprobs"] = True
    tame_turns(body)
    tame_schemas(body)
    return body


@schemathesis.hook
def map_query(context, query):
    """Which items a response has is not guessed."""
    return {name: value for name, value in (query or {}).items() if not (name == "after" and isinstance(value, str))}


if ARE_SCHEMAS_ARBITRARY:

    @schemathesis.hook
    def flatmap_body(context, body):
        return SCHEMAS.map(lambda schema: with_schema(context.operation.path, body, schema))

    @schemathesis.hook
    def map_headers(context, headers):
        """A key is of one body, and here every body is another."""
        return {name: value for name, value in (headers or {}).items() if name.lower() != "idempotency-key"}


def with_schema(path, body, schema):
    """The body with the schema at both of its places: what calls hold, and what answers are."""
    if not isinstance(body, dict):
        return body
    function = {"name": "f", "parameters": schema}
    if path == "/v1/chat/completions":
        given = {"tools": [{"type": "function", "function": function}], "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}
    elif path == "/v1/responses":
        given = {"tools": [{"type": "function", **function}], "text": {"format": {"type": "json_schema", "name": "x", "schema": schema}}}
    elif path == "/api/chat":
        given = {"tools": [{"type": "function", "function": function}], "format": schema}
    else:
        given = {"format": schema}
    return {**body, **given, "tool_choice": "auto"} if path.startswith("/v1/") else {**body, **given}


def known_tokens(items):
    """Tokens that the model has, also in lists of them."""
    one = lambda item: int(item) % TOKEN_COUNT if is_whole(item) and 0 <= item < 2**32 else known_tokens(item) if isinstance(item, list) else item
    return [one(item) for item in items or []]


def is_whole(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == int(value)


def tame_turns(body):
    """The model's template takes one system turn, the first; its context holds 2,048 tokens; a call that it made before has an object of arguments."""
    for name in ("messages", "input"):
        items = inside(body, name, list)
        if not items:
            continue
        body[name] = items = items[:6]
        for at, item in enumerate(items):
            if not isinstance(item, dict):
                continue
            if at > 0 and item.get("role") in ("system", "developer"):
                item["role"] = "user"
            # Earlier items are not guessed either.
            if item.get("type") == "item_reference" and inside(item, "id", str):
                items[at] = item = {"role": "user", "content": "x"}
            shorten(item, "content")
            shorten(item, "output")
            for call in [item, *(inside(call, "function") for call in inside(item, "tool_calls", list) or [])]:
                if isinstance(inside(call, "arguments", str), str):
                    call["arguments"] = "{}"
                elif inside(call, "arguments"):
                    call["arguments"] = {}
        body[name] = [turn for item in items for turn in (*called(item), item)]
    # Earlier responses are tried by the links between operations, not by guessing ids.
    if inside(body, "previous_response_id", str):
        body["previous_response_id"] = None


def called(item):
    """The call that an item gives the result of, in its shape."""
    if not isinstance(item, dict):
        return ()
    if item.get("type") == "function_call_output" and inside(item, "call_id", str) is not None:
        return ({"type": "function_call", "call_id": item["call_id"], "name": "f", "arguments": "{}"},)
    if item.get("role") != "tool":
        return ()
    if inside(item, "tool_call_id", str) is not None:
        call = {"id": item["tool_call_id"], "type": "function", "function": {"name": "f", "arguments": "{}"}}
    else:
        call = {"function": {"name": inside(item, "tool_name", str) or "f", "arguments": {}}}
    return ({"role": "assistant", "content": "", "tool_calls": [call]},)


def shorten(item, name):
    """Bytes are tokens here, at worst."""
    if isinstance(item.get(name), str):
        item[name] = item[name][:20]
    for part in inside(item, name, list) or []:
        if isinstance(inside(part, "text", str), str):
            part["text"] = part["text"][:20]


def tame_schemas(body):
    names = set()
    for tool in inside(body, "tools", list) or []:
        function = inside(tool, "function") or (tool if isinstance(tool, dict) and "name" in tool else None)
        if function is None:
            continue
        if isinstance(function.get("description"), str):
            function["description"] = function["description"][:20]
        if isinstance(function.get("parameters"), dict):
            function["parameters"] = SCHEMA
        while isinstance(function.get("name"), str) and function["name"] in names:
            function["name"] = f"f{len(names)}"
        if isinstance(function.get("name"), str):
            names.add(function["name"])
    choice = body.get("tool_choice")
    if isinstance(choice, dict) or choice == "required" and not names:
        named = (inside(choice, "function") or choice).get("name") if isinstance(choice, dict) else None
        if choice == "required" or isinstance(named, str) and named not in names:
            body["tool_choice"] = "auto"
    for holder, name in ((inside(inside(body, "response_format"), "json_schema"), "schema"), (inside(inside(body, "text"), "format"), "schema"), (body, "format")):
        if isinstance(inside(holder, name), dict):
            holder[name] = SCHEMA


NAMES = st.sampled_from(["a", "b", "c", "é", ""])
NUMBERS = st.one_of(st.integers(-3, 300), st.sampled_from([0.1, 1e300, -1e300, 2**53, 2**63, 1e-300]))
PATTERNS = st.sampled_from(["", "^a+$", "(a|b){2,3}", "(", "[^é]*", "\\d{3}", "a{1000}{1000}", "(?=a)b", "\\p{L}", "x" * 300])
JUNK = st.recursive(st.one_of(st.none(), st.booleans(), NUMBERS, st.sampled_from(["", "a", "é" * 120])), lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(NAMES, inner, max_size=2)), max_leaves=3)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
REFERENCES = st.sampled_from(["#", "#/", "#/$defs/a", "#/$defs/b", "#/$defs/none", "#/properties/a", "#/allOf/0", "a", "https://example.org/a"])


def keywords(inner):
    """Each keyword with what belongs under it, and now and then with what does not."""
    some, named = st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)
    known = {
        "type": st.one_of(TYPES, st.lists(TYPES, max_size=3)),
        "properties": named,
        "patternProperties": st.dictionaries(PATTERNS, inner, max_size=2),
        "additionalProperties": inner,
        "required": st.lists(NAMES, max_size=3),
        "items": st.one_of(inner, some),
        "prefixItems": some,
        "additionalItems": inner,
        "allOf": some,
        "anyOf": some,
        "oneOf": some,
        "$ref": REFERENCES,
        "const": JUNK,
        "enum": st.lists(JUNK, max_size=4),
        "pattern": PATTERNS,
        "format": st.sampled_from(["date-time", "uuid", "email", "uri", "ipv6", "tea"]),
        "description": st.just("x"),
        "deprecated": st.just(True),
    }
    known |= {name: NUMBERS for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")}
    wrong = st.fixed_dictionaries({}, optional={**{name: JUNK for name in known}, **{name: inner for name in ("not", "if", "nullable", "x-guidance", "x-note", "minlength", "$schema")}})
    # One keyword alone, or a few together; a wrong one seldom.
    few = st.lists(st.sampled_from(sorted(known)), max_size=4, unique=True).flatmap(lambda chosen: st.fixed_dictionaries({name: known[name] for name in chosen}))
    return st.one_of(few, few, few, wrong)


PARTS = st.recursive(st.one_of(st.just({}), st.booleans(), TYPES.map(lambda name: {"type": name})), keywords, max_leaves=8)
SCHEMAS = st.tuples(keywords(PARTS), st.dictionaries(st.sampled_from(["a", "b"]), PARTS, max_size=2)).map(lambda parts: {**parts[0], "$defs": parts[1]})
