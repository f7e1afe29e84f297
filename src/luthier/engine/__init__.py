"""A local model behind the OpenAI surface, as vLLM would serve it."""
