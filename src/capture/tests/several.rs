//! Several captures read as one.

use std::io::{self, Cursor, Read};

use proptest::prelude::*;

use super::super::{CHUNK_LEN, MAX_OVERLAPPING, Part, Several};
use super::*;

/// A capture in memory.
struct Memory {
    name: String,
    bytes: Vec<u8>,
    /// Whether it can be read only once.
    is_stream: bool,
    opened: u32,
}

impl Part for Memory {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn look(&mut self) -> io::Result<Option<Box<dyn Read + Send>>> {
        let source = Box::new(Cursor::new(self.bytes.clone()));
        Ok((!self.is_stream).then_some(source as Box<dyn Read + Send>))
    }

    fn open(&mut self) -> io::Result<Box<dyn Read + Send>> {
        self.opened += 1;
        assert!(self.opened == 1, "{} is opened again", self.name);
        Ok(Box::new(Cursor::new(self.bytes.clone())))
    }

    fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn parts(captures: &[Vec<u8>], is_stream: impl Fn(usize) -> bool) -> Vec<Box<dyn Part>> {
    let parts = captures.iter().enumerate().map(|(i, bytes)| {
        let part = Memory {
            name: format!("part {i}"),
            bytes: bytes.clone(),
            is_stream: is_stream(i),
            opened: 0,
        };
        Box::new(part) as Box<dyn Part>
    });
    parts.collect()
}

fn read_several(captures: &[Vec<u8>]) -> Result<Delivered, CaptureError> {
    let several = Several::look(parts(captures, |_| false), ReadOptions::default())?;
    deliver(CaptureReader::of_several(several))
}

/// What is wrong with several, in one line.
fn refused(captures: &[Vec<u8>]) -> String {
    let error = read_several(captures).unwrap_err();
    let mut told = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        told = format!("{told}: {cause}");
        source = cause.source();
    }
    told
}

const HEADER: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1];

/// A record of a microsecond pcap.
fn record(us: u32, len: usize) -> Vec<u8> {
    let (seconds, us) = (us / 1_000_000, us % 1_000_000);
    let mut record = le(&[seconds, us, len as u32, len as u32]);
    record.resize(16 + len, us as u8);
    record
}

fn pcap(records: &[Vec<u8>]) -> Vec<u8> {
    [le(&HEADER), records.concat()].concat()
}

/// Records one after the other in time, most of them small, some longer than a chunk.
fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let len = prop_oneof![8 => 0..2_000_usize, 2 => 30_000..90_000_usize, 1 => Just(CHUNK_LEN + 7)];
    let steps = prop::collection::vec((1..900_000_u32, len), 0..40);
    steps.prop_map(|steps| {
        let mut us = 0;
        let record = |(step, len)| {
            us += step;
            record(us, len)
        };
        steps.into_iter().map(record).collect()
    })
}

/// Reads several as one, in chunks as `patience` says, with some of them streams.
fn read_mixed(captures: &[Vec<u8>], streams: u8, patience: u8) -> Vec<u8> {
    let is_stream = |i: usize| streams >> (i % 8) & 1 == 1;
    let several = Several::look(parts(captures, is_stream), ReadOptions::default()).unwrap();
    let mut reader = CaptureReader::of_several(several);
    let (mut chunk, mut bytes, mut packets) = (Chunk::new(), Vec::new(), 0);
    let mut before = CHUNK_LEN;
    for turn in 0.. {
        let is_patient = patience >> (turn % 8) & 1 == 1;
        let filled = match is_patient {
            true => reader.fill_up(&mut chunk),
            false => reader.fill(&mut chunk),
        };
        if !filled.unwrap() {
            break;
        }
        assert_eq!(chunk.first_packet(), packets + 1);
        packets += chunk.records().len() as u64;
        bytes.extend_from_slice(chunk.bytes());
        if patience == u8::MAX {
            // Two of them hold one at least, so that a number of chunks is a number of bytes.
            let len = chunk.bytes().len();
            assert!(before + len > CHUNK_LEN, "{before} and {len}");
            before = len;
        }
    }
    assert_eq!(reader.summary().parts.len(), captures.len());
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_capture_that_was_cut_is_whole_again_in_whatever_order(
        records in records(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        (order, streams, patience) in (any::<u64>(), any::<u8>(), any::<u8>()),
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(records.len() + 1)).collect();
        cuts.extend([0, records.len()]);
        cuts.sort_unstable();
        let mut captures: Vec<_> = cuts.windows(2).map(|cut| pcap(&records[cut[0]..cut[1]])).collect();
        let count = captures.len();
        captures.rotate_left(order as usize % count);
        captures.swap(0, (order >> 8) as usize % count);
        prop_assert!(read_mixed(&captures, streams, patience) == pcap(&records));
    }

    #[test]
    fn records_that_were_dealt_out_are_in_order_again(
        records in records(),
        hands in prop::collection::vec(0..5_usize, 40),
        (streams, patience) in (any::<u8>(), prop_oneof![Just(u8::MAX), any::<u8>()]),
    ) {
        let mut dealt = vec![Vec::new(); 5];
        for (record, hand) in records.iter().zip(hands) {
            dealt[hand].push(record.clone());
        }
        let captures: Vec<_> = dealt.iter().map(|records| pcap(records)).collect();
        prop_assert!(read_mixed(&captures, streams, patience) == pcap(&records));
    }
}

