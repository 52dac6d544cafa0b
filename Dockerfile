# A worker in a container: docs/deployment.md says how to run it.
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
COPY dev/sample-server/package.json dev/sample-server/
RUN npm ci
COPY . .
# The package of Temporal's core has the binaries of all platforms: 180 MB for those that are not this one.
RUN npm run build \
  && npm prune --omit=dev --workspaces=false \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 \
       ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -r {} +

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    BULK_EXPORT_CONFIG=/etc/fhir-bulk-export/fhir-bulk-export.yaml \
    BULK_EXPORT_HEALTH=127.0.0.1:9465
WORKDIR /opt/fhir-bulk-export
COPY --from=build /build/package.json /build/LICENSE ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist/src dist/src
# The second bundle is for workers that encrypt payloads.
COPY --from=build /build/dist/workflow-bundle*.js dist/
# The folder is there so that a volume for it belongs to the user of the worker.
RUN ln -s /opt/fhir-bulk-export/dist/src/cli/main.js /usr/local/bin/fhir-bulk-export \
  && install -d -o 1000 -g 1000 -m 700 /exports
USER 1000:1000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9465/livez').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["fhir-bulk-export"]
CMD ["worker"]
