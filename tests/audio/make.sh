#!/usr/bin/env bash
# Makes the recordings of this folder anew: espeak-ng speaks, ffmpeg encodes (apt-get install espeak-ng ffmpeg). They are kept
# in the repository, so that no test needs either.
set -euo pipefail
cd "$(dirname "$0")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
encode() { ffmpeg -hide_banner -loglevel error -y -i "$@"; }

espeak-ng -v en-us -s 150 -w "$work/short.wav" "The quick brown fox jumps."
espeak-ng -v en-us -s 140 -w "$work/long.wav" \
    "Plants use the energy of the sun to make sugar from water and carbon dioxide. The leaves are green because of a pigment that absorbs red and blue light, and the oxygen that is left over goes into the air that we breathe."
encode "$work/short.wav" -bitexact -ar 16000 speech.flac
encode "$work/short.wav" -bitexact -ar 44100 -b:a 48k speech.m4a
encode "$work/short.wav" -bitexact -ar 48000 -ac 2 -b:a 48k -movflags frag_keyframe+empty_moov -frag_duration 500000 fragmented.mp4
encode "$work/short.wav" -bitexact -ar 16000 -b:a 32k -f adts speech.aac
encode "$work/short.wav" -bitexact -ar 16000 -b:a 32k speech.mp3
encode "$work/short.wav" -bitexact -ar 16000 -q:a 2 -c:a libvorbis vorbis.ogg
encode "$work/short.wav" -bitexact -c:a libopus -b:a 24k opus.ogg
encode "$work/short.wav" -bitexact -c:a libopus -b:a 24k speech.webm
encode "$work/short.wav" -bitexact -ac 2 -c:a libopus -b:a 24k -live 1 -f webm live.webm
encode "$work/long.wav" -bitexact -t 10 -ar 44100 -b:a 56k ten-seconds.m4a
ffmpeg -hide_banner -loglevel error -y -f lavfi -i anullsrc=r=8000:cl=mono -t 3600 -frame_size 65535 -bitexact hour-of-silence.flac
