"""The curl lines of the pages are answered as the pages say."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.documented_blocks import commands_of
from tests.gateway.system import HttpClient

PROMISES: dict[str, tuple[str, ...]] = {
    "README.md": (r'"prediction":13\.1[45]\d*,.*"model_name":"housing"',),
    "docs/http.md": (
        r'"prediction":13\.1[45]\d*,.*"imputed":\[\]',
        r'"imputed":\["CRIM","ZN","INDUS","CHAS","AGE","LSTAT"\]',
        r'"probabilities":\{"Insufficient_Weight":0\.5',
        r'"href":"/housing/predictions/home-1"',
        r'"listing_id":"home-1"',
        r'"accepted":1',
        r'"model_loaded":true',
        r'"avg_inference_time":0\.0',
        r"tasador_gateway_requests_total\{",
        r'"model_name":"housing"',
    ),
}


@pytest.mark.parametrize("page", PROMISES)
def test_curl_lines_of_the_pages_are_answered(gateway: HttpClient, page: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl: apt-get install curl")
    lines = [line for line in commands_of(page) if line.startswith("curl ")]
    assert len(lines) == len(PROMISES[page])
    for line, promise in zip(lines, PROMISES[page], strict=True):
        command = line.replace("localhost:8000", f"localhost:{gateway.port}").replace("curl ", "curl -4 -sS ", 1)
        # a line that asks for what the one before published may be quicker than the consumer
        retried = (
            f"for _ in 1 2 3 4 5; do answer=$({command}); [[ $answer != *not_found* ]] && break; done; echo $answer"
        )
        done = subprocess.run(["bash", "-c", retried], capture_output=True, text=True, check=True, timeout=200)
        assert re.search(promise, done.stdout), f"{line}\n{done.stdout}{done.stderr}"
