"""PyPI's openai, unmodified, against a running `mickai serve`."""

import json
import os
from typing import Literal

import openai
from pydantic import BaseModel

MODEL = os.environ["MICKAI_TEST_MODEL"]
client = openai.OpenAI(base_url=os.environ["MICKAI_URL"] + "/v1", api_key="none", max_retries=0)
HELLO = [{"role": "user", "content": "hello"}]
SCHEMA = {"type": "object", "properties": {"city": {"enum": ["Oslo", "Rome"]}, "days": {"type": "integer", "minimum": 1, "maximum": 9}}, "required": ["city", "days"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "forecast", "description": "the weather to come", "parameters": SCHEMA, "strict": True}}


class Trip(BaseModel):
    city: Literal["Oslo", "Rome"]
    is_far: bool


def models():
    names = [model.id for model in client.models.list()]
    assert MODEL in names, names
    assert client.models.retrieve(MODEL).id == MODEL


def chat():
    answer = client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO, temperature=0, max_tokens=8, logprobs=True, top_logprobs=2)
    parsed = answer.parse()
    assert parsed.choices[0].finish_reason == "length" and parsed.usage.completion_tokens == 8
    assert len(parsed.choices[0].logprobs.content) == 8 and len(parsed.choices[0].logprobs.content[0].top_logprobs) == 2
    assert int(answer.headers["mickai-intent"]) == parsed.mickai["records"][0]["intent"]["index"]
    assert len(answer.headers["mickai-intent-digest"]) == 128


def streaming():
    whole = client.chat.completions.create(model=MODEL, messages=HELLO, temperature=0, max_tokens=12).choices[0].message.content
    for options in ({}, {"include_usage": True}):
        text, usage, records = "", None, []
        stream = client.chat.completions.create(model=MODEL, messages=HELLO, temperature=0, max_tokens=12, stream=True, stream_options=options or openai.omit)
        for chunk in stream:
            if not options:
                # As most programs do it, which no event of ours may break.
                text += chunk.choices[0].delta.content or ""
            else:
                text += "".join(choice.delta.content or "" for choice in chunk.choices)
                usage = chunk.usage or usage
            records.append(getattr(chunk, "mickai", None))
        assert text == whole, (text, whole)
        assert (usage is None) == (not options)
        # Who looks for the records finds them in the last chunk, and there alone.
        assert records[-1]["records"][0]["outcome"]["index"] > 0 and not any(records[:-1]), records
    # The helper that puts chunks together; it takes no answer that was cut off, its choices by their order, and the usage of the last chunk.
    stopped = dict(model=MODEL, messages=HELLO, temperature=0, max_tokens=12, stop=[whole[4]])
    for count, options in ((1, openai.omit), (3, {"include_usage": True})):
        with client.chat.completions.stream(**stopped, n=count, stream_options=options) as stream:
            final = stream.get_final_completion()
        assert [choice.index for choice in final.choices] == list(range(count)), final
        assert all(whole.startswith(choice.message.content) and choice.finish_reason == "stop" for choice in final.choices), final
        usage = client.chat.completions.create(**stopped, n=count).usage
        assert final.usage == (usage if options else None), final.usage


def completions():
    answer = client.completions.create(model=MODEL, prompt="once", max_tokens=5, temperature=0, n=2)
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert "".join(chunk.choices[0].text for chunk in client.completions.create(model=MODEL, prompt="once", max_tokens=5, temperature=0, stream=True)) == answer.choices[0].text
    *_, last = client.completions.create(model=MODEL, prompt="once", max_tokens=5, temperature=0, n=2, stream=True, stream_options={"include_usage": True})
    assert last.usage == answer.usage and last.choices == [] and len(last.mickai["records"]) == 2, last
    probable = client.completions.create(model=MODEL, prompt="once", max_tokens=5, temperature=2, seed=1, logprobs=1).choices[0].logprobs
    assert all(top[token] == logprob and len(top) <= 2 for token, logprob, top in zip(probable.tokens, probable.token_logprobs, probable.top_logprobs, strict=True)), probable
    try:
        client.completions.create(model=MODEL, prompt="once", max_tokens=5, logprobs=1, echo=True)
    except openai.BadRequestError as error:
        assert error.param == "logprobs", error
    else:
        raise AssertionError("probabilities of a prompt")


def tools():
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, tools=[TOOL], tool_choice={"type": "function", "function": {"name": "forecast"}}, temperature=0, max_tokens=200)
    [call] = answer.choices[0].message.tool_calls
    arguments = json.loads(call.function.arguments)
    assert call.function.name == "forecast" and arguments["city"] in ("Oslo", "Rome") and 1 <= arguments["days"] <= 9
    assert answer.choices[0].finish_reason == "tool_calls"
    messages = [*HELLO, answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    assert client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL], temperature=0, max_tokens=4).usage.completion_tokens > 0
    with client.chat.completions.stream(model=MODEL, messages=HELLO, tools=[TOOL], tool_choice="required", parallel_tool_calls=False, temperature=0, max_tokens=200) as stream:
        final = stream.get_final_completion()
    assert json.loads(final.choices[0].message.tool_calls[0].function.arguments)["city"] in ("Oslo", "Rome")


