# The lab on a CPU: docker build -t autoencoder-lab . && docker run -p 127.0.0.1:8501:8501 -v lab:/data autoencoder-lab
# What visitors save, and the states of their runs, go to /data.
FROM python:3.13-slim AS wheel
COPY pyproject.toml README.md LICENSE requirements.txt app.py /src/
COPY .streamlit /src/.streamlit
COPY checkpoints /src/checkpoints
COPY ae_core /src/ae_core
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /src

FROM python:3.13-slim
COPY requirements.txt /tmp/requirements.txt
# PyTorch's build without CUDA first: gigabytes less.
RUN pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu "torch>=2.12" "torchvision>=0.27" \
    && pip install --no-cache-dir -r /tmp/requirements.txt \
    && useradd --uid 10001 --create-home lab \
    && install -d -o lab /data
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels pip install --no-cache-dir --no-deps /wheels/*.whl

# Without rights: the package itself stays root's.
USER 10001
ENV XDG_DATA_HOME=/data XDG_CACHE_HOME=/data/cache
WORKDIR /home/lab
VOLUME /data
EXPOSE 8501
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://localhost:8501/_stcore/health')"]
CMD ["autoencoder-lab", "open", "--server.address", "0.0.0.0", "--server.headless", "true"]
