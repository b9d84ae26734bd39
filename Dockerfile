# The image of every part: consumer, trainer, MLflow server and the command line. It builds with BuildKit and without.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
# Where packages come from, for those who have an index of their own. Empty ones are as good as none.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY deploy/*.lock /src/deploy/
# Wheels alone: nothing is compiled here, so no compiler is needed, and none can get into the image.
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
# The one folder that is written to, and in it the audit log, which can be a volume of its own; a volume that is mounted
# here begins with the folder's owner. Beside it, only /tmp.
RUN mkdir -p /var/lib/tasador/archive && chown -R 65534:65534 /var/lib/tasador && chmod 755 /usr/local/bin/healthcheck
# commands write where they are called, a training its report
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
EXPOSE 8001 8002 8003
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["healthcheck", "http://127.0.0.1:8001/livez"]
ENTRYPOINT ["tasador"]
CMD ["consumer"]
