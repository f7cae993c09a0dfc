"""Hooks of schemathesis. They put in the place of what no schema can say what does hold here: a model that exists, tokens that it has, turns in an order that its template takes, a schema that can be
compiled, a function that is among the tools. Answers stay short, so that what is tried is the API and not the patience of the machine. What has the wrong type is left as it is."""

import os

import schemathesis

MODEL = os.environ["MICKAI_TEST_MODEL"]
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
    tame_turns(body)
    tame_schemas(body)
    return body


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
            shorten(item, "content")
            shorten(item, "output")
            for call in [item, *(inside(call, "function") for call in inside(item, "tool_calls", list) or [])]:
                if isinstance(inside(call, "arguments", str), str):
                    call["arguments"] = "{}"
                elif inside(call, "arguments"):
                    call["arguments"] = {}
    # Earlier responses are tried by the links between operations, not by guessing ids.
    if inside(body, "previous_response_id", str):
        body["previous_response_id"] = None


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
