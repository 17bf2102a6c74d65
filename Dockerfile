# The image of a Ray head or worker, and of a sweep on one machine. CPU by default; else
#   docker build --build-arg TORCH_BACKEND=cu130 --build-arg CUDA=13.0 --build-arg EXTRAS=gpu \
#       -t rayal:cuda .
# and with what the head of a cluster by `ray up` needs to start workers:
#   docker build --build-arg TORCH_BACKEND=cu130 --build-arg CUDA=13.0 --build-arg EXTRAS=gpu,aws \
#       -t rayal:aws .
# CUDA is the version that TORCH_BACKEND stands for: a container does not start on an older driver.
# Ray keeps objects in /dev/shm: run it with --shm-size of at least a third of the memory.
ARG PYTHON=3.11.14-slim-bookworm
FROM python:${PYTHON} AS build
ARG TORCH_BACKEND=cpu
ARG EXTRAS=""
RUN pip install --no-cache-dir uv==0.13.8 && python -m venv /opt/rayal
ENV VIRTUAL_ENV=/opt/rayal
WORKDIR /src
COPY constraints.txt ./
# Torch changes least and weighs most: a layer of its own.
RUN uv pip install --no-cache --torch-backend "${TORCH_BACKEND}" \
        $(grep -E '^(torch|torchvision)==' constraints.txt)
COPY pyproject.toml README.md ./
COPY rayal ./rayal
COPY analysis ./analysis
RUN uv pip install --no-cache --torch-backend "${TORCH_BACKEND}" -c constraints.txt \
        ".${EXTRAS:+[${EXTRAS}]}" \
    && case ",${EXTRAS}," in *,gpu,*) \
           uv pip uninstall faiss-cpu faiss-gpu && uv pip install --no-cache --no-deps -c constraints.txt faiss-gpu;; \
       esac

FROM python:${PYTHON}
ARG TORCH_BACKEND=cpu
ARG EXTRAS=""
ARG CUDA=""
RUN if [ "${TORCH_BACKEND}" != cpu ] && [ -z "${CUDA}" ]; then \
        echo "give --build-arg CUDA=13.0, or what ${TORCH_BACKEND} stands for" >&2; exit 1; \
    fi
# `ray up` copies files by rsync, and its head reaches its workers by ssh. It runs login shells,
# which would forget the PATH below. tini passes signals on and takes away Ray's dead children.
# Triton, which torch.compile uses on a GPU, builds its launchers with a C compiler.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends openssh-client rsync tini \
        $(case ",${EXTRAS}," in (*,gpu,*) echo gcc libc6-dev;; esac) \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 rayal \
    && install --directory --owner rayal --group rayal /home/rayal/runs \
    && echo 'export PATH=/opt/rayal/bin:$PATH' > /etc/profile.d/rayal.sh
COPY --from=build /opt/rayal /opt/rayal
COPY sweeps /home/rayal/sweeps
ENV PATH=/opt/rayal/bin:$PATH PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    NVIDIA_REQUIRE_CUDA=${CUDA:+cuda>=}${CUDA} \
    RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
USER rayal
WORKDIR /home/rayal
# Ray's agent on this node, a sweep's own Ray included, answers without a token.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:52365/api/local_raylet_healthz', timeout=8)"]
# No entry point: Ray's launchers give the container commands of their own.
CMD ["tini", "--", "python", "-m", "rayal.sweep", "sweeps/quickstart.yaml"]
