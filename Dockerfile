FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go build -trimpath -o /kissaria ./cmd/kissaria

FROM debian:12-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates tzdata libwebp-dev \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --home /data kissaria && install -d -o kissaria /data
COPY --from=build /kissaria /usr/local/bin/kissaria
COPY assets/demo /usr/local/share/kissaria/demo
ENV DEMO_DIR=/usr/local/share/kissaria/demo DATA_DIR=/data
USER kissaria
EXPOSE 8080
CMD ["kissaria", "serve"]
