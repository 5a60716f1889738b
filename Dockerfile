# docker build -t muster .        then: docker run -p 9999:9999 -v muster:/var/lib/muster muster
FROM node:24-slim AS build
WORKDIR /src
COPY . .
RUN npm ci --ignore-scripts \
 && npm run build \
 && npm pack -w muster --pack-destination /tmp

FROM node:24-slim
COPY --from=build /tmp/muster-*.tgz /tmp/
RUN npm install -g --ignore-scripts /tmp/muster-*.tgz \
 && rm -rf /tmp/muster-*.tgz /root/.npm \
 && install -d -o node -g node -m 700 /var/lib/muster
USER node
VOLUME /var/lib/muster
EXPOSE 9999
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9999/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["muster"]
CMD ["server", "--host", "0.0.0.0", "--data-dir", "/var/lib/muster"]
