"""Where training happens; the only place in this stage that imports torch, transformers or peft."""
