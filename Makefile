# Every target makes .venv first if it is missing or older than the lock file.
.PHONY: demo test lint clean setup

demo: setup
	@.venv/bin/lutloom demo

test: setup
	@.venv/bin/python -m pytest -n auto tb

lint: setup
	@.venv/bin/ruff check .
	@.venv/bin/mypy

setup:
	@sh scripts/setup.sh

clean:
	rm -rf build .venv *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
