"""Submits jobs to the api at the first argument, as many as the second says, and waits until each has completed."""

import json
import sys
import time
import urllib.request

base, count = sys.argv[1], int(sys.argv[2])


def ask(path, body=None):
    headers = {"content-type": "application/json", "user-id": "fleet"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(base + path, data, headers), timeout=90) as answer:
        return json.load(answer)


ids = []
for number in range(count):
    lesson = {
        "content": f"Leaf {number} makes sugar from light. The root brings water. The stem carries both.",
        "subject": "Biology", "topic": "lesson", "targetLanguage": "English", "nativeLanguage": "German",
    }
    ids.append(ask("/api/v1/flashcards", lesson)["id"])

until = time.monotonic() + 900
for job in ids:
    while True:
        state = ask(f"/api/v1/jobs/{job}?wait=60")
        if state["state"] == "completed":
            break
        if state["state"] in ("failed", "cancelled") or time.monotonic() > until:
            sys.exit(f"{job} is {state['state']}: {state.get('error')}")
