"""A tuned model in the forms that other tools read: cards, settings for other trainers, and what vLLM will take."""
