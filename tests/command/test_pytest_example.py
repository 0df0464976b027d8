"""How a test suite of your own meets a brownout: `brownout exec --expect-exit 0 -- pytest tests/command/test_pytest_example.py`.

The SDK reads OPENAI_BASE_URL and OPENAI_API_KEY by itself. The header tells whose request it is, so that the rules of one user
request apply: bounded attempts, no retry of what a retry does not mend.
"""

import os

import openai
import pytest


@pytest.fixture
def client():
    return openai.OpenAI(max_retries=1, timeout=5)


def test_an_answer_or_a_typed_error(client):
    try:
        answer = client.chat.completions.create(
            model=os.environ["BROWNOUT_MODEL"],
            messages=[{"role": "user", "content": "How long is a fortnight?"}],
            extra_headers={"x-brownout-user": "0"},
        )
    except openai.APIError as error:
        assert error.message
    else:
        assert answer.choices[0].message.content
