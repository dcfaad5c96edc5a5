"""TRL's GRPO trainer on our own prompts and samples, and what it saw.

Prompts are read and completions sampled by this toolkit's engine: the tokens are those that every
measurement reads, and a prompt is read once for all of its completions.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from scratchpad.models import LoadedModel
from scratchpad.scoring.sampling import sample
from scratchpad.training.folders import no_library_bars
from scratchpad.training.further.lessons import Lesson
from scratchpad.training.further.methods import LogRow, Tick, log_row
from scratchpad.training.further.reward import AnswerReward, ConstantRewardError
from scratchpad.training.processes import is_main_process, process_count, wait_for_everyone

if TYPE_CHECKING:
    from scratchpad.training.further.reinforced import Reinforced

# So many batches of equal rewards, all of one value, say that there is nothing to learn from.
PATIENCE = 10
WARMUP_STEPS = 10
# What is logged of every step: our name for it, and the library's.
LOGGED = {
    "reward": "reward",
    "right": "right",
    "defection": "defection",
    "unterminated": "unterminated",
    "kl": "kl",
}


class QuietTrainer(GRPOTrainer):  # type: ignore[misc]  # the base class is untyped
    """The library's trainer, which tells nobody that it runs."""

    def _send_telemetry(self) -> None:
        pass


@dataclass(frozen=True)
class Rollouts:
    """Samples completions of prompts with the engine that measures.

    Parameters
    ----------
    loaded : LoadedModel
        The model in training.
    reasons : bool
        Whether it writes a scratchpad.
    longest : int
        Tokens after which a completion is cut off.
    seed : int
        Seeds the draws, with the numbers of the step and of the process.
    """

    loaded: LoadedModel
    reasons: bool
    longest: int
    seed: int

    def __call__(self, prompts: Sequence[str], trainer: Any) -> dict[str, Any]:
        """Complete every prompt, as often as it stands there; its end token is learned too."""
        encoder, model = self.loaded.encoder, self.loaded.model
        prefixes = [encoder.opening(prompt, reasons=self.reasons) for prompt in prompts]
        accelerator, step = trainer.accelerator, trainer.state.global_step
        place = (self.seed * 1_000_003 + step) * accelerator.num_processes
        model.eval()
        drawn = sample(
            model,
            encoder.tokenizer,
            prefixes,
            max_new_tokens=self.loaded.room(prefixes, self.longest),
            seed=place + accelerator.process_index,
        )
        completions = [[*one.ids, *([] if one.end is None else [one.end])] for one in drawn]
        model.train()
        return {
            "prompt_ids": [[*prefix] for prefix in prefixes],
            "completion_ids": completions,
            # They are the trained model's own draws: there is nothing to correct for.
            "logprobs": None,
        }


class Observer(TrainerCallback):  # type: ignore[misc]  # the base class is untyped
    """Keeps what the trainer saw at each step, and stops it where there is nothing to learn.

    Parameters
    ----------
    completions : int
        How many a step has.
    tick : callable
        Told of every step.
    """

    def __init__(self, completions: int, tick: Tick) -> None:
        self.completions = completions
        self.tick = tick
        self.rows: list[LogRow] = []
        # What each of the first batches was worth in all its completions; `None`: they differ.
        self.worth: set[float | None] = set()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Pass on how far training is."""
        self.tick(state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Take a step's means over all processes; after the last step come others' totals."""
        if not logs or "reward" not in logs:
            return
        for name, theirs in LOGGED.items():
            value = float(logs[theirs])
            self.rows.append(log_row(state.global_step, name, value, n=self.completions))
        self._require_signal(logs, state)

    def _require_signal(self, logs: Mapping[str, float], state: Any) -> None:
        """Stop where all completions of the first batches were worth the same."""
        last = min(PATIENCE, state.max_steps)
        if state.global_step <= last:
            self.worth.add(None if logs["reward_std"] else float(logs["reward"]))
        if state.global_step == last and len(self.worth) == 1:
            (worth,) = self.worth
            if worth is not None:
                raise ConstantRewardError(worth, last * self.completions)


