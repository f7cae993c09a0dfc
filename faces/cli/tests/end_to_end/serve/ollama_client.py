"""PyPI's ollama, unmodified, against a running `mickai serve`."""

import json
import os

import ollama

MODEL = os.environ["MICKAI_TEST_MODEL"]
client = ollama.Client(host=os.environ["MICKAI_URL"])
HELLO = [{"role": "user", "content": "hello"}]
OPTIONS = {"temperature": 0, "num_predict": 8, "seed": 1}
SCHEMA = {"type": "object", "properties": {"city": {"enum": ["Oslo", "Rome"]}}, "required": ["city"], "additionalProperties": False}


def models():
    assert MODEL in [model.model for model in client.list().models]
    assert client.show(MODEL).modelinfo["general.architecture"] == "llama"


def chat():
    whole = client.chat(model=MODEL, messages=HELLO, options=OPTIONS)
    assert whole.done and whole.eval_count == 8 and whole.done_reason == "length"
    pieces = list(client.chat(model=MODEL, messages=HELLO, options=OPTIONS, stream=True))
    assert "".join(piece.message.content for piece in pieces) == whole.message.content and pieces[-1].done
    loaded = client.chat(model=MODEL)
    assert loaded.done and loaded.done_reason == "load" and loaded.message.content == ""


def generate():
    whole = client.generate(model=MODEL, prompt="hello", options=OPTIONS)
    assert "".join(piece.response for piece in client.generate(model=MODEL, prompt="hello", options=OPTIONS, stream=True)) == whole.response
    assert client.generate(model=MODEL, prompt="once", raw=True, options=OPTIONS).eval_count == 8
    assert MODEL in [model.model for model in client.ps().models]


def structured():
    answer = client.chat(model=MODEL, messages=HELLO, format=SCHEMA, options={"temperature": 1, "seed": 3, "num_predict": 100})
    assert json.loads(answer.message.content)["city"] in ("Oslo", "Rome")


def tools():
    tool = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
    # Ollama's shape cannot ask for a call. With a schema for texts too, an answer begins as one or the other, and a seed decides.
    answers = (client.chat(model=MODEL, messages=HELLO, tools=[tool], format=SCHEMA, options={"temperature": 2, "seed": seed, "num_predict": 200}) for seed in range(64))
    call = next(answer.message.tool_calls[0] for answer in answers if answer.message.tool_calls)
    assert call.function.name == "weather" and call.function.arguments["city"] in ("Oslo", "Rome")
    given = [*HELLO, {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "weather", "arguments": {"city": "Oslo"}}}]}, {"role": "tool", "content": "rain", "tool_name": "weather"}]
    assert client.chat(model=MODEL, messages=given, tools=[tool], options=OPTIONS).done


def embeddings():
    given = client.embed(model=MODEL, input=["hello", "good bye"])
    assert len(given.embeddings) == 2 and len(given.embeddings[0]) == 64 and given.prompt_eval_count > 1
    assert list(client.embeddings(model=MODEL, prompt="hello").embedding) == list(given.embeddings[0])
    # What is too long loses its end, unless that is not wanted.
    assert client.embed(model=MODEL, input="word " * 3000, dimensions=8).prompt_eval_count == 2048
    try:
        client.embed(model=MODEL, input="word " * 3000, truncate=False)
    except ollama.ResponseError as error:
        assert error.status_code == 400 and "2048" in error.error, error
    else:
        raise AssertionError("not refused")


def refusals():
    for act in (lambda: client.embed(model="nobody", input="hello"), lambda: client.chat(model="nobody", messages=HELLO)):
        try:
            act()
        except ollama.ResponseError as error:
            assert error.status_code == 404 and error.error, error
        else:
            raise AssertionError("not refused")


def cancellation():
    # That it was interrupted is on record, where clients.rs looks.
    stream = client.chat(model=os.environ["MICKAI_TEST_ENDLESS"], messages=HELLO, options={"temperature": 0}, stream=True)
    next(stream)
    stream.close()


TESTS = [models, chat, generate, structured, tools, embeddings, refusals, cancellation]
for test in TESTS:
    print(test.__name__, flush=True)
    test()
print(f"{len(TESTS)} passed")
