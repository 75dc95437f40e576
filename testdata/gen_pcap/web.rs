//! `web.pcap`: half a minute of a small office's everyday traffic, and who did what in it.

use std::fmt;

use super::packet::{Ends, Packet, VLAN, ethernet};
use super::{Capture, Truth, pcap};

mod others;
mod visits;

/// A name in a flow.
pub(crate) struct Named {
    pub(crate) name: &'static str,
    /// The word for its source in reports.
    pub(crate) from: &'static str,
    /// Index of the packet, among the flow's own, that completes it.
    pub(crate) packet: usize,
}

/// A flow, as it was made.
pub(crate) struct Flow {
    pub(crate) protocol: &'static str,
    /// From the one who opened it; ports are 0 for ICMP.
    pub(crate) ends: Ends,
    pub(crate) names: Vec<Named>,
    pub(crate) vlan: Option<u16>,
    packets: Vec<(u64, Vec<u8>)>,
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, ends, .. } = self;
        write!(f, "{protocol} {} > {}", ends.from, ends.to)?;
        if let Some(vlan) = self.vlan {
            write!(f, " vlan {vlan}")?;
        }
        write!(f, ", {} packets", self.packets.len())?;
        for Named { name, from, packet } in &self.names {
            write!(f, ", {name} ({from}, packet {})", packet + 1)?;
        }
        Ok(())
    }
}

/// The whole office.
pub(crate) struct Office {
    /// In order of their first packets.
    pub(crate) flows: Vec<Flow>,
    /// For each packet of the capture its flow, and its index there; `None` for those outside any flow (ARP).
    pub(crate) order: Vec<Option<(usize, usize)>>,
    packets: Vec<Packet>,
}

fn flow(
    protocol: &'static str,
    ends: Ends,
    names: impl IntoIterator<Item = Named>,
    packets: Vec<(u64, Vec<u8>)>,
) -> Flow {
    Flow {
        protocol,
        ends,
        names: names.into_iter().collect(),
        vlan: None,
        packets,
    }
}

/// Everybody's traffic, in the order in which it passed.
pub(crate) fn office() -> Office {
    let mut flows: Vec<Flow> = visits::all().collect();
    flows.extend(others::all());
    flows.sort_by_key(|flow| flow.packets[0].0);

    let mut all: Vec<(Packet, Option<(usize, usize)>)> = others::arp()
        .into_iter()
        .map(|packet| (packet, None))
        .collect();
    for (number, flow) in flows.iter().enumerate() {
        let tags = flow.vlan.map(|vlan| (VLAN, vlan));
        for (nth, (at, ip)) in flow.packets.iter().enumerate() {
            let frame = ethernet(ip, tags.as_slice());
            all.push((Packet::new(*at, frame), Some((number, nth))));
        }
    }
    all.sort_by_key(|(packet, _)| packet.at);
    let (packets, order) = all.into_iter().unzip();
    Office {
        flows,
        order,
        packets,
    }
}

pub(crate) fn capture() -> Capture {
    let office = office();
    let mut names: Vec<_> = office
        .flows
        .iter()
        .flat_map(|flow| &flow.names)
        .map(|named| (named.name, named.from))
        .collect();
    names.sort_unstable();
    names.dedup();
    Capture {
        name: "web.pcap",
        bytes: pcap::file(pcap::USUAL, &office.packets),
        truth: Truth {
            undecoded: others::arp().len(),
            ..Truth::new(office.packets.len(), office.flows.len(), &names)
        },
    }
}
