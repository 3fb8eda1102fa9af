FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends bubblewrap \
 && rm -rf /var/lib/apt/lists/*
COPY pyproject.toml README.md LICENSE constraints.txt /src/
COPY cli /src/cli
RUN pip install --no-cache-dir -c /src/constraints.txt '/src[search]' && rm -rf /src \
 && useradd --uid 10001 --home-dir /data assistctl && install -d -o assistctl -m 700 /data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8000, timeout=10); c.request('GET', '/healthz'); exit(c.getresponse().status != 200)"]
CMD ["assistctl", "serve", "--host", "0.0.0.0", "--port", "8000", "--db", "/data/assistants.db"]