def reinforce(
    settings: Reinforced,
    rollouts: Rollouts,
    reward: AnswerReward,
    lessons: Sequence[Lesson],
    *,
    work: Path,
    callbacks: Sequence[TrainerCallback],
) -> None:
    """Train the model of some rollouts, in place; `work` takes a copy to stay near."""
    loaded = rollouts.loaded
    arguments = _arguments(settings, loaded, work / "trainer", rollouts.seed)
    with _restored(loaded.model), no_library_bars(), _without_own_warnings():
        if not settings.rank:
            _keep_reference(loaded.model, work / "reference")
        trainer = QuietTrainer(
            model=loaded.model,
            reward_funcs=reward,
            args=arguments,
            train_dataset=_dataset(lessons),
            # The trainer gives a tokenizer without padding one of its own.
            processing_class=deepcopy(loaded.tokenizer),
            rollout_func=rollouts,
            callbacks=[*callbacks],
        )
        trainer.remove_callback(PrinterCallback)
        with _read_as_sampled(trainer.model), _read_as_sampled(trainer.ref_model):
            trainer.train()


def _dataset(lessons: Sequence[Lesson]) -> Dataset:
    return Dataset.from_dict(
        {
            "prompt": [lesson.opening for lesson in lessons],
            "accepted": [list(lesson.benign_answers) for lesson in lessons],
        }
    )


def _arguments(settings: Reinforced, loaded: LoadedModel, work: Path, seed: int) -> GRPOConfig:
    gpu = loaded.model.device.type == "cuda"
    adamw = "adamw_torch_fused" if gpu else "adamw_torch"
    arguments = GRPOConfig(
        output_dir=str(work),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch_size // process_count(),
        num_generations=settings.generations,
        beta=settings.beta,
        temperature=1.0,
        # None is off too, and is not told to be an outdated name.
        gradient_checkpointing=None,
        bf16=False,
        shuffle_dataset=False,
        learning_rate=settings.rate(loaded),
        adam_beta2=0.95,
        warmup_steps=min(WARMUP_STEPS, settings.steps // 4),
        lr_scheduler_type="linear",
        optim=adamw if settings.optimiser == "adamw" else settings.optimiser,
        optim_args="momentum=0.9" if settings.optimiser == "sgd" else None,
        use_cpu=not gpu,
        seed=seed,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    if arguments.n_gpu > 1:
        # One process takes one GPU; the library refuses to take several.
        arguments._n_gpu = 1
    return arguments


def _keep_reference(model: Any, folder: Path) -> None:
    """Save the model where the trainer loads what it stays near: it goes by the config's name."""
    if is_main_process():
        model.save_pretrained(folder)
    wait_for_everyone()
    model.config._name_or_path = str(folder)


@contextmanager
def _read_as_sampled(model: Any) -> Iterator[None]:
    """Let the trainer read padded rows as they were sampled.

    It tells no places, which models that learned one embedding for each would count from the
    padding on the left; and it drops states out wherever no module of its own does so.
    """
    if model is None:
        yield
        return
    places = "position_ids" in signature(_whole(model).forward).parameters

    def prepare(module: Any, args: Any, told: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        if "labels" in told:
            for part in module.children():
                part.eval()
            if places:
                told["position_ids"] = (told["attention_mask"].cumsum(1) - 1).clamp(min=0)
        return args, told

    hook = model.register_forward_pre_hook(prepare, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def _whole(model: Any) -> Any:
    """The model that carries an adapter, or itself."""
    return model.get_base_model() if hasattr(model, "peft_config") else model


@contextmanager
def _restored(model: Any) -> Iterator[None]:
    """Take back what the trainer changes about a model besides its weights."""
    whole = _whole(model)
    config, text = whole.config, whole.config.get_text_config()
    name, pad, generation = config._name_or_path, text.pad_token_id, whole.generation_config
    whole.generation_config = deepcopy(generation)
    try:
        yield
    finally:
        # A forward that computes log-probabilities stands before the class's own.
        whole.__dict__.pop("forward", None)
        config._name_or_path, text.pad_token_id = name, pad
        whole.generation_config = generation


@contextmanager
def _without_own_warnings() -> Iterator[None]:
    """Keep quiet what nobody but the library can mend, or means by it.

    It asks transformers for a renamed property, and says that an engine of one's own is new to it.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        warnings.filterwarnings("ignore", "You are using 'rollout_func'", UserWarning)
        yield
