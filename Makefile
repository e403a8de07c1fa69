# The workshop of Obico for OctoPrint. `make` alone lists the commands.
# Written for GNU make 3.81 (macOS) and a POSIX shell.

SHELL := /bin/sh

# 1: newest OctoPrint 1.11.x; 2: newest OctoPrint 2.0 pre-release
OCTOPRINT ?= 1
# further arguments for pytest or for the sandbox
ARGS ?=
# how long `make soak` takes
MINUTES ?= 60

VENV1 := .venv
VENV2 := .venv2
# The lower bound that names a pre-release lets pip take pre-releases of OctoPrint alone.
REQUIREMENT1 := octoprint>=1.11,<1.12
REQUIREMENT2 := octoprint>=2.0.0rc1,<2.1
# the newest minor version of Python 3 that this OctoPrint installs on
NEWEST_PYTHON1 := 13
NEWEST_PYTHON2 := 14

PYTHON1 := $(VENV1)/bin/python
PYTHON2 := $(VENV2)/bin/python
INSTALLS := pyproject.toml setup.py tools/find_python.sh tools/make_venv.py
SOURCES := octoprint_obico sandbox tests tools benchmarks setup.py
OLDEST_PYTHON := 3.9
# Most tests wait for time limits and sockets, not for the processor: more workers than cores pay.
UNIT_TESTS := tests/unit $(wildcard tests/servers)
WITH_PYTHON = python=`PYTHON='$(PYTHON)' sh tools/find_python.sh $(1)` && "$$python"
# What cannot be installed is said here, and again at the end of the tests that go without it.
SYSTEM_PACKAGES = @sh tools/system_packages.sh || true
WITH_CHROMIUM = chromium=`sh tools/chromium.sh` && CHROMIUM="$$chromium"

ifneq ($(filter 1 1.11,$(OCTOPRINT)),)
SERVE_VENV := $(VENV1)
SERVE_VERSION := 1.11
else ifneq ($(filter 2 2.0,$(OCTOPRINT)),)
SERVE_VENV := $(VENV2)
SERVE_VERSION := 2.0
else
$(error OCTOPRINT=$(OCTOPRINT) is not known: OCTOPRINT=1 is OctoPrint 1.11, OCTOPRINT=2 is 2.0)
endif

.PHONY: help serve test lint types unit network integration browser soak format docs benchmark dist clean
.NOTPARALLEL:

help: ## list the commands
	@echo 'Obico for OctoPrint: make COMMAND'
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  %-13s%s\n", $$1, $$2}' Makefile
	@echo
	@echo '  PYTHON=/path/to/python3   build the environments with this Python (3.9 or newer)'
	@echo '  CHROMIUM=/path/to/chromium   test in this browser'
	@echo '  ARGS="..."                further arguments for pytest or for the sandbox'

serve: $(SERVE_VENV)/.run-ready ## try it out: OctoPrint with the plugin, a sandbox Obico Server and a webcam (OCTOPRINT=2: 2.0)
	@exec $(SERVE_VENV)/bin/python -m sandbox.serve --octoprint $(SERVE_VERSION) $(ARGS)

test: lint types unit network integration browser ## everything below, as continuous integration does it
	@$(MAKE) soak MINUTES=10

lint: $(VENV1)/.test-ready ## style (ruff), and nothing newer than the oldest Python (vermin)
	$(PYTHON1) -m ruff check .
	$(PYTHON1) -m ruff format --check .
	$(VENV1)/bin/vermin --quiet --no-tips --violations --target=$(OLDEST_PYTHON)- $(SOURCES)

types: $(VENV1)/.test-ready ## types (mypy, strict)
	$(PYTHON1) -m mypy

unit: $(VENV1)/.test-ready $(VENV2)/.test-ready ## unit tests, in the environments of OctoPrint 1.11 and 2.0
	$(SYSTEM_PACKAGES)
	$(PYTHON1) -m pytest -n 4 $(UNIT_TESTS) $(ARGS)
	$(PYTHON2) -m pytest -n 4 $(UNIT_TESTS) $(ARGS)

network: $(VENV1)/.test-ready ## tests with networks of their own (Linux, as root)
	$(SYSTEM_PACKAGES)
	$(PYTHON1) -m pytest -n 3 --dist loadfile tests/netns $(ARGS)

integration: $(VENV1)/.test-ready $(VENV2)/.test-ready ## tests against a real OctoPrint 1.11 and 2.0
	$(SYSTEM_PACKAGES)
	$(PYTHON1) -m pytest -n 3 --dist loadfile tests/integration $(ARGS)

browser: $(VENV1)/.test-ready $(VENV2)/.test-ready ## tests in a real Chromium, on both versions
	@$(WITH_CHROMIUM) $(PYTHON1) -m pytest -n 2 --dist loadfile tests/browser $(ARGS)

soak: $(VENV1)/.test-ready $(VENV2)/.test-ready ## an hour in which everything goes wrong at random (MINUTES=60)
	OBICO_SOAK_MINUTES=$(MINUTES) $(PYTHON1) -m pytest -n 2 tests/soak $(ARGS)

format: $(VENV1)/.test-ready ## mend the style
	$(PYTHON1) -m ruff check --fix .
	$(PYTHON1) -m ruff format .

docs: $(VENV1)/.test-ready ## write docs/causes.md anew from the catalogue of causes
	$(PYTHON1) tools/cause_pages.py

benchmark: $(VENV1)/.test-ready $(VENV2)/.test-ready ## time to verdict, recovery, cost and more, into benchmarks/*.md
	$(PYTHON1) -m benchmarks

dist: $(VENV1)/.test-ready ## build the wheel and the source archive into dist/
	$(PYTHON1) -m build --outdir dist .

clean: ## remove the environments, the build output and the OctoPrint of `make serve`
	rm -rf $(VENV1) $(VENV2) $(VENV1).lock $(VENV2).lock .sandbox build dist *.egg-info
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis test-results
	find octoprint_obico sandbox tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV1)/.run-ready: $(INSTALLS)
	@$(call WITH_PYTHON,$(NEWEST_PYTHON1)) tools/make_venv.py $(VENV1) run '$(REQUIREMENT1)' '-e .[sandbox]'

$(VENV2)/.run-ready: $(INSTALLS)
	@$(call WITH_PYTHON,$(NEWEST_PYTHON2)) tools/make_venv.py $(VENV2) run '$(REQUIREMENT2)' '-e .[sandbox]'

$(VENV1)/.test-ready: $(INSTALLS)
	@$(call WITH_PYTHON,$(NEWEST_PYTHON1)) tools/make_venv.py $(VENV1) test '$(REQUIREMENT1)' '-e .[dev]'

$(VENV2)/.test-ready: $(INSTALLS)
	@$(call WITH_PYTHON,$(NEWEST_PYTHON2)) tools/make_venv.py $(VENV2) test '$(REQUIREMENT2)' '-e .[test]'
