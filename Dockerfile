# The sidecar's image: non-root, fit for a read-only root file system, patterns compiled at build time.
#
#     docker build -t waf-sidecar .
#     docker run --read-only -p 8080:8080 -e WAF_LISTEN=0.0.0.0:8080 -e WAF_UPSTREAM=http://app:8000 waf-sidecar

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# A compiler for what the project has in C. With COMPILE=0 there is none: the same program, in Python alone.
ARG COMPILE=1
RUN if [ "$COMPILE" = 1 ]; then \
        apt-get update -qq \
        && apt-get install -y -qq --no-install-recommends gcc libc6-dev; \
    fi
RUN python -m venv /opt/waf && python -m venv /opt/build && /opt/build/bin/pip install wheel setuptools
# What the project needs changes less often than the project: its packages make a layer of their own. They come as
# wheels, so that nothing of a stranger's is compiled here.
WORKDIR /packages
COPY pyproject.toml README.md LICENSE ./
RUN mkdir waf && touch waf/__init__.py \
    && /opt/waf/bin/pip install --only-binary=:all: ".[codings,phone,kube]" \
    && /opt/waf/bin/pip uninstall --yes waf-sidecar
# All that .dockerignore lets in.
WORKDIR /src
COPY . .
RUN /opt/build/bin/pip wheel --no-deps --wheel-dir /wheels . \
    && /opt/waf/bin/pip install --no-deps /wheels/*.whl \
    && mkdir -p /opt/waf/share/waf-sidecar \
    && cp -r rules /opt/waf/share/waf-sidecar/ \
    && cd / \
    && /opt/waf/bin/waf rules compile --cache /opt/waf/cache \
    && /opt/waf/bin/pip uninstall --yes setuptools pip \
    && /opt/build/bin/python -m compileall -q /opt/waf/lib \
    && chmod -R a+rX,go-w /opt/waf

FROM python:3.11-slim-bookworm
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="waf-sidecar" \
      org.opencontainers.image.description="A layer-7 web application firewall that runs as a sidecar" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 1337 waf \
    && useradd --uid 1337 --gid 1337 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin waf \
    && install -d -o 1337 -g 1337 -m 0700 /var/lib/waf
COPY --from=build /opt/waf /opt/waf
# The pattern cache belongs to root: the process that reads it cannot change it.
ENV PATH=/opt/waf/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    WAF_CACHE_DIR=/opt/waf/cache \
    WAF_STATE_DIR=/var/lib/waf
# With a read-only root as well, there is a place for what was learned; in Kubernetes an emptyDir stands here.
VOLUME /var/lib/waf
USER 1337:1337
EXPOSE 8080 15021
STOPSIGNAL SIGTERM
# Kubernetes probes /healthz and /readyz on port 15021; a check inside the container would only cost.
HEALTHCHECK NONE
ENTRYPOINT ["waf"]
CMD ["run"]
