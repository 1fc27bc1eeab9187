"""A server that honours Azure Speech's REST contract for pronunciation assessment, with a real aligner: pocketsphinx.

    python server.py PORT
"""

import base64
import io
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy
import soundfile

from aligner import FRAME, Aligner, UnknownWord, pcm, silent

PATH = "/speech/recognition/conversation/cognitiveservices/v1"
WAV = "audio/wav; codecs=audio/pcm; samplerate=16000"
OPUS = "audio/ogg; codecs=opus"
TICKS = 100_000  # of 100 ns in a frame
SETTINGS = {
    "GradingSystem": ("HundredMark",),
    "Granularity": ("Phoneme",),
    "Dimension": ("Comprehensive",),
    "EnableMiscue": ("True", "False"),
    "EnableProsodyAssessment": ("True", "False"),
}


class Refused(Exception):
    def __init__(self, status, why):
        super().__init__(why)
        self.status = status


def read_settings(header):
    try:
        settings = json.loads(base64.b64decode(header or "", validate=True))
    except ValueError as error:
        raise Refused(400, "Pronunciation-Assessment is no base64 of JSON") from error
    text = settings.pop("ReferenceText", "")
    if not isinstance(text, str) or not text.strip():
        raise Refused(400, "ReferenceText is empty")
    for name, value in settings.items():
        if value not in SETTINGS.get(name, ()):
            raise Refused(400, f"{name} is not understood")
    return text


def read_samples(kind, body):
    if kind == WAV:
        form = body[:4] == b"RIFF" and body[8:24] == b"WAVEfmt \x10\0\0\0\x01\0\x01\0" and body[34:40] == b"\x10\0data"
        if not form or int.from_bytes(body[24:28], "little") != 16000 or int.from_bytes(body[40:44], "little") != len(body) - 44:
            raise Refused(400, "this is no WAV of one channel, 16 kHz and 16 bit")
        samples = pcm(body[44:])
    elif kind == OPUS:
        try:
            sound, rate = soundfile.read(io.BytesIO(body), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise Refused(400, "this is no Opus in Ogg") from error
        if sound.shape[1] != 1:
            raise Refused(400, "this is no Opus of one channel")
        places = numpy.arange(0, len(sound) - 1, rate / 16000)
        resampled = numpy.interp(places, numpy.arange(len(sound)), sound[:, 0])
        samples = pcm((numpy.clip(resampled, -1, 1) * 32767).astype("<i2").tobytes())
    else:
        raise Refused(400, "the Content-Type is not supported")
    if not 0 < len(samples) <= 30 * 16000:
        raise Refused(400, "there must be sound, and at most 30 seconds of it")
    return samples


def word(name, error, score, start, end, phones):
    if error == "Omission":
        return {"Word": name, "AccuracyScore": 0.0, "ErrorType": error}
    share = (end - start) * TICKS // max(len(phones), 1)
    return {
        "Word": name,
        "AccuracyScore": round(score, 1),
        "ErrorType": error,
        "Offset": start * TICKS,
        "Duration": (end - start) * TICKS,
        "Phonemes": [
            {"Phoneme": phone.lower(), "AccuracyScore": round(score, 1), "Offset": start * TICKS + at * share, "Duration": share}
            for at, phone in enumerate(phones)
        ],
    }


def assess(aligner, samples, text):
    if silent(samples):
        return {"RecognitionStatus": "InitialSilenceTimeout", "Offset": 0, "Duration": 0}
    words = aligner.align(samples, text)
    said = [entry for entry in words if entry[1] == "None"]
    if not said:
        return {"RecognitionStatus": "NoMatch", "Offset": 0, "Duration": 0}
    heard = " ".join(entry[0] for entry in said)
    spoken = [entry for entry in words if entry[1] != "Omission"]
    accuracy = sum(entry[2] for entry in spoken) / len(spoken)
    completeness = 100 * len(said) / len(words)
    best = {
        "Lexical": heard,
        "Display": heard,
        "AccuracyScore": round(accuracy, 1),
        "FluencyScore": 90.0,
        "CompletenessScore": round(completeness, 1),
        "PronScore": round((accuracy + completeness + 90) / 3, 1),
        "ProsodyScore": 80.0,
        "Words": [word(*entry) for entry in words],
    }
    duration = len(samples) // FRAME * TICKS
    return {"RecognitionStatus": "Success", "Offset": 0, "Duration": duration, "DisplayText": heard, "NBest": [best]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    aligner = Aligner()
    one_at_a_time = threading.Lock()

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer(200 if self.path == "/health" else 404, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            self.answer(200, self.assessed(body))
        except Refused as refused:
            self.answer(refused.status, {"error": {"message": str(refused)}})
        except UnknownWord:
            self.answer(400, {"error": {"message": "a word is not in the dictionary"}})

    def assessed(self, body):
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if url.path != PATH:
            raise Refused(404, "there is nothing here")
        if not self.headers.get("Ocp-Apim-Subscription-Key"):
            raise Refused(401, "there is no key")
        if query.get("language") != ["en-US"] or query.get("format") != ["detailed"]:
            raise Refused(400, "language=en-US and format=detailed are needed")
        text = read_settings(self.headers.get("Pronunciation-Assessment"))
        samples = read_samples(self.headers.get("Content-Type"), body)
        with self.one_at_a_time:
            return assess(self.aligner, samples, text)

    def log_message(self, *_):
        """Nothing: a line would hold what was said."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
