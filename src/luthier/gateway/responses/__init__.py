"""OpenAI's Responses API, told over the path of chat completions."""
