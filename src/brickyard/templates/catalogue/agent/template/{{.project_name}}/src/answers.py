"""What the agent knows, and how it answers from it. Replace `answer` by your own logic."""

PASSAGES = {
    "refund": "Refunds are paid within 14 days.",
    "delivery": "Orders are delivered within three working days.",
}
UNKNOWN = "I do not know."


def answer(question: str) -> str:
    """The passages whose word is in the question."""
    asked = question.lower()
    return " ".join(text for word, text in PASSAGES.items() if word in asked) or UNKNOWN
