"""What SDKs have in common that speak in OpenAI's terms: the request they take, and the replies and chunks they return.

Nothing is checked and nothing mended: a field that is not where OpenAI's types promise it makes the reply unusable.
"""


def body(case, provider):
    """The request in OpenAI's terms, for SDKs that take it so. Nothing is null, and `n` is sent only where it is more than one."""
    asked = case["request"]
    request = {"model": provider["model"], "messages": asked["messages"]}
    request.update({key: asked[key] for key in ("user", "tools", "n") if asked.get(key) is not None})
    if asked.get("stream"):
        request.update(stream=True, stream_options={"include_usage": True})
    return request


def join_calls(calls, fragments):
    """Tool calls of a stream come in fragments, which the SDKs hand over as they are: joined by index, the arguments in a row, as
    OpenAI's guide to function calling shows; a name or an id may come late."""
    for fragment in fragments or []:
        call = calls.setdefault(fragment.index, fragment)
        if call is not fragment:
            call.id, function, more = call.id or fragment.id, call.function, fragment.function
            function.name = function.name or more.name
            function.arguments = (function.arguments or "") + (more.arguments or "")


def take(answer, reply):
    """A plain reply."""
    with reply.reading(answer):
        choice = answer.choices[0]
        message = choice.message
        reply.text, reply.finish_reason, reply.refusal = message.content, choice.finish_reason, getattr(message, "refusal", None)
        reply.tool_calls = [in_shape(call) for call in message.tool_calls or []]
        reply.usage = counts(answer)


async def read(stream, request, reply):
    """A stream: its deltas as they come, its last usage, its tool calls joined. Of several choices the first is read."""
    calls = {}
    with reply.reading(stream):
        chunks = aiter(stream)
    async for chunk in chunks:
        with reply.reading(chunk):
            reply.usage = counts(chunk) or reply.usage
            for choice in chunk.choices:
                if request.get("n", 1) > 1 and choice.index != 0:
                    continue
                reply.say(choice.delta.content)
                reply.refusal += getattr(choice.delta, "refusal", None) or ""
                join_calls(calls, choice.delta.tool_calls)
                reply.finish_reason = choice.finish_reason or reply.finish_reason
    reply.tool_calls = [in_shape(call) for call in calls.values()]


def in_shape(call):
    return call.model_dump(exclude_unset=True, exclude={"index"})


def counts(answer):
    # Some SDKs leave the attribute out of a chunk without usage.
    usage = getattr(answer, "usage", None)
    return usage and usage.model_dump(exclude_unset=True)
