# The service in a container. docs/operation.md describes how to run it.
#
#   docker build --tag session-cookie-login .

# The version that docs/operation.md recommends, on Debian: the tests run with glibc.
FROM node:26-slim AS base

FROM base AS build
WORKDIR /app
COPY package.json package-lock.json ./
# The compiled modules come inside the packages. No install script is needed.
RUN npm ci --ignore-scripts
COPY tsconfig*.json ./
COPY scripts/ scripts/
COPY src/ src/
RUN npm run build
# Leaves the packages that the service needs, in the versions of package-lock.json.
RUN node scripts/service-packages.js && npm prune --ignore-scripts

FROM base
# The command line. LMDB keeps its data in /data. A new named volume takes over the owner of this directory.
RUN ln -s /app/dist/cli.js /usr/local/bin/session-cookie-login \
  && install --directory --owner=1000 --group=1000 --mode=0700 /data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules/ node_modules/
COPY --from=build /app/dist/ dist/
# The default HOST, localhost, cannot be reached from outside of the container.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080
# A number, so that Kubernetes can check that it is not root (runAsNonRoot).
USER 1000:1000
EXPOSE 8080
# /livez does not use the store: to restart the service does not repair a store.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
  CMD ["node", "--eval", "fetch('http://127.0.0.1:' + process.env.PORT + '/livez').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node itself is process 1, so that it receives the signals.
CMD ["node", "dist/server.js"]
