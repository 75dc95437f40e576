//! Whether captures are parts of another one, in order, and all of it together. Streams them: memory does not grow with their length.

use ahash::RandomState;
use anyhow::{Context as _, Result};

use crate::capture::{CaptureReader, Chunk};
use crate::packet::{LinkType, Timestamp};

/// Bytes before the frame in a simple packet block, fewer than in any other record: type, length, length on the wire.
///
/// Source: draft-ietf-opsawg-pcapng §4.4.
const SIMPLE_HEADER_LEN: u32 = 12;

/// What came of a comparison, in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Compared {
    Agrees(String),
    Differs(String),
}

/// A capture that is read packet by packet.
pub(super) struct Part {
    role: &'static str,
    /// Packets that the report tells of.
    expected: u64,
    capture: CaptureReader,
    chunk: Chunk,
    /// Place of the next packet in the chunk.
    next: usize,
    /// Packets before it.
    passed: u64,
}

impl Part {
    pub(super) fn new(role: &'static str, capture: CaptureReader, expected: u64) -> Self {
        Self {
            role,
            expected,
            capture,
            chunk: Chunk::new(),
            next: 0,
            passed: 0,
        }
    }

    /// Makes the next packet ready; false at the end.
    fn is_more(&mut self) -> Result<bool> {
        while self.next >= self.chunk.records().len() {
            let filled = self.capture.fill(&mut self.chunk);
            if !filled.with_context(|| format!("{} cannot be read", self.role))? {
                return Ok(false);
            }
            self.next = 0;
        }
        Ok(true)
    }

    /// What tells the next packet from others.
    ///
    /// * Not the bytes of its record, for those change with `--annotate`.
    /// * Not the time of a simple packet block, which is that of the packet before it: it may be another one in a part.
    fn identity(&self) -> Option<Identity<'_>> {
        let record = self.chunk.records().get(self.next)?;
        let has_time = record.frame.saturating_sub(record.start) > SIMPLE_HEADER_LEN;
        Some(Identity {
            time: has_time.then_some(record.timestamp),
            link: record.link,
            origlen: record.origlen,
            frame: self.chunk.frame(record),
        })
    }

    fn pass(&mut self) {
        self.next += 1;
        self.passed += 1;
    }
}

/// What a packet is in every format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Identity<'a> {
    time: Option<Timestamp>,
    link: Option<LinkType>,
    /// Bytes on the wire.
    origlen: u32,
    frame: &'a [u8],
}

/// Adds up packets, so that two lots of them have the same sum only when they are the same packets, in whatever order.
///
/// Keyed at random: who makes a capture cannot know which packets would stand in for others.
struct Sum {
    keys: [RandomState; 2],
}

impl Sum {
    fn of(&self, part: &Part) -> u128 {
        let keys = self.keys.each_ref();
        let [high, low] = keys.map(|key| u128::from(key.hash_one(part.identity())));
        high << 64 | low
    }
}

