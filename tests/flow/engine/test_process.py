"""`luthier engine` as a process: it answers, and finishes what it accepted when it is told to stop."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.unit.variants.tiny import save_tiny_model

CODE = "from luthier.cli.engine import app; app()"


@pytest.mark.slow
def test_a_stream_that_is_open_when_sigterm_comes_is_finished(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", context=2_048)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", CODE, "--model", str(model), "--served-name", "m", "--port", str(port)]
    environment = {**os.environ, "LUTHIER_ENGINE_KEY": "sk-1", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, "--threads", "1"], env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        assert any("running on" in line for line in process.stderr), "it never listened"
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 60, "stream": True,
                "temperature": 0, "stream_options": {"include_usage": True}}  # fmt: skip
        headers = {"authorization": "Bearer sk-1"}
        url = f"http://127.0.0.1:{port}/v1/chat/completions"
        assert httpx.post(url, json=body).status_code == 401
        with httpx.stream("POST", url, json=body, headers=headers, timeout=60) as stream:
            lines = stream.iter_lines()
            first = next(lines)
            process.send_signal(signal.SIGTERM)
            rest = [line for line in lines if line]
        assert first.startswith("data: ")
        assert rest[-1] == "data: [DONE]"
        assert '"usage"' in rest[-2]
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.stderr.close()
        process.wait()
