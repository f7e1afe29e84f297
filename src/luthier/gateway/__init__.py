"""The OpenAI-compatible data plane: it speaks HTTP to back ends and loads neither torch nor a stage."""
