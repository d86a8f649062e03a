# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS builder
# The allocator is built from C.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
# Queries are checked against .sqlx/: no database is needed to build.
ENV SQLX_OFFLINE=true
# The caches survive a change of the sources; the binary has to leave the cached directory in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin dover-ashby-sync \
    && cp target/release/dover-ashby-sync /usr/local/bin/

FROM debian:bookworm-slim
# Ashby's certificate is checked against the system's authorities.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin dover-ashby-sync
COPY --from=builder /usr/local/bin/dover-ashby-sync /usr/local/bin/
USER 10001
# Inside a container the loopback address would be out of everybody's reach.
ENV LISTEN_ADDR=0.0.0.0:8080 LOG_FORMAT=json
EXPOSE 8080
# Alive, not ready: a database that is away for a minute is no reason to kill the process. bash speaks TCP by itself.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["bash", "-c", "exec 3<>\"/dev/tcp/127.0.0.1/${LISTEN_ADDR##*:}\" && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["dover-ashby-sync"]
CMD ["serve"]
