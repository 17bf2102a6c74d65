# The image of a Ray head or worker. CPU by default; for NVIDIA GPUs:
#   docker build --build-arg TORCH_BACKEND=cu130 --build-arg EXTRAS=gpu -t rayal:cuda .
# Ray keeps objects in /dev/shm: run it with --shm-size of at least a third of the memory.
ARG PYTHON=3.11
FROM python:${PYTHON}-slim AS build
ARG TORCH_BACKEND=cpu
ARG EXTRAS=""
RUN pip install --no-cache-dir uv==0.13.8 && python -m venv /opt/rayal
ENV VIRTUAL_ENV=/opt/rayal
WORKDIR /src
COPY constraints.txt pyproject.toml README.md ./
# Torch changes least and weighs most: a layer of its own.
RUN uv pip install --no-cache --torch-backend "${TORCH_BACKEND}" \
        $(grep -E '^(torch|torchvision)==' constraints.txt)
COPY rayal ./rayal
COPY analysis ./analysis
RUN uv pip install --no-cache --torch-backend "${TORCH_BACKEND}" -c constraints.txt \
        ".${EXTRAS:+[${EXTRAS}]}" \
    && if [ "${EXTRAS}" = gpu ]; then \
           uv pip uninstall faiss-cpu faiss-gpu && uv pip install --no-cache --no-deps faiss-gpu; \
       fi

FROM python:${PYTHON}-slim
RUN useradd --create-home --uid 1000 rayal
COPY --from=build /opt/rayal /opt/rayal
COPY sweeps /home/rayal/sweeps
ENV PATH=/opt/rayal/bin:$PATH PYTHONUNBUFFERED=1 RAY_USAGE_STATS_ENABLED=0 RAY_AUTH_MODE=token
USER rayal
WORKDIR /home/rayal
ENTRYPOINT ["python", "-m", "rayal.sweep"]
CMD ["sweeps/quickstart.yaml"]
