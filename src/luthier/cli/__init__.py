"""The command line: each command unpacks, calls the lifecycle and shows what came back."""
