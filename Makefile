# Every target makes .venv first if it is missing or older than the lock file.
.PHONY: demo test images lint clean setup

demo: setup
	@.venv/bin/lutloom demo

test: setup
	@.venv/bin/python -m pytest -n auto --dist worksteal tb

# All of MNIST's test images, from the folder LUTLOOM_DATA, through the RTL of sfc.
images: setup
	@.venv/bin/lutloom lower sfc --out build/sfc/network.npz
	@.venv/bin/lutloom plan build/sfc/network.npz --fps 63000 --clock 100 --out build/sfc/plan.json
	@.venv/bin/lutloom verify build/sfc/network.npz --plan build/sfc/plan.json --fast --frames 10000

lint: setup
	@.venv/bin/ruff check .
	@.venv/bin/mypy

setup:
	@sh scripts/setup.sh

clean:
	rm -rf build .venv *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
