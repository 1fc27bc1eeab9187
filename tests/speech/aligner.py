"""Which words of a text were said in a recording: pocketsphinx follows the text, and may leave words out."""

import array
import math
import re

from pocketsphinx import Decoder

FRAME = 160  # samples: 10 ms
# How unlikely it is that a word is left out, and that there is silence: only what the sound forces is believed.
SKIPPED = 1e-30
SILENCE = 1e-20
# A word that is missing where this much was said (frames) was said wrongly, else it was left out.
SOUND = 25
# From the likelihood of a frame to a score: right words come to 80 to 95.
STEEPNESS = 40.0


class UnknownWord(Exception):
    pass


class Aligner:
    def __init__(self):
        wide = {"beam": 1e-150, "wbeam": 1e-150, "pbeam": 1e-150}
        self.decoder = Decoder(lm=None, loglevel="FATAL", bestpath=False, lw=1.0, silprob=SILENCE, fillprob=1e-60, **wide)

    def align(self, samples, text):
        """A list of (word, error, score, start and end in frames, phones)."""
        words = re.findall(r"[a-z']+", text.lower())
        for word in words:
            if self.decoder.lookup_word(word) is None:
                raise UnknownWord(word)
        found = self._follow(samples, words)
        said = self._said(words, found)
        loud = self._loudness(samples)
        result = []
        for at, word in enumerate(words):
            phones = self.decoder.lookup_word(word).split()
            segment = said.get(at)
            if segment:
                score = 100 * math.exp(STEEPNESS * math.log(max(segment.ascore, 1e-9)) / (segment.end_frame - segment.start_frame + 1))
                result.append((word, "None", score, segment.start_frame, segment.end_frame + 1, phones))
                continue
            before = max((said[i].end_frame for i in range(at) if i in said), default=0)
            after = min((said[i].start_frame for i in range(at, len(words)) if i in said), default=len(loud))
            sound = [frame for frame in range(before + 1, min(after, len(loud))) if loud[frame]]
            if len(sound) >= SOUND:
                result.append((word, "Mispronunciation", 20.0, sound[0], sound[-1] + 1, phones))
            else:
                result.append((word, "Omission", 0.0, None, None, []))
        return result

    def _follow(self, samples, words):
        last = len(words)
        steps = [(at, at + 1, 1 - SKIPPED, word) for at, word in enumerate(words)]
        steps += [(at, at + 1, SKIPPED) for at in range(last)]
        self.decoder.add_fsg("text", self.decoder.create_fsg("text", 0, last, steps))
        self.decoder.activate_search("text")
        self.decoder.start_utt()
        self.decoder.process_raw(samples.tobytes(), full_utt=True)
        self.decoder.end_utt()
        return [segment for segment in self.decoder.seg() or [] if segment.word[0] not in "<(["]

    @staticmethod
    def _said(words, found):
        """Which word of the text each segment is: they come in its order."""
        said, at = {}, 0
        for segment in found:
            name = segment.word.split("(")[0]
            while at < len(words) and words[at] != name:
                at += 1
            said[at] = segment
            at += 1
        return said

    @staticmethod
    def _loudness(samples):
        power = []
        for start in range(0, len(samples) - FRAME + 1, FRAME):
            frame = samples[start : start + FRAME]
            power.append(math.sqrt(sum(sample * sample for sample in frame) / FRAME))
        most = max(power, default=0)
        return [level > most * 0.03 for level in power]


def silent(samples):
    return max((abs(sample) for sample in samples), default=0) < 100


def pcm(data):
    samples = array.array("h")
    samples.frombytes(data)
    return samples
