"""Runs the Autobahn cases, by kosoku, against the WebSocket layer of both hosts.

    python run.py target/debug/examples/frame_echo
    python run.py target/debug/examples/frame_echo '9.*'
"""

import asyncio
import os
import subprocess
import sys
from collections import Counter

from kosoku import FailureError, run_fuzzingclient

# Frames, pings, reserved bits, opcodes, fragments, text, closing; and messages in many fragments.
GROUPS = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]
# How many cases these have: a suite that runs nothing passes nothing.
CASES = 247
SECONDS = 300


def main() -> int:
    server, groups = sys.argv[1], sys.argv[2:]
    failed = 0
    for host in ("front", "app"):
        with Echo(server, host) as address:
            results = asyncio.run(run(f"ws://{address}", groups or GROUPS))
        failures = [result for result in results if not result.passed]
        verdicts = Counter(result.behavior.value for result in results)
        told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
        print(f"{host}: {len(results)} cases: {told}")
        for result in failures:
            print(
                f"  {result.case_id}: {result.behavior.value}, {result.result}"
                f" closing {result.behavior_close.value}, {result.result_close}"
            )
        failed += len(failures)
        if not groups and len(results) != CASES:
            print(f"  not the {CASES} cases that there should be")
            failed += 1
    return 1 if failed else 0


async def run(url, cases):
    try:
        running = run_fuzzingclient(url, cases=cases, concurrency=4)
        return await asyncio.wait_for(running, SECONDS)
    except FailureError as error:
        return error.results


class Echo:
    """The server under test, on a port of its own choice."""

    def __init__(self, path, host):
        self.path, self.host = path, host

    def __enter__(self):
        environment = {**os.environ, "PORT": "0", "HOSTED_BY": self.host}
        self.process = subprocess.Popen(
            [self.path], env=environment, stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        return line.strip().removeprefix("listening on http://")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


code = main()
sys.stdout.flush()
# The suite's own runtime may abort while the interpreter ends.
os._exit(code)
