# The proxy as a container. One Debian-based Python image for both stages; uv comes from PyPI, everything else from uv.lock.

FROM python:3.12-slim-bookworm AS build
# An environment of its own, so that it works also where pip may not touch the system's packages.
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir 'uv>=0.11'
# UV_SYSTEM_CERTS: certificates mounted into the build (a hospital's own authority) count for uv as they do for pip.
ENV UV_SYSTEM_CERTS=1 UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/dicomveil
WORKDIR /build
# The dependencies first: this layer stays while only our own code changes.
COPY pyproject.toml uv.lock ./
COPY engine/pyproject.toml engine/
COPY proxy/pyproject.toml proxy/
RUN /opt/uv/bin/uv sync --frozen --no-default-groups --all-packages --extra fast --extra postgresql --extra pixels --no-install-workspace
COPY engine engine
COPY proxy proxy
RUN /opt/uv/bin/uv sync --frozen --no-default-groups --all-packages --extra fast --extra postgresql --extra pixels --no-editable

FROM python:3.12-slim-bookworm
LABEL org.opencontainers.image.title="dicomveil" \
      org.opencontainers.image.description="A DICOMweb proxy that de-identifies in flight" \
      org.opencontainers.image.licenses="Apache-2.0"
# A plain user, named by number so that Kubernetes can see that it is not root.
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin dicomveil \
 && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/dicomveil
COPY --from=build /opt/dicomveil /opt/dicomveil
# glibc keeps large blocks instead of giving each back to the kernel: bulk transfers cost a quarter less CPU.
ENV PATH=/opt/dicomveil/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MALLOC_MMAP_THRESHOLD_=268435456 \
    MALLOC_TRIM_THRESHOLD_=268435456 \
    DICOMVEIL_HOST=0.0.0.0 \
    DICOMVEIL_PORT=8080 \
    DICOMVEIL_STATE=/var/lib/dicomveil
USER 10001:10001
WORKDIR /var/lib/dicomveil
VOLUME /var/lib/dicomveil
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, ssl, urllib.request as u; s = 'https' if os.environ.get('DICOMVEIL_TLS__CERTIFICATE') else 'http'; u.build_opener(u.ProxyHandler({}), u.HTTPSHandler(context=ssl._create_unverified_context())).open(f\"{s}://127.0.0.1:{os.environ['DICOMVEIL_PORT']}/healthz\", timeout=3)"]
ENTRYPOINT ["dicomveil"]
CMD ["serve"]
