"""PyPI's openai and ollama, unmodified, choose an adapter of a running `mickai serve`."""

import os

import ollama
import openai

MODEL, ADAPTER = os.environ["MICKAI_TEST_MODEL"], os.environ["MICKAI_TEST_ADAPTER"]
HELLO = [{"role": "user", "content": "hello"}]


def with_openai():
    client = openai.OpenAI(base_url=os.environ["MICKAI_URL"] + "/v1", api_key="none", max_retries=0)
    assert {MODEL, ADAPTER} <= {model.id for model in client.models.list()}
    assert client.models.retrieve(ADAPTER).id == ADAPTER
    chat = lambda model: client.chat.completions.create(model=model, messages=HELLO, temperature=0, max_tokens=12)
    whole, plain = chat(ADAPTER), chat(MODEL)
    assert whole.model == ADAPTER and whole.choices[0].message.content != plain.choices[0].message.content
    stream = client.chat.completions.create(model=ADAPTER, messages=HELLO, temperature=0, max_tokens=12, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == whole.choices[0].message.content
    vector = lambda model: client.embeddings.create(model=model, input="hello").data[0].embedding
    assert vector(ADAPTER) != vector(MODEL)
    try:
        chat(MODEL + "+nobody")
    except openai.NotFoundError as error:
        assert error.code == "model_not_found", error
    else:
        raise AssertionError("not refused")


def with_ollama():
    client = ollama.Client(host=os.environ["MICKAI_URL"])
    assert ADAPTER in [model.model for model in client.list().models]
    assert client.show(ADAPTER).modelinfo["mickai.adapter"]
    chat = lambda model: client.chat(model=model, messages=HELLO, options={"temperature": 0, "num_predict": 12}).message.content
    assert chat(ADAPTER) != chat(MODEL)
    try:
        chat(MODEL + "+nobody")
    except ollama.ResponseError as error:
        assert error.status_code == 404, error
    else:
        raise AssertionError("not refused")


TESTS = [with_openai, with_ollama]
for test in TESTS:
    print(test.__name__, flush=True)
    test()
print(f"{len(TESTS)} passed")