#[test]
fn of_equal_times_the_capture_that_was_given_first_is_first() {
    let capture = |lens: [usize; 2]| pcap(&lens.map(|len| record(7, len)));
    let lens = |captures: &[Vec<u8>]| -> Vec<usize> {
        let read = read_several(captures).unwrap();
        read.packets
            .iter()
            .map(|packet| packet.frame.len())
            .collect()
    };
    let (a, b) = (capture([1, 2]), capture([3, 4]));
    assert_eq!(lens(&[a.clone(), b.clone()]), [1, 2, 3, 4]);
    assert_eq!(lens(&[b, a]), [3, 4, 1, 2]);
}

#[test]
fn no_captures_own_order_is_changed() {
    let wild = pcap(&[9, 1, 5].map(|us| record(us, us as usize)));
    let other = pcap(&[3, 10].map(|us| record(us, us as usize)));
    let read = read_several(&[wild, other]).unwrap();
    let order: Vec<_> = read
        .packets
        .iter()
        .map(|packet| packet.frame.len())
        .collect();
    // Its second and third are due as soon as its first was taken.
    assert_eq!(order, [3, 9, 1, 5, 10]);
}

#[test]
fn the_header_is_the_firsts_with_the_largest_snaplen() {
    let capture = |snaplen: u32, zone: u32, us: u32| {
        let mut header = HEADER;
        (header[2], header[4]) = (zone, snaplen);
        [le(&header), record(us, 4)].concat()
    };
    let header = |captures: &[Vec<u8>]| read_several(captures).unwrap().bytes[..24].to_vec();
    let expected = |snaplen| le(&[HEADER[0], HEADER[1], 3600, 0, snaplen, 1]);
    let (late, early) = (capture(262_144, 0, 9), capture(96, 3600, 1));
    assert_eq!(header(&[late, early.clone()]), expected(262_144));
    // 0 is no limit.
    assert_eq!(header(&[capture(0, 0, 9), early]), expected(0));
}

#[test]
fn what_cannot_be_one_capture_is_refused_with_names_and_what_was_found() {
    let plain = pcap(&[record(1, 4)]);
    let other = |word: usize, value: u32| {
        let mut header = HEADER;
        header[word] = value;
        le(&header)
    };
    let big = be(&HEADER);
    let section = hex("0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffff ffffffff 1c000000");
    for (unlike, found) in [
        (other(5, 113), "little-endian, microseconds, LINUX_SLL"),
        (
            other(0, 0xa1b2_3c4d),
            "little-endian, nanoseconds, ETHERNET",
        ),
        (other(0, 0xa1b2_cd34), "Kuznetzov's variant"),
        (other(1, 0x0003_0002), "version 2.3"),
        (other(5, 0x2400_0001), "a checksum of 4 bytes"),
        (big, "big-endian, microseconds, ETHERNET"),
        (section, "found pcapng,"),
    ] {
        let told = refused(&[plain.clone(), plain.clone(), unlike]);
        let start = "part 2 cannot be read as one capture with part 0: found ";
        assert!(told.starts_with(start) && told.contains(found), "{told}");
        let end = "expected pcap, little-endian, microseconds, ETHERNET, as in part 0; mergecap makes one capture of both";
        assert!(told.ends_with(end), "{told}");
    }
    let told = refused(&[plain, b"junk".to_vec()]);
    assert!(told.starts_with("part 1: no capture"), "{told}");
}

