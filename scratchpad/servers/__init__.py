"""Models behind OpenAI-compatible servers: vLLM, SGLang, llama.cpp, `transformers serve`, ...

An `Address` says which model of which server; `connect` gives a `Client` of it, which keeps every
reply on disk. `chat` puts a question to it, `sample_texts` samples on from prefixes, and
`log_probabilities` gives those of text that it is shown.
"""

from scratchpad.servers.address import Address
from scratchpad.servers.client import Client, connect
from scratchpad.servers.completions import chat, sample_texts
from scratchpad.servers.likelihood import log_probabilities

__all__ = ["Address", "Client", "chat", "connect", "log_probabilities", "sample_texts"]
