//! IP datagrams in pieces, and IPv6 headers in a row.

use etherparse::{IpFragOffset, Ipv4Header};

use super::packet::{Ends, ethernet, spaced, udp};
use super::{Capture, Truth, dns, pcap};

/// A query of about `len` bytes, which EDNS padding makes so long (RFC 7830).
fn long_query(name: &str, len: u16) -> Vec<u8> {
    let mut out = dns::query(5, name.as_bytes(), dns::A);
    out[11] = 1; // one additional record
    out.extend([0, 0, 41, 0x10, 0, 0, 0, 0, 0]);
    out.extend((len + 4).to_be_bytes());
    out.extend([0, 12]);
    out.extend(len.to_be_bytes());
    out.extend(vec![0; usize::from(len)]);
    out
}

/// The IPv4 packet in fragments of `size` bytes (a multiple of 8) each.
fn fragments4(ip: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (header, payload) = Ipv4Header::from_slice(ip).expect("as built");
    let count = payload.chunks(size).count();
    payload
        .chunks(size)
        .enumerate()
        .map(|(i, piece)| {
            let mut header = header.clone();
            header.identification = 0x4242;
            header.dont_fragment = false;
            header.more_fragments = i + 1 < count;
            header.fragment_offset =
                IpFragOffset::try_new((i * size / 8) as u16).expect("below 8,192");
            header.set_payload_len(piece.len()).expect("fits");
            // Writing computes the checksum.
            let mut out = Vec::new();
            header.write(&mut out).expect("a vector takes all");
            out.extend(piece);
            out
        })
        .collect()
}

/// The IPv6 packet with these extension headers (own number, body without the leading next-header byte) in front of its transport.
fn extended(ip: &[u8], headers: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut out = ip[..40].to_vec();
    let mut next = ip[6];
    let mut chain = Vec::new();
    for (number, body) in headers.iter().rev() {
        chain = [&[next][..], body, &chain].concat();
        next = *number;
    }
    out[6] = next;
    out.extend(chain);
    out.extend(&ip[40..]);
    let len = (out.len() - 40) as u16;
    out[4..6].copy_from_slice(&len.to_be_bytes());
    out
}

/// A fragment header's body, RFC 8200 §4.5.
fn fragment_header(offset: u16, more: bool) -> (u8, Vec<u8>) {
    let field = offset | u16::from(more);
    let body = [&[0][..], &field.to_be_bytes(), &[0, 0, 0x42, 0x42]].concat();
    (44, body)
}

fn fragments6(ip: &[u8], size: usize) -> Vec<Vec<u8>> {
    let payload = &ip[40..];
    let count = payload.chunks(size).count();
    payload
        .chunks(size)
        .enumerate()
        .map(|(i, piece)| {
            let whole = [&ip[..40], piece].concat();
            extended(&whole, &[fragment_header((i * size) as u16, i + 1 < count)])
        })
        .collect()
}

/// A query in three fragments over each version, the last fragment first and both mixed.
fn fragments() -> Capture {
    let ends4 = Ends::new("192.168.1.2:44001", "192.168.1.1:53");
    let ends6 = Ends::new("[2001:db8:1::2]:44002", "[2001:db8:1::1]:53");
    let v4 = fragments4(&udp(ends4, &long_query("v4.fragment.example", 2000)), 800);
    let v6 = fragments6(&udp(ends6, &long_query("v6.fragment.example", 2000)), 800);
    let order = [&v4[2], &v6[2], &v6[0], &v4[0], &v4[1], &v6[1]];
    let packets = spaced(order.map(|ip| ethernet(ip, &[])));
    let names = [
        ("v4.fragment.example", "dns_query"),
        ("v6.fragment.example", "dns_query"),
    ];
    Capture {
        name: "ip_fragments.pcap",
        bytes: pcap::file(pcap::USUAL, &packets),
        truth: Truth::new(packets.len(), 2, &names),
    }
}

/// Queries behind IPv6 extension headers: each kind alone, then all of them, then ten of one.
fn extensions() -> Capture {
    let hop_by_hop = (0, b"\x00\x05\x02\x00\x00\x01\x00".to_vec());
    let destination = (60, b"\x00\x01\x04\x00\x00\x00\x00".to_vec());
    // Routing type 253 is for experiments (RFC 4727 §3.3); no segments are left.
    let routing = (43, b"\x00\xfd\x00\x00\x00\x00\x00".to_vec());
    let atomic = fragment_header(0, false);
    let all = vec![
        hop_by_hop.clone(),
        destination.clone(),
        routing.clone(),
        atomic.clone(),
        destination.clone(),
    ];
    let kinds = [
        ("hop.extension.example", vec![hop_by_hop]),
        ("destination.extension.example", vec![destination.clone()]),
        ("routing.extension.example", vec![routing]),
        ("atomic.extension.example", vec![atomic]),
        ("all.extension.example", all),
        ("ten.extension.example", vec![destination; 10]),
    ];
    let frames = (0..).zip(&kinds).map(|(i, (name, headers)): (u16, _)| {
        let ends = Ends::new(
            &format!("[2001:db8:1::2]:{}", 45_000 + i),
            "[2001:db8:1::1]:53",
        );
        let ip = udp(ends, &dns::query(i, name.as_bytes(), dns::AAAA));
        ethernet(&extended(&ip, headers), &[])
    });
    let packets = spaced(frames);
    let names = kinds.each_ref().map(|(name, _)| (*name, "dns_query"));
    Capture {
        name: "ipv6_extensions.pcap",
        bytes: pcap::file(pcap::USUAL, &packets),
        truth: Truth::new(packets.len(), names.len(), &names),
    }
}

pub(crate) fn all() -> Vec<Capture> {
    vec![fragments(), extensions()]
}
