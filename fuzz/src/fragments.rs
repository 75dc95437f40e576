//! Fragmented datagrams: a script of fragments of a few datagrams, through the decoder and what puts them together.
//!
//! What holds: every packet comes out once; a datagram whose parts all came, and fit, is the bytes that were cut.

use std::collections::VecDeque;

use dpi_engine::fragments::{Assembled, Fragments, MAX_WAIT_BYTES, Moment};
use dpi_engine::packet::{LinkType, Timestamp};
use dpi_engine::wire::decode;

use crate::script::Script;

/// Fragments of a script.
const MAX_FRAGMENTS: usize = 256;
/// Bytes of capture for each.
const RECORD_LEN: u64 = 1000;
/// Numbers that the script's stray fragments do not have.
const FIRST_WHOLE: u16 = 1000;
/// What the datagrams carry: an experiment, RFC 3692.
const PROTOCOL: u8 = 253;

/// A datagram that is cut into parts that fit.
struct Whole {
    id: u16,
    bytes: Vec<u8>,
    parts: usize,
}

/// What an IP header says of a fragment.
#[derive(Clone, Copy)]
struct Header {
    is_v6: bool,
    id: u16,
    /// In units of eight bytes.
    offset: u16,
    has_more: bool,
}

/// A script of fragments.
pub fn fragments(bytes: &[u8]) {
    let mut script = Script(bytes);
    let mut table = Fragments::default();
    let mut done: Vec<Assembled<usize>> = Vec::new();
    // Parts of whole datagrams that are still to be sent, each with its datagram's place.
    let mut coming: VecDeque<(usize, Vec<u8>)> = VecDeque::new();
    let mut wholes: Vec<Whole> = Vec::new();
    let mut sent: Vec<Option<usize>> = Vec::new();
    let (mut position, mut ns) = (0, 0);
    let mut is_calm = true;
    while !(script.is_over() && coming.is_empty()) && sent.len() < MAX_FRAGMENTS {
        let kind = if script.is_over() { 3 } else { script.u8() };
        if kind & 0x80 != 0 {
            position += u64::from(script.u16()) * (MAX_WAIT_BYTES >> 15);
            ns += i64::from(script.u16()) * 1_000_000;
            is_calm = false;
        }
        let (whole, frame) = match kind & 3 {
            0 => {
                let id = FIRST_WHOLE + wholes.len() as u16;
                let place = wholes.len();
                let (whole, parts) = cut(&mut script, id, kind & 4 != 0);
                wholes.push(whole);
                coming.extend(parts.into_iter().map(|part| (place, part)));
                continue;
            }
            1 => (None, script.piece().to_vec()),
            2 => {
                let (id, offset) = (script.u8().into(), script.u16());
                let header = Header {
                    is_v6: kind & 4 != 0,
                    id,
                    offset: offset & 0x1fff,
                    has_more: offset >> 15 == 1,
                };
                (None, header.frame(script.piece()))
            }
            _ => match coming.pop_front() {
                Some((place, part)) => (Some(place), part),
                None => continue,
            },
        };
        let view = decode(Some(LinkType::RAW), &frame);
        if view.fragment.is_none() {
            continue;
        }
        position += RECORD_LEN;
        let now = Moment {
            position,
            latest: Timestamp::from_ns(ns),
        };
        table.take((&view, &frame), sent.len(), now, &mut done);
        sent.push(whole);
    }
    table.finish(&mut done);
    check(&done, &sent);
    if is_calm {
        wholes
            .iter()
            .for_each(|whole| is_put_together(whole, &done, &sent, &wholes));
    }
}

/// Every packet came out, once.
fn check(done: &[Assembled<usize>], sent: &[Option<usize>]) {
    let mut members: Vec<_> = done
        .iter()
        .flat_map(|assembled| &assembled.members)
        .collect();
    members.sort_unstable();
    assert!(members.into_iter().eq(&Vec::from_iter(0..sent.len())));
}

/// The datagram came out as it was cut, if all of it was sent.
fn is_put_together(
    whole: &Whole,
    done: &[Assembled<usize>],
    sent: &[Option<usize>],
    wholes: &[Whole],
) {
    let is_of = |member: &usize| {
        sent.get(*member)
            .copied()
            .flatten()
            .and_then(|place| wholes.get(place))
            .map(|of| of.id)
            == Some(whole.id)
    };
    let members = (0..sent.len()).filter(is_of).count();
    if members < whole.parts {
        return;
    }
    let of_it = done
        .iter()
        .filter(|assembled| assembled.members.iter().all(is_of));
    let put_together = of_it
        .filter(|assembled| assembled.bytes == whole.bytes)
        .count();
    assert_eq!(
        put_together,
        1,
        "{} bytes in {} parts",
        whole.bytes.len(),
        whole.parts
    );
}

/// Cuts a datagram of the script's bytes into parts, and puts them in an order of the script's; some come twice.
fn cut(script: &mut Script<'_>, id: u16, is_v6: bool) -> (Whole, Vec<Vec<u8>>) {
    let mut bytes = script.piece().to_vec();
    bytes.resize(bytes.len().max(9), 7);
    bytes.truncate(2000);
    let units = 1 + script.below(32);
    let parts: Vec<_> = bytes.chunks(8 * units).collect();
    let count = parts.len();
    let frames = parts.into_iter().enumerate().map(|(place, part)| {
        let header = Header {
            is_v6,
            id,
            offset: (place * units) as u16,
            has_more: place + 1 < count,
        };
        header.frame(part)
    });
    let mut frames: Vec<_> = frames.collect();
    for place in 0..count {
        let swap = script.u8();
        if swap == 0xff {
            frames.push(frames[place].clone());
        } else {
            frames.swap(place, usize::from(swap) % count);
        }
    }
    // All of it in one packet is no fragment.
    let parts = if count == 1 { usize::MAX } else { frames.len() };
    (Whole { id, bytes, parts }, frames)
}

impl Header {
    /// The packet of a fragment with these bytes.
    fn frame(self, part: &[u8]) -> Vec<u8> {
        let more = u16::from(self.has_more);
        let mut frame;
        if self.is_v6 {
            frame = vec![0x60, 0, 0, 0];
            frame.extend((part.len() as u16).wrapping_add(8).to_be_bytes());
            frame.extend([44, 64]);
            frame.extend([1; 32]);
            frame.extend([PROTOCOL, 0]);
            frame.extend((self.offset << 3 | more).to_be_bytes());
            frame.extend(u32::from(self.id).to_be_bytes());
        } else {
            frame = vec![0x45, 0];
            frame.extend((part.len() as u16).wrapping_add(20).to_be_bytes());
            frame.extend(self.id.to_be_bytes());
            frame.extend((self.offset | more << 13).to_be_bytes());
            frame.extend([64, PROTOCOL, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        }
        frame.extend(part);
        frame
    }
}