def structured():
    answer = client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=Trip, temperature=0, max_tokens=400, seed=5)
    assert isinstance(answer.choices[0].message.parsed, Trip)
    bounded = {"type": "json_schema", "json_schema": {"name": "trip", "strict": True, "schema": SCHEMA}}
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, response_format=bounded, temperature=1, seed=1, max_tokens=200)
    assert json.loads(answer.choices[0].message.content)["city"] in ("Oslo", "Rome")


def embeddings():
    # The client asks for base64 unless it is told otherwise, and reads it.
    given = client.embeddings.create(model=MODEL, input=["hello", "good bye"])
    plain = client.embeddings.create(model=MODEL, input=["hello", "good bye"], encoding_format="float")
    assert [one.embedding for one in given.data] == [one.embedding for one in plain.data] and [one.index for one in given.data] == [0, 1]
    assert abs(sum(value * value for value in given.data[0].embedding) - 1) < 1e-5 and given.usage.prompt_tokens == given.usage.total_tokens > 1
    assert given.mickai["records"][0]["outcome"]["index"] > 0
    assert len(client.embeddings.create(model=MODEL, input=[[1, 2, 3], [4]], dimensions=16).data[1].embedding) == 16
    try:
        client.embeddings.create(model=MODEL, input="hello", dimensions=65)
    except openai.BadRequestError as error:
        assert error.param == "dimensions", error
    else:
        raise AssertionError("more dimensions than there are")


def responses():
    answer = client.responses.create(model=MODEL, input="hello", temperature=0, max_output_tokens=6)
    assert answer.output_text and answer.status == "incomplete" and answer.incomplete_details.reason == "max_output_tokens"
    again = client.responses.retrieve(answer.id)
    assert again.output_text == answer.output_text and again.usage == answer.usage
    assert client.responses.input_items.list(answer.id).data[0].content[0].text == "hello"
    more = client.responses.create(model=MODEL, input="more", previous_response_id=answer.id, temperature=0, max_output_tokens=4)
    assert more.usage.input_tokens > answer.usage.input_tokens
    with client.responses.stream(model=MODEL, input="hello", temperature=0, max_output_tokens=6) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert text == answer.output_text
    tool = {"type": "function", **TOOL["function"]}
    called = client.responses.create(model=MODEL, input="hello", tools=[tool], tool_choice="required", parallel_tool_calls=False, temperature=0, max_output_tokens=200)
    assert called.output[0].type == "function_call" and json.loads(called.output[0].arguments)["city"] in ("Oslo", "Rome")
    # What was said is told again by its ids, and what a call gave in parts.
    given = {"type": "function_call_output", "call_id": called.output[0].call_id, "output": [{"type": "input_text", "text": "rain"}]}
    ids = [{"type": "item_reference", "id": item.id} for item in (answer.output[0], called.output[0])]
    told = [answer.output[0].to_dict(), called.output[0].to_dict()]
    [by_id, whole] = [client.responses.create(model=MODEL, input=[{"role": "user", "content": "hello"}, *items, given], temperature=0, max_output_tokens=4) for items in (ids, told)]
    assert by_id.usage.input_tokens == whole.usage.input_tokens and by_id.output_text == whole.output_text, (by_id, whole)
    client.responses.delete(answer.id)
    try:
        client.responses.retrieve(answer.id)
    except openai.NotFoundError:
        pass
    else:
        raise AssertionError("a deleted response was given")


def cancellation():
    # That it was interrupted is on record, where clients.rs looks.
    stream = client.chat.completions.create(model=os.environ["MICKAI_TEST_ENDLESS"], messages=HELLO, temperature=0, stream=True)
    next(stream)
    stream.close()


def errors():
    for wrong, status in ((dict(model="nobody"), 404), (dict(temperature=9), 400), (dict(messages=[]), 400), (dict(top_logprobs=2), 400)):
        try:
            client.chat.completions.create(**{"model": MODEL, "messages": HELLO, **wrong})
        except openai.APIStatusError as error:
            assert error.status_code == status and error.body["message"], error
        else:
            raise AssertionError(wrong)


def idempotency():
    ask = lambda: client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO, max_tokens=4, extra_headers={"Idempotency-Key": "python"})
    assert ask().headers["mickai-intent"] == ask().headers["mickai-intent"]


TESTS = [models, chat, streaming, completions, tools, structured, embeddings, responses, cancellation, errors, idempotency]
for test in TESTS:
    print(test.__name__, flush=True)
    test()
print(f"{len(TESTS)} passed")
