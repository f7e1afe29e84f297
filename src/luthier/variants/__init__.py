"""Everything that turns a request into an answer: prompts, retrieval, engines."""
