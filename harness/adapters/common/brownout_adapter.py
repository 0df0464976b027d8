"""The protocol loop that every Python adapter shares: copy this file beside your own adapter.

An adapter says how a client object is made for a session and how one user request is made with it; everything about lines,
sessions and cancellation is here. Nothing here retries, falls back or parses a reply: that is the SDK's part.
"""

import asyncio
import contextlib
import json
import os
import sys


class Reply:
    """What the application has got so far. The adapter fills it in; the outcome is made from it, whatever happens."""

    def __init__(self):
        self.text = self.finish_reason = self.usage = self.served_by = self.attempts = None
        self.refusal, self.streamed, self.tool_calls, self.value = "", [], [], None

    def say(self, text):
        """A delta, as it reaches the user of a stream."""
        if text is not None and _text(text):
            self.streamed.append(text)

    @contextlib.contextmanager
    def reading(self, value):
        """Around the lines that take a value of the SDK apart: what they trip over is the value's fault, not an error of the SDK."""
        self.value = value
        try:
            yield
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise Unusable(value, error) from error

    def outcome(self):
        text = "".join(self.streamed) if self.text is None and self.streamed else self.text
        refused = self.refusal or self.finish_reason == "content_filter"
        return {
            "result": "refused" if refused else "completed",
            "text": None if text is None else _text(text),
            "finish_reason": None if self.finish_reason is None else _text(self.finish_reason),
            "tool_calls": self.tool_calls,
            "usage": self.usage,
            "served_by": self.served_by,
            "attempts": self.attempts,
        }


class Unusable(Exception):
    """The SDK returned normally, but the value has not the shape that its types promise."""

    def __init__(self, value, error):
        super().__init__(f"{type(error).__name__}: {error}")
        self.native = type(value).__name__


def _text(value):
    if not isinstance(value, str):
        raise TypeError(f"text is {type(value).__name__}")
    return value


def _of_error(error):
    """What an exception says of itself. Its class is not guessed here: `errors.yaml` maps the type's name and the status."""
    status, code = getattr(error, "status_code", None), getattr(error, "code", None)
    return {
        "native": type(error).__name__,
        "status": status if isinstance(status, int) and 0 <= status <= 999 else None,
        "code": None if code is None else str(code),
        "message": str(error),
        "channel": "raised",
    }


class Adapter:
    """`make(providers, policy)` gives the client object of a session, `ask(client, case, reply)` makes one user request with it,
    `close(client)` drops it. `ask` and `close` are coroutines."""

    def __init__(self, client, capabilities, make, ask, close=None, concurrency=64):
        self.ready = {"type": "ready", "protocol": 1, "client": client, "capabilities": capabilities, "concurrency": concurrency}
        self.make, self.ask, self.close = make, ask, close
        self.sessions, self.cases = {}, {}
        # Standard output is the protocol's alone: what an SDK prints goes to standard error.
        self.out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)

    def run(self):
        asyncio.run(self._run())
        # All is said; taking an SDK's modules down can last longer than anybody waits for an exit.
        sys.stderr.flush()
        os._exit(0)

    async def _run(self):
        # A thread reads, since standard input may be a pipe or a file.
        while line := await asyncio.to_thread(sys.stdin.buffer.readline):
            if not line.strip():
                continue
            message = None
            try:
                message = json.loads(line)
                if message["type"] == "bye":
                    break
                await self._take(message)
            except Exception as error:
                known = message.get("id") if isinstance(message, dict) else None
                self._send({"type": "nack", "id": known, "why": f"{type(error).__name__}: {error}"})
        await asyncio.gather(*self.cases.values(), return_exceptions=True)
        for session in list(self.sessions):
            await self._end(session)

    async def _take(self, message):
        match message["type"]:
            case "hello":
                if 1 not in message["protocol"]:
                    raise ValueError("only protocol 1 is spoken here")
                self._send(self.ready)
            case "case":
                client = self._client(message)
                self.cases[message["id"]] = asyncio.create_task(self._case(client, message))
                # It begins now: a task that is cancelled before it began would owe its outcome for ever.
                await asyncio.sleep(0)
            case "cancel":
                # A case that is over needs no cancel.
                if task := self.cases.get(message["id"]):
                    task.cancel()
            case "end-session":
                await self._end(message["session"])
            case other:
                raise ValueError(f"unknown type {other!r}")

    def _client(self, case):
        """One client object a session; a client is made for its providers, so a case that names others gets another one."""
        clients = self.sessions.setdefault(case["session"], {})
        key = json.dumps(case["providers"])
        if key not in clients:
            clients[key] = self._made(case)
        return clients[key]

    def _made(self, case):
        try:
            return self.make(case["providers"], case["policy"])
        except Exception as error:
            return error

    async def _end(self, session):
        for client in self.sessions.pop(session, {}).values():
            with contextlib.suppress(Exception):
                if self.close and not isinstance(client, Exception):
                    await self.close(client)

    async def _case(self, client, case):
        reply, task = Reply(), asyncio.current_task()
        try:
            if isinstance(client, Exception):
                # The SDK refused what it was told, before any request: that is how this user request failed.
                raise client
            await self.ask(client, case, reply)
            with reply.reading(reply.value):
                outcome = reply.outcome()
                _line(outcome)
        except Unusable as error:
            outcome = {"result": "unusable", "error": {**_of_error(error), "native": error.native}}
        except asyncio.CancelledError as error:
            outcome = {"result": "cancelled"} if task.cancelling() else {"result": "failed", "error": _of_error(error)}
        except Exception as error:
            outcome = {"result": "failed", "error": _of_error(error)}
        del self.cases[case["id"]]
        self._send({"type": "outcome", "id": case["id"], "streamed": reply.streamed, **outcome})

    def _send(self, message):
        self.out.write(_line(message))
        self.out.flush()


def _line(message):
    # Half a surrogate pair, which JSON can carry and UTF-8 cannot, becomes the replacement character.
    text = json.dumps(message, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode() + b"\n"
