from typing import Any

from ask import answer_of, text_of

SAID = {"output": [{"content": [{"type": "output_text", "text": "Three days."}]}]}


class Client:
    """Stands for the SDK's client: keeps what was asked."""

    def __init__(self) -> None:
        self.api_client, self.asked = self, list[tuple[Any, ...]]()

    def do(self, method: str, path: str, *, body: Any) -> Any:
        self.asked.append((method, path, body["input"][0]["content"]))
        return SAID


def test_the_endpoint_is_asked_and_its_text_shown() -> None:
    client = Client()
    assert answer_of(client, "shop", "When?") == "Three days."
    assert client.asked == [("POST", "/serving-endpoints/shop/invocations", "When?")]


def test_an_empty_answer_is_said() -> None:
    assert text_of({}) == "No answer."
