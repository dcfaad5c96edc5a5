"""Run a module with accelerate sharding over CPUs: `sharded.py MODULE ARGUMENT...`.

By itself it shards over GPUs alone, and trains in parallel on CPUs; PyTorch shards over both.
"""

from __future__ import annotations

import runpy
import sys
from typing import Any

from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType

_begin = AcceleratorState.__init__


def _begin_sharded(self: Any, *given: Any, fsdp_plugin: Any = None, **settings: Any) -> None:
    _begin(self, *given, fsdp_plugin=fsdp_plugin, **settings)
    if fsdp_plugin is not None:
        self.distributed_type, self.fsdp_plugin = DistributedType.FSDP, fsdp_plugin


if __name__ == "__main__":
    AcceleratorState.__init__ = _begin_sharded
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
