# An image with the program alone, run by a user without rights; it needs no network and no capability.
#
#   docker build -t dpi_engine .
#   docker run --rm --network none --user "$(id -u)" -v "$PWD:/captures" dpi_engine capture.pcap clean.pcap --block-app YouTube

# The toolchain is the oldest that the program promises to build with. The image has a C compiler, which libzstd needs.
FROM rust:1.93-slim-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY src src
# No part of the program, but Cargo.toml names them.
COPY benches benches
COPY examples examples
COPY fuzz fuzz
COPY testdata/gen_pcap.rs testdata/
RUN cargo build --locked --profile dist --bin dpi_engine

# libc and libgcc_s, no shell, no package manager; `nonroot` is user 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /build/target/dist/dpi_engine /usr/local/bin/
WORKDIR /captures
ENTRYPOINT ["/usr/local/bin/dpi_engine"]
CMD ["-h"]
