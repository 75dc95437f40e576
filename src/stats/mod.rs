//! Plain counters that add up: of packets, and of flows by application, name and rule.
//!
//! Packets are counted where they are decoded and where they are written; flows when they end, from their summary.
//! Knows nothing of what an application or a rule is called, and decides nothing.

pub(crate) mod flows;
mod packets;
mod undecoded;

pub use flows::{
    Ahead, FlowCounts, FlowStats, FlowTables, MAX_DOMAIN_BYTES, MAX_DOMAINS, MAX_FINGERPRINTS,
    Shown, Tally,
};
pub use packets::{AtomicCounters, PacketCounts};
pub use undecoded::{MAX_CAUSES, Undecoded, UndecodedReason};
