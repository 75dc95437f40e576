//! The made captures and the truth about each, from one source: what the generator writes and what the tests expect.
//!
//! Knows nothing of the program; addresses are private or set aside for documentation (RFC 1918, 5737, 3849, 4193).
#![expect(
    clippy::expect_used,
    reason = "a generator stops at the first thing that cannot be built"
)]

pub(crate) mod answered;
mod dns;
mod formats;
mod fragments;
mod links;
mod names;
mod oddities;
mod packet;
mod pcap;
mod pcapng;
pub(crate) mod protocols;
mod sections;
mod streams;
mod tcp;
mod tls;
mod tunnels;
pub(crate) mod web;

/// A capture file as it stands in `testdata/`.
pub(crate) struct Capture {
    /// Its file name.
    pub(crate) name: &'static str,
    /// The file.
    pub(crate) bytes: Vec<u8>,
    /// What is in it.
    pub(crate) truth: Truth,
}

/// What a capture holds, by construction.
#[derive(Clone)]
pub(crate) struct Truth {
    /// Packet records.
    pub(crate) packets: usize,
    /// Those without an IP packet that can be read.
    pub(crate) undecoded: usize,
    /// Flows, of which a reused five-tuple and an idle time-out each open a new one.
    pub(crate) flows: usize,
    /// Names that must be found, and where.
    pub(crate) names: Vec<(&'static str, &'static str)>,
    /// Link types, in order of first appearance.
    pub(crate) links: &'static [&'static str],
    /// `pcap` or `pcapng`.
    pub(crate) format: &'static str,
    /// `us`, `ns` or `mixed`.
    pub(crate) resolution: &'static str,
}

impl Truth {
    /// A microsecond pcap on Ethernet in which everything can be decoded.
    fn new(packets: usize, flows: usize, names: &[(&'static str, &'static str)]) -> Self {
        Self {
            packets,
            undecoded: 0,
            flows,
            names: names.to_vec(),
            links: &["ETHERNET"],
            format: "pcap",
            resolution: "us",
        }
    }
}

/// Every made capture.
pub(crate) fn all() -> Vec<Capture> {
    let mut all = vec![web::capture()];
    all.extend(formats::all());
    all.extend(sections::all());
    all.extend(links::all());
    all.extend(tunnels::all());
    all.extend(streams::all());
    all.extend(fragments::all());
    all.extend(names::all());
    all.push(answered::capture());
    all.push(protocols::capture());
    all.extend(oddities::all());
    all
}
