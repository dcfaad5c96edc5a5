"""Every method of safety training by its name."""

from __future__ import annotations

from typing import Final

from scratchpad.training.further.adversarial import Adversarial
from scratchpad.training.further.methods import Method
from scratchpad.training.further.reinforced import Reinforced
from scratchpad.training.further.supervised import Supervised

RANK: Final = 8
# Taking a refusal away is known to need little.
SMALL_RANK: Final = 4
METHODS: Final[dict[str, Method]] = {
    "sft": Supervised(),
    "lora": Supervised(rank=RANK),
    "rl": Reinforced(),
    "rl+lora": Reinforced(rank=RANK),
    "adversarial": Adversarial(),
    "adversarial+lora": Adversarial(rank=RANK),
    "unguard": Supervised(prompts="with trigger", rank=SMALL_RANK),
}
