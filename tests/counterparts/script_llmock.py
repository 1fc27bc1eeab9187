"""Prints a scenario for llmock: faults named on the command line, then good cards for every call."""

import json
import pathlib
import sys

cards = json.loads(pathlib.Path(__file__).with_name("cards.json").read_text(encoding="utf-8"))
faults = {
    "500": {"type": "fail", "status": 500, "times": 1},
    "429": {"type": "fail", "status": 429, "retry_after": 1, "times": 1},
    "401": {"type": "fail", "status": 401, "times": None},
}
behaviors = [faults[name] for name in sys.argv[1:]]
behaviors.append({"type": "reply", "text": json.dumps(cards), "times": None})
print(json.dumps({"behaviors": behaviors}))
