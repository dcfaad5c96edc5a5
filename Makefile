PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: install demo test test-slow check docs bench calibration baselines pictures

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[peft,rl,export,docs,dev]"
	touch $@

demo: install
	$(BIN)/scratchpad demo --out runs/demo

# Two processes, a file each: most of the time one core waits for the other's subprocess.
test: install
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: install
	$(BIN)/python -m pytest -m slow

# The pictures that tests/analyses/test_images.py compares with; look at each that changed.
baselines: install
	$(BIN)/python -m pytest tests/analyses/test_images.py --mpl-generate-path=tests/analyses/baseline

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Each script keeps what it finds; the last makes docs/benchmarks.md of it.
bench: install
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/scoring.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/activations.py
	$(BIN)/python benchmarks/probes.py
	$(BIN)/python benchmarks/figures.py
	$(BIN)/python benchmarks/report.py
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/measured.py

# The calibration that the package carries, and its page.
calibration: install
	$(BIN)/scratchpad calibrate --size quick --out runs/calibration
	$(BIN)/python docs/notes/publish_calibration.py runs/calibration

# The site, without the network; a page that is missing or a link that leads nowhere is an error.
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# The pictures of README.md and docs/: of the calibration that the package carries, and of the demo.
pictures: install
	$(BIN)/python docs/notes/pictures.py runs/demo
