# Two commands are all a newcomer needs: `make run` and `make test`. Both need Python 3.11 or newer and nothing else.
#
#   make run                      everything, at http://127.0.0.1:8000/ until Ctrl-C
#   make run COUPLET_PORT=9000    docs/configuration.md has all variables
#   make test                     linters, type checks and all tests
#   make test ARGS="-k coupling"  further arguments for pytest
#   make chaos                    50 full synchronisations and 20 runs of other kinds under fire; ARGS="--scenario documents"
#   make bench                    time, requests, processor time and memory of synchronising; docs/benchmarks.md

.PHONY: run test chaos bench bootstrap bootstrap-dev

# The first Python of the machine that is new enough, unless PYTHON names one.
PYTHON ?= $(shell for name in python3 python3.12 python3.11 python3.13 python3.14; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$name" && exit; \
	done; echo python3)

run: bootstrap
	@.venv/bin/python manage.py up

# Every check runs, whatever the ones before it found; pytest comes last, so its summary is the last line.
test: bootstrap-dev
	@failed=0; \
	.venv/bin/python -m ruff check . || failed=1; \
	.venv/bin/python -m ruff format --check . || failed=1; \
	COUPLET_DATA_DIR=.mypy_cache/hub .venv/bin/python -m mypy . || failed=1; \
	.venv/bin/python -m pytest -n 2 $(ARGS) || failed=1; \
	exit $$failed

chaos: bootstrap-dev
	@.venv/bin/python -m tests.chaos $(ARGS)

bench: bootstrap-dev
	@.venv/bin/python -m bench.synchronisation $(ARGS)

bootstrap:
	@$(PYTHON) config/bootstrap.py

bootstrap-dev:
	@$(PYTHON) config/bootstrap.py --dev
