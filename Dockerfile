# The image of every process: consumer, trainer, monitor, MLflow server and command line. It builds with and without BuildKit.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
# A package index to use instead of PyPI; an empty value is ignored.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY deploy/*.lock /src/deploy/
# Wheels only, so that no compiler is needed.
RUN python3 -m venv /opt/build && python3 -m venv /opt/tasador \
 && /opt/build/bin/pip install --only-binary :all: --require-hashes --requirement /src/deploy/build.lock \
 && /opt/tasador/bin/pip install --only-binary :all: --require-hashes --requirement /src/deploy/requirements.lock \
 && find /opt/tasador -type d -name tests -path '*/site-packages/*' -prune -exec rm -rf {} +
COPY . /src/
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels /src \
 && /opt/tasador/bin/pip install --no-deps /wheels/*.whl

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/tasador /opt/tasador
COPY params.yaml /app/
COPY deploy/healthcheck.py /usr/local/bin/healthcheck
# The only writable folder besides /tmp. The audit log in it can be a separate volume; a new volume gets the owner of the
# folder it is mounted on.
RUN mkdir -p /var/lib/tasador/archive && chown -R 65534:65534 /var/lib/tasador && chmod 755 /usr/local/bin/healthcheck
# commands write to the current folder, for example a training its report
WORKDIR /var/lib/tasador
ENV PATH=/opt/tasador/bin:$PATH \
    HOME=/var/lib/tasador \
    USER=tasador \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TASADOR_HOME=/var/lib/tasador \
    TASADOR_HOST=0.0.0.0 \
    TASADOR_PARAMS=/app/params.yaml
USER 65534:65534
EXPOSE 8000 8001 8002 8003 8004
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["healthcheck", "http://127.0.0.1:8001/livez"]
ENTRYPOINT ["tasador"]
CMD ["consumer"]
