//! Flows for other programs: as CSV, as Suricata's events, as Zeek's logs. In order of first packet, for any number of flows.

mod csv;
mod eve;
mod zeek;

pub use csv::CsvFlows;
pub use eve::EveEvents;
pub use zeek::{ZEEK_LOGS, ZeekLogs};

use crate::evidence::{FoundName, NameSource};
use crate::flow::FlowSummary;
use crate::packet::IpProtocol;

/// The flow's names that stood in one of these places, each once.
fn names_from<'a>(
    flow: &'a FlowSummary,
    places: &'static [NameSource],
) -> impl Iterator<Item = &'a str> {
    let names = flow.findings().names.iter();
    let names = names.filter(|found| places.contains(&found.from));
    names.map(|found: &FoundName| found.name.as_str())
}

/// A number for the flow that is the same in every run, and another for every other flow with great likelihood: of the bits of
/// SplitMix64, which mixes all of its input into all of its output.
fn number_of(flow: &FlowSummary) -> u64 {
    let mut mixed = flow.key.spread() ^ flow.first_packet.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// Whether what stands in the place of ports is none.
const fn is_icmp(protocol: IpProtocol) -> bool {
    matches!(protocol, IpProtocol::ICMP | IpProtocol::ICMP6)
}
