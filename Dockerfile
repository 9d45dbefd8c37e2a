# The switch in a small image. RTP needs many UDP ports, so the simplest way to run it is the host's own network:
#
#   docker run --network host -v audioroad:/data -e PUBLIC_IP=203.0.113.5 audioroad

FROM node:22-bookworm-slim AS dashboards
WORKDIR /build/assets
COPY assets/package.json assets/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY assets ./
RUN npm run build

FROM rust:1-slim-bookworm AS switch
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        build-essential libopus-dev libpq-dev libsqlite3-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
COPY --from=dashboards /build/assets/dist assets/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --release --locked && cp target/release/audioroad /usr/local/bin/

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libopus0 libpq5 libsqlite3-0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --create-home audioroad
COPY --from=switch /usr/local/bin/audioroad /usr/local/bin/audioroad
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/audioroad/
USER audioroad
WORKDIR /data
VOLUME /data
ENV DATA_DIR=/data
# HTTP, health, SIP, SIP over TLS, LiveKit media, RTP
EXPOSE 3001 8080 5060/udp 5060/tcp 5061/tcp 7882/udp 10000-20000/udp
# 503 is the answer of a switch that takes no new calls, be it full, overloaded or draining: it is alive, and must not be restarted.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/${HEALTH_PORT:-8080} && printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [[ $status = 200 || $status = 503 ]]"]
# SIGTERM lets calls end by themselves for DRAIN_SECONDS: stop it with `docker stop -t 630`.
STOPSIGNAL SIGTERM
ENTRYPOINT ["audioroad"]
CMD ["serve"]
