//! Fuzz targets: what must hold of any bytes whatever, room by room of the engine.
//!
//! A target is a function over bytes that panics when something does not hold. Those of parsers take the bytes as they
//! are; where bytes by themselves would hardly ever make sense (sealed packets, sequences of segments, whole captures)
//! they are a [`script`] of what to build. Whatever can be told by simpler means is told twice and compared.
//!
//! * The programs in `fuzz_targets` hand the functions to libFuzzer, or replay files when they are built without it.
//! * `cargo test --package dpi_engine_fuzz` replays every file in `corpus`, on any toolchain.
//! * Knows nothing of libFuzzer. See README.md.

#![forbid(unsafe_code)]

pub mod capture;
pub mod conversation;
pub mod engine;
pub mod fragments;
pub mod inspect;
pub mod names;
pub mod reassembly;
pub mod rules;
pub mod script;
pub mod several;
pub mod signature;
pub mod wire;

/// Says what must hold of `bytes`, and panics where it does not.
pub type Target = fn(&[u8]);

/// Every target, by the name that its program and its corpus have.
pub const TARGETS: &[(&str, Target)] = &[
    ("apps_file", rules::apps_file),
    ("capture_blocks", capture::blocks),
    ("capture_compressed", capture::compressed),
    ("capture_pcap", capture::pcap),
    ("capture_pcapng", capture::pcapng),
    ("capture_recover", capture::recover),
    ("capture_several", several::several),
    ("conversation", conversation::conversation),
    ("dns", inspect::dns::messages),
    ("dns_answers", inspect::dns::answers),
    ("domain_map", names::domain_map),
    ("domain_names", names::domain_names),
    ("dtls", inspect::datagrams::dtls),
    ("engine_capture", engine::capture),
    ("engine_packets", engine::packets),
    ("fragments", fragments::fragments),
    ("http", inspect::http::http),
    ("http_chunked", inspect::http::chunked),
    ("http2", inspect::http::http2),
    ("netbios", inspect::datagrams::netbios),
    ("openvpn", inspect::datagrams::openvpn),
    ("quic", inspect::datagrams::quic),
    ("quic_sealed", inspect::sealed::quic),
    ("ranges", names::ranges),
    ("reassembly", reassembly::reassembly),
    ("rules_file", rules::rules_file),
    ("sctp", inspect::datagrams::sctp),
    ("signature_all", signature::all),
    ("signature_one", signature::one),
    ("tls_client", inspect::tls::client),
    ("tls_server", inspect::tls::server),
    ("wire", wire::wire),
];

/// The program of a target: libFuzzer's when cargo-fuzz builds it, else one that replays the files it is given.
#[macro_export]
macro_rules! target {
    ($target:path) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| { $target(bytes) });

        #[cfg(not(fuzzing))]
        fn main() -> std::io::Result<()> {
            $crate::replay_arguments($target)
        }
    };
}

/// Shows `target` each file that the program was given.
///
/// # Errors
/// Those of reading a file.
pub fn replay_arguments(target: Target) -> std::io::Result<()> {
    for path in std::env::args_os().skip(1) {
        target(&std::fs::read(path)?);
    }
    Ok(())
}

#[cfg(test)]
mod replay;