/// Compares `parts` with `whole`: each must be a part of it in order; two of them (what was kept, and what was dropped) must be all of it.
pub(super) fn compare(mut whole: Part, mut parts: Vec<Part>) -> Result<Compared> {
    let sum = Sum {
        keys: [RandomState::new(), RandomState::new()],
    };
    let is_all = parts.len() > 1;
    let mut missing: u128 = 0;
    while whole.is_more()? {
        if is_all {
            missing = missing.wrapping_add(sum.of(&whole));
        }
        for part in &mut parts {
            if part.is_more()? && part.identity() == whole.identity() {
                if is_all {
                    missing = missing.wrapping_sub(sum.of(part));
                }
                part.pass();
            }
        }
        whole.pass();
    }
    for part in &mut parts {
        if part.is_more()? {
            let (number, role) = (part.passed + 1, part.role);
            return Ok(Compared::Differs(format!(
                "packet {number} of {role} does not stand in INPUT behind the one before it"
            )));
        }
    }
    for part in parts.iter().chain([&whole]) {
        let (role, found, expected) = (part.role, part.passed, part.expected);
        if found != expected {
            return Ok(Compared::Differs(format!(
                "{role} holds {found}, the report tells of {expected}"
            )));
        }
    }
    if is_all && missing != 0 {
        let lack = "OUTPUT and the dropped packets together are not INPUT: packets are missing, or stand in both";
        return Ok(Compared::Differs(lack.to_owned()));
    }
    let packets = whole.passed;
    Ok(Compared::Agrees(match parts.as_slice() {
        [] => format!("INPUT holds {packets}, as the report tells"),
        [part] => format!(
            "the {} of {} stand in INPUT's {packets}, in order",
            part.passed, part.role
        ),
        _ => format!(
            "OUTPUT and the dropped packets together are INPUT, all {packets} of it, in order"
        ),
    }))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::pipeline::tests::datagrams;

    fn part(role: &'static str, packets: &[&[u8]], expected: u64) -> Part {
        // One port for all: only the payload tells them apart.
        let bytes: Vec<u8> = packets.iter().fold(datagrams(&[]), |mut bytes, payload| {
            bytes.extend(&datagrams(&[payload])[24..]);
            bytes
        });
        Part::new(
            role,
            CaptureReader::open(Cursor::new(bytes)).unwrap(),
            expected,
        )
    }

    /// What is said of these captures, one letter a packet.
    #[track_caller]
    fn said(input: &str, parts: &[&str]) -> Result<String, String> {
        let letters = |text: &'static str, text_of: &str| {
            let payloads: Vec<&[u8]> = text_of.as_bytes().chunks(1).collect();
            part(text, &payloads, text_of.len() as u64)
        };
        let roles = ["OUTPUT", "dropped packets"];
        let parts = roles
            .into_iter()
            .zip(parts)
            .map(|(role, text)| letters(role, text));
        match compare(letters("INPUT", input), parts.collect()).unwrap() {
            Compared::Agrees(what) => Ok(what),
            Compared::Differs(what) => Err(what),
        }
    }

    #[test]
    fn a_split_capture_agrees_however_its_packets_repeat() {
        for (input, kept, dropped) in [
            ("", "", ""),
            ("abc", "abc", ""),
            ("abc", "", "abc"),
            ("abcd", "ac", "bd"),
            ("aab", "a", "ab"),
            ("aba", "a", "ab"),
            ("aaaa", "aa", "aa"),
        ] {
            let what = said(input, &[kept, dropped]);
            assert!(what.is_ok(), "{input} {kept} {dropped}: {what:?}");
        }
        assert!(said("abc", &["ac"]).unwrap().contains("2 of OUTPUT"));
        assert!(said("abc", &[]).unwrap().contains("INPUT holds 3"));
    }

    #[test]
    fn what_is_missing_foreign_twice_or_out_of_order_differs() {
        for (input, parts, word) in [
            ("abcd", &["ac", "b"][..], "together are not INPUT"),
            ("abcd", &["abc", "bd"], "together are not INPUT"),
            ("abab", &["aa", "ab"], "together are not INPUT"),
            ("abcd", &["ax", "bcd"], "packet 2 of OUTPUT"),
            ("abcd", &["ac", "db"], "packet 2 of dropped packets"),
            ("abcd", &["ca"], "packet 2 of OUTPUT"),
            ("abc", &["abcc"], "packet 4 of OUTPUT"),
        ] {
            let what = said(input, parts).unwrap_err();
            assert!(what.contains(word), "{input} {parts:?}: {what}");
        }
    }

    #[test]
    fn a_packet_twice_is_not_the_same_packet_sent_again() {
        let sent_at = |role: &'static str, seconds: &[u8]| {
            let mut bytes = datagrams(&[]);
            for second in seconds {
                let mut record = datagrams(&[b"a"]).split_off(24);
                record[0] = *second;
                bytes.extend(record);
            }
            let capture = CaptureReader::open(Cursor::new(bytes)).unwrap();
            Part::new(role, capture, seconds.len() as u64)
        };
        let compared = |kept: &[u8], dropped: &[u8]| {
            let parts = vec![sent_at("OUTPUT", kept), sent_at("dropped packets", dropped)];
            compare(sent_at("INPUT", &[1, 2]), parts).unwrap()
        };
        assert!(matches!(compared(&[2], &[1]), Compared::Agrees(_)));
        assert!(matches!(compared(&[1], &[1]), Compared::Differs(_)));
    }

    #[test]
    fn numbers_that_are_not_the_reports_differ() {
        let compared = compare(part("INPUT", &[b"a"], 2), Vec::new()).unwrap();
        let differs = Compared::Differs("INPUT holds 1, the report tells of 2".to_owned());
        assert_eq!(compared, differs);
    }
}
