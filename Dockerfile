# The image of the service: src/ and the packages that it needs, on a released Node. Any Node image of 24.12 or newer
# will do as a base; the first stage needs npm, too.
ARG NODE_IMAGE=node:26.10.0-trixie-slim
ARG NPM_IMAGE=${NODE_IMAGE}

FROM ${NPM_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN ["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-progress"]

FROM ${NODE_IMAGE}
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY src src
# A small young generation and a single heap of malloc's keep the idle process small. So does V8 without Maglev, which never
# releases the 10 MiB in which it compiles. The cache is filled here, so that Node does not load its TypeScript compiler.
# Together they save 40 MiB.
ENV NODE_COMPILE_CACHE=/app/.compile-cache MALLOC_ARENA_MAX=1
RUN ["node", "--max-semi-space-size=1", "--no-maglev", "src/main.ts", "--help"]
# No USER: the Docker socket is root's, and anyone who has it is root on the host anyway. Nothing is written, so the root
# file system can be read-only, and no capability is needed.
ENTRYPOINT ["node", "--max-semi-space-size=1", "--no-maglev", "src/main.ts"]
