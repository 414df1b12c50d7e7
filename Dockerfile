# One image for every process of Tombolo. Build it after `npm install && npm run build`:
#   docker build -t tombolo .
ARG BASE=debian:bookworm-slim
FROM ${BASE}

# Packet rules, routes, connections and the kernel's WireGuard, for gateway and agent. A base that has them already is left as it is.
RUN { command -v nft && command -v ip && command -v conntrack && command -v wg; } >/dev/null || \
    (apt-get update && apt-get install -y --no-install-recommends nftables iproute2 conntrack wireguard-tools && rm -rf /var/lib/apt/lists/*)

# The Node of package.json: the same runtime here, in tests and in development. Needs only glibc and libstdc++.
COPY --chmod=0755 node_modules/node/bin/node /usr/local/bin/node
# The tunnel where the kernel has no WireGuard.
COPY --chmod=0755 dist/bin/ /usr/local/bin/
COPY dist/app/ /app/

# Two arenas instead of eight per core: memory that is freed goes back.
ENV NODE_ENV=production MALLOC_ARENA_MAX=2
WORKDIR /app
USER 65532:65532

# The argument names the process: /app/controller.js, /app/kubelet.js, …
ENTRYPOINT ["/usr/local/bin/node"]
CMD ["/app/controller.js"]
