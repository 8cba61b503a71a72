# One image for web server and worker: docker compose says which of them a container is.
FROM python:3.11-slim-trixie

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1

# libgomp is what scikit-learn computes with; pg_dump (17 in this Debian) makes the nightly back-up
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 app \
    && install -d -o app -g app /app /data

WORKDIR /app
ARG REQUIREMENTS=requirements.txt
COPY requirements*.txt ./
RUN pip install --no-cache-dir -r requirements.txt -r "$REQUIREMENTS"
COPY . .

USER 10001
ENV DATA_DIR=/data
VOLUME /data
EXPOSE 8000

CMD ["sh", "-c", "python manage.py prepare && exec python -m mlplatform.web_server --host 0.0.0.0 --port 8000"]
