"""One spoken sentence through a running api, in every format that phones and browsers send: the same words, the same errors, and
scores within 5 of each other. Then sentences with a word left out and a wrong word.

    python through_api.py http://127.0.0.1:PORT
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request
import uuid

from judge import SPOKEN, TEXT

# What ffmpeg is told for each; the form says audio/wav of all of them, as the app does.
FORMATS = {
    "wav, 44.1 kHz, two channels": ("a.wav", ["-ar", "44100", "-ac", "2"]),
    "wav, 24 bit": ("b.wav", ["-ar", "48000", "-c:a", "pcm_s24le"]),
    # As phones record where nothing else is asked for.
    "m4a": ("c.m4a", ["-ar", "44100", "-c:a", "aac", "-b:a", "128k"]),
    "mp3": ("d.mp3", ["-ar", "44100", "-b:a", "96k"]),
    "flac": ("e.flac", ["-ar", "48000"]),
    "ogg with opus": ("f.ogg", ["-c:a", "libopus", "-b:a", "128k"]),
    "ogg with vorbis": ("g.ogg", ["-c:a", "libvorbis", "-q:a", "8"]),
    "webm with opus": ("h.webm", ["-c:a", "libopus", "-b:a", "128k"]),
}
WITHIN = 5
SCORES = ["accuracyScore", "fluencyScore", "completenessScore", "pronunciationScore"]


def spoken(folder, text):
    """What espeak-ng says: a WAV of 22.05 kHz. Nobody speaks from the first sample on to the last, as espeak-ng does."""
    bare, path = folder / "bare.wav", folder / "spoken.wav"
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", "130", "-w", bare, text], check=True)
    pause = "adelay=300,apad=pad_dur=0.3"
    subprocess.run(["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-i", bare, "-af", pause, path], check=True)
    return path


def encoded(folder, wav, name, options):
    path = folder / name
    subprocess.run(["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-i", wav, *options, path], check=True)
    return path.read_bytes()


def assess(api, recording):
    """The answer of the path that shipped apps use."""
    boundary = uuid.uuid4().hex
    body = b""
    for head, value in [
        ('name="audio"; filename="recording"\r\nContent-Type: audio/wav', recording),
        ('name="referenceText"', TEXT.encode()),
    ]:
        body += f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + value + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    request = urllib.request.Request(api + "/api/pronunciation-assess", body, headers)
    with urllib.request.urlopen(request, timeout=90) as answer:
        return json.load(answer)["assessment"]


def main(api):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        wav = spoken(folder, TEXT)
        first = None
        for form, (file, options) in FORMATS.items():
            scores = assess(api, encoded(folder, wav, file, options))
            words = [(word["word"], word["errorType"]) for word in scores["words"]]
            numbers = [scores[score] for score in SCORES] + [word["accuracyScore"] for word in scores["words"]]
            first = first or (words, numbers)
            if words != first[0]:
                sys.exit(f"{form}: {words} and not {first[0]}")
            apart = max(abs(a - b) for a, b in zip(numbers, first[1], strict=True))
            if apart > WITHIN:
                sys.exit(f"{form}: a score is {apart} away: {numbers} and {first[1]}")
            print(f"✓ {form}: the same {len(words)} words, scores at most {apart:.1f} apart")
        for case, (said, expected) in SPOKEN.items():
            recording = encoded(folder, spoken(folder, said), "said.m4a", FORMATS["m4a"][1])
            words = assess(api, recording)["words"]
            wrong = {word["word"]: word["errorType"] for word in words if word["errorType"] != "None"}
            if wrong != expected:
                sys.exit(f"{case}: {wrong} and not {expected}")
            print(f"✓ {case}: {wrong or 'no error'}")


if __name__ == "__main__":
    main(sys.argv[1])
