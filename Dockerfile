# syntax=docker/dockerfile:1
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY .config ./.config
COPY src ./src
RUN node .config/build.ts

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:24-slim
# One arena of malloc takes less memory than one for each thread (docs/performance.md).
ENV NODE_ENV=production MALLOC_ARENA_MAX=1
WORKDIR /app
# The volume belongs to the user before it is one; a bind mount has to be made writable by its owner.
RUN install -d -o 1000 -g 1000 /var/lib/bingo
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
# Rules and configuration are mounted: /app/rules/*.yaml, /app/config/bingo.yaml.
RUN install -d rules config
# The user `node` by number: Kubernetes' runAsNonRoot cannot look names up.
USER 1000:1000
VOLUME /var/lib/bingo
EXPOSE 8686
STOPSIGNAL SIGTERM
# Alive, not ready: a Redis that is down is no reason to replace BinGo. Readiness: `health --ready`.
HEALTHCHECK --interval=10s --timeout=6s --start-period=15s --retries=3 \
  CMD ["node", "/app/dist/main.js", "health"]
# Young objects in 16 MB: the daemon keeps little, so a larger space only adds to its memory (docs/performance.md).
ENTRYPOINT ["node", "--max-semi-space-size=16", "/app/dist/main.js"]
CMD ["run"]