#[test]
fn too_many_that_overlap_are_refused_and_any_number_one_after_the_other_is_not() {
    let count = MAX_OVERLAPPING as u32 + 1;
    let captures = |last: u32| -> Vec<_> {
        let of = |i| pcap(&[record(i, 1), record(i + last, 1)]);
        (0..count).map(of).collect()
    };
    let told = refused(&captures(1_000));
    assert!(
        told.starts_with("part 256: more than 256 captures overlap"),
        "{told}"
    );
    let read = read_several(&captures(1)).unwrap();
    assert_eq!(read.packets.len(), 2 * MAX_OVERLAPPING + 2);
}

#[test]
fn damage_in_one_ends_that_one_and_is_told_of_it() {
    let whole: Vec<_> = (0..9).map(|us| record(us, 50)).collect();
    let mut captures = vec![pcap(&whole[..3]), pcap(&whole[3..6]), pcap(&whole[6..])];
    captures[1].truncate(24 + 66 + 10);
    let read = read_several(&captures).unwrap();
    assert_eq!(
        read.bytes,
        [pcap(&whole[..4]), whole[6..].concat()].concat()
    );
    assert_eq!(read.damage().unwrap().0, 24 + 66);
    let damaged: Vec<_> = read
        .summary
        .parts
        .iter()
        .map(|part| part.summary.damage.is_some())
        .collect();
    assert_eq!(damaged, [false, true, false]);
    // With its header, as in the file itself.
    assert_eq!(read.summary.parts[1].summary.bytes, 100);
}

#[test]
fn sections_follow_each_other_whole_and_it_is_told_where_they_overlap() {
    let section = |seconds: &[u32]| {
        let mut capture = hex(
            "0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffff ffffffff 1c000000
             01000000 14000000 01000000 00000000 14000000",
        );
        for second in seconds {
            let ticks = u64::from(*second) * 1_000_000;
            let (high, low) = ((ticks >> 32) as u32, ticks as u32);
            capture.extend(le(&[6, 36, 0, high, low, 4, 4, *second, 36]));
        }
        capture
    };
    let overlaps = |captures: &[Vec<u8>]| {
        let read = read_several(captures).unwrap();
        (read.bytes, read.summary.overlaps().collect::<Vec<_>>())
    };
    let (a, b, c) = (section(&[1, 5]), section(&[5, 9]), section(&[7, 8]));
    let in_order = [a.clone(), b.clone()].concat();
    assert_eq!(
        overlaps(&[b.clone(), a.clone()]),
        (in_order.clone(), vec![])
    );
    let all = [in_order, c.clone()].concat();
    assert_eq!(overlaps(&[c, b, a]), (all, vec![(1, 0)]));
}

#[test]
fn padding_that_a_capture_lacks_at_its_end_is_there_before_the_next() {
    let section = hex("0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffff ffffffff 1c000000");
    let interface = hex("01000000 14000000 01000000 00000000 14000000");
    // A simple packet of two bytes, and a block of nobody's: both without their padding.
    let packet = [le(&[3, 18, 2]), vec![0xaa, 0xbb], le(&[18])].concat();
    let odd = hex("adb00000 0f000000 010203 0f000000");
    for block in [packet, odd] {
        let first = [section.clone(), interface.clone(), block].concat();
        let read = read_several(&[first.clone(), section.clone()]).unwrap();
        let padding = vec![0; first.len().next_multiple_of(4) - first.len()];
        assert!(!padding.is_empty());
        assert_eq!(
            read.bytes,
            [first.clone(), padding, section.clone()].concat()
        );
        assert_eq!(read.damage(), None);
        let again = read_bytes(&read.bytes).unwrap();
        assert_eq!((again.damage(), again.packets), (None, read.packets));
    }
    // Behind the last one nothing has to stand.
    let odd = [section.clone(), hex("adb00000 0f000000 010203 0f000000")].concat();
    let read = read_several(&[section.clone(), odd.clone()]).unwrap();
    assert_eq!(read.bytes, [section, odd].concat());
}

#[test]
fn a_stream_without_packets_in_front_loses_nothing() {
    let section = hex("0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffff ffffffff 1c000000");
    let block = |word: u32| le(&[5, 16, word, 16]);
    let capture = [section.clone(), block(1), block(2)].concat();
    let captures = [capture.clone(), section.clone()];
    let several = Several::look(parts(&captures, |_| true), ReadOptions::default()).unwrap();
    let read = deliver(CaptureReader::of_several(several)).unwrap();
    assert_eq!(read.bytes, [capture, section].concat());
}
