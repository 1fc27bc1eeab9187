"""Whether the server hears what espeak-ng says: a whole sentence, one with a word left out, one with a wrong word.

    python judge.py http://127.0.0.1:PORT
"""

import base64
import io
import json
import subprocess
import sys
import urllib.error
import urllib.request
import wave

import numpy

TEXT = "The quick brown fox jumps over the lazy dog."
SPOKEN = {
    "whole": (TEXT, {}),
    "left out": ("The quick fox jumps over the lazy dog.", {"brown": "Omission"}),
    "left out, late": ("The quick brown fox jumps over the dog.", {"lazy": "Omission"}),
    "wrong": ("The quick brown fox swims over the lazy dog.", {"jumps": "Mispronunciation"}),
    "wrong, late": ("The quick brown fox jumps over the beautiful dog.", {"lazy": "Mispronunciation"}),
}


def speak(text):
    """What espeak-ng says, as a WAV of 16 kHz."""
    spoken = subprocess.run(["espeak-ng", "-v", "en-us", "-s", "130", "--stdout", text], check=True, capture_output=True)
    # Of a stream the header does not know the length.
    samples = numpy.frombuffer(spoken.stdout[44:], "<i2").astype(float)
    rate = int.from_bytes(spoken.stdout[24:28], "little")
    places = numpy.arange(0, len(samples) - 1, rate / 16000)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, 16000, 0, "NONE", ""))
        out.writeframes(numpy.interp(places, numpy.arange(len(samples)), samples).astype("<i2").tobytes())
    return file.getvalue()


def ask(base, body, **changes):
    settings = {
        "ReferenceText": TEXT,
        "GradingSystem": "HundredMark",
        "Granularity": "Phoneme",
        "Dimension": "Comprehensive",
        "EnableMiscue": "True",
        **changes,
    }
    url = base + "/speech/recognition/conversation/cognitiveservices/v1?language=en-US&format=detailed"
    headers = {
        "Ocp-Apim-Subscription-Key": "k",
        "Accept": "application/json",
        "Content-Type": "audio/wav; codecs=audio/pcm; samplerate=16000",
        "Pronunciation-Assessment": base64.b64encode(json.dumps(settings).encode()).decode(),
    }
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
        return json.load(answer)


def refused(base, body, **changes):
    try:
        ask(base, body, **changes)
    except urllib.error.HTTPError as error:
        return error.code
    return None


def main(base):
    for name, (said, expected) in SPOKEN.items():
        answer = ask(base, speak(said))
        words = answer["NBest"][0]["Words"]
        wrong = {word["Word"]: word["ErrorType"] for word in words if word["ErrorType"] != "None"}
        if wrong != expected:
            sys.exit(f"{name}: {wrong} and not {expected}")
        scores = " ".join(f"{word['Word']} {word['AccuracyScore']}" for word in words)
        print(f"✓ {name}: {wrong or 'no error'} ({scores})")
    whole = speak(TEXT)
    silence = ask(base, whole[:44] + bytes(len(whole) - 44))["RecognitionStatus"]
    if silence != "InitialSilenceTimeout":
        sys.exit(f"silence: {silence}")
    statuses = [refused(base, whole[:-2]), refused(base, b""), refused(base, whole, EnableMiscue=True), refused(base, whole, ReferenceText="")]
    if statuses != [400] * 4:
        sys.exit(f"what breaks the contract came to {statuses}")
    print("✓ silence is not heard, and what breaks the contract is refused")


if __name__ == "__main__":
    main(sys.argv[1])
