# Everything is set up by the target that needs it; `make demo` and `make test` are enough on a fresh machine.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup servers check test slow bench fuzz golden-accept demo constraints clean
BIN := .venv/bin
# The tests that mostly wait for processes that they start, and as many others as make both halves take as long.
DAEMONS := tests/crash tests/e2e tests/cli

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## a support desk on this machine, with mail in and answers out
	@$(BIN)/casegate demo

setup: ## .venv with Casegate in it (PYTHON=... chooses the Python)
	@sh .ci/setup.sh

servers: ## the servers that tests start (root on Debian installs them)
	@sh .ci/servers.sh

check: setup ## what is quick: lint, format, types, floors, unit, property and golden tests; four minutes
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -m "not servers and not slow" tests/unit tests/property tests/golden tests/golden_mails \
		tests/test_docs.py tests/test_floors.py tests/test_bad_configs.py

test: setup servers ## all tests but the slow ones, on real servers; the two halves at once
	@$(BIN)/pytest -m "not slow" $(DAEMONS) >.venv/daemons.log 2>&1 & daemons=$$!; \
	$(BIN)/pytest -m "not slow" $(DAEMONS:%=--ignore=%) $(CHECKED:%=--ignore=%); rest=$$?; \
	echo "now what ran beside it: $(DAEMONS)"; \
	wait $$daemons || rest=1; cat .venv/daemons.log; exit $$rest

slow: setup servers ## the tests that take minutes
	$(BIN)/pytest -m slow

bench: setup ## how much mail goes through, beside the bare libraries at the same minute; some minutes
	$(BIN)/python -m tests.bench

fuzz: setup ## mails that nobody would write, through all that reads mail; three minutes
	$(BIN)/python -m tests.fuzz

golden-accept: setup ## what is understood of the golden mails becomes what is expected; read the diff
	$(BIN)/python -m tests.golden

constraints: setup ## the newest versions of all dependencies into constraints.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --strip-extras --upgrade \
		--no-annotate --no-header --output-file constraints.txt pyproject.toml

clean: ## removes what make made, .venv included
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find gateway tests -name __pycache__ -prune -exec rm -rf {} +
