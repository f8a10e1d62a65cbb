# An image of the one binary and the C and C++ libraries it is linked to: no shell, no package manager, no root.
#
#     docker build -t llm-manager .
#
# BASE is what it is built on: any glibc image (2.34 or newer) that has Bun 1.4.5. Behind a registry of one's own, hand in
# an npmrc and, where it signs for itself, a CA bundle:
#
#     docker build --secret id=npmrc,src=$HOME/.npmrc --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt …

ARG BASE=oven/bun:1.4.5

FROM ${BASE} AS build
WORKDIR /build
COPY . .
# One step, because what it installs is only needed for what it builds.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca \
  if [ -f /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi \
  && bun run build \
  && mkdir -p /image/etc /image/tmp /image/data \
  && cp dist/llm-manager /image/ \
  # The SQLite addon inside the binary needs the C++ library, which the binary itself does not name.
  && for library in $(ldd dist/llm-manager node_modules/better-sqlite3/prebuilds/linux-"$(bun -p process.arch)".node \
    | grep -o '/[^ ]*\.so[^ ]*' | grep -v prebuilds | sort -u); do cp -L --parents "$library" /image/; done \
  && echo 'llm-manager:x:10001:10001::/data:/' > /image/etc/passwd \
  && echo 'llm-manager:x:10001:' > /image/etc/group \
  && chmod 1777 /image/tmp && chmod 700 /image/data && chown 10001:10001 /image/data \
  && rm -rf node_modules dist /root/.bun

FROM scratch
COPY --from=build /image/ /
ENV HOST=0.0.0.0 PORT=5000 DATA_DIR=/data LOG_FORMAT=json
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["/llm-manager", "health"]
ENTRYPOINT ["/llm-manager"]
CMD ["serve"]
