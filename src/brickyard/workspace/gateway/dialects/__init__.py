"""How providers are spoken to: OpenAI's API and Anthropic's."""
