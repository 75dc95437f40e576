//! From a frame to offsets and the innermost five-tuple: a time a frame.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use dpi_engine::wire;

use crate::traffic::packets;

/// Captures of everyday traffic, of tags, of tunnels, of wireless frames, of what ends in an error.
#[divan::bench(args = [
    "web.pcap",
    "link_tags.pcap",
    "tunnels.pcap",
    "ipv6_extensions.pcap",
    "link_radiotap.pcap",
    "recorded/vxlan.pcap",
    "undecoded.pcap",
])]
fn frames_of(bencher: Bencher<'_, '_>, name: &str) {
    let packets = packets(name);
    bencher
        .counter(ItemsCount::new(packets.len()))
        .bench_local(|| {
            for packet in black_box(&packets) {
                black_box(wire::decode(packet.link, &packet.frame));
            }
        });
}
