//! Captures that are damaged in places, and read all the same.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::capture::recover::{MAX_BROKEN_CLAIMS, REACH};
use crate::capture::{CHUNK_LEN, MAX_LISTED_SKIPS};

fn recover(bytes: &[u8]) -> Delivered {
    recover_from(io::Cursor::new(bytes.to_vec()))
}

fn recover_from(source: impl Read + Send + 'static) -> Delivered {
    let options = ReadOptions {
        recover: true,
        ..ReadOptions::default()
    };
    read_with(source, options).unwrap()
}

/// A capture, and where its records or blocks stand, packets or not.
struct Sample {
    bytes: Vec<u8>,
    records: Vec<Range<usize>>,
    header_len: usize,
}

/// A pcap of frames of noise, a third of a second apart.
fn pcap_sample((magic, is_big): (u32, bool), frames: usize) -> Sample {
    let mut random = Random(11);
    let write = |words: &[u32]| if is_big { be(words) } else { le(words) };
    let version = if is_big { 0x0002_0004 } else { 0x0004_0002 };
    let header_len = if magic == 0xa1b2_cd34 { 24 } else { 16 };
    let mut bytes = write(&[magic, version, 0, 0, 65_535, 1]);
    let mut records = Vec::new();
    for i in 0..frames as u32 {
        let start = bytes.len();
        let len = 60 + random.below(400) as u32;
        // Some are cut by a snaplen.
        let origlen = if i % 5 == 0 { len + 1_000 } else { len };
        let seconds = 1_700_000_000 + i / 3;
        bytes.extend(write(&[seconds, i % 3 * 333_333, len, origlen]));
        bytes.resize(start + header_len, 0);
        bytes.extend((0..len).map(|_| random.below(256) as u8));
        records.push(start..bytes.len());
    }
    Sample {
        bytes,
        records,
        header_len,
    }
}

fn pcapng_sample(frames: usize) -> Sample {
    let mut random = Random(13);
    let mut bytes = section();
    let mut records = Vec::new();
    let mut put = |block: Vec<u8>| {
        records.push(bytes.len()..bytes.len() + block.len());
        bytes.extend(block);
    };
    put(interface(1, 0, &[]));
    for i in 0..frames as u64 {
        let len = 60 + random.below(400);
        let frame: Vec<u8> = (0..len).map(|_| random.below(256) as u8).collect();
        put(match i % 7 {
            5 => block(3, &[&le(&[len as u32])[..], &frame].concat()),
            6 => block(0xbad, &frame),
            _ => enhanced(0, 1_700_000_000_000_000 + i * 1_000, &frame),
        });
    }
    Sample {
        bytes,
        records,
        header_len: 8,
    }
}

const PCAPS: [(u32, bool); 6] = [
    (0xa1b2_c3d4, false),
    (0xa1b2_c3d4, true),
    (0xa1b2_3c4d, false),
    (0xa1b2_3c4d, true),
    (0xa1b2_cd34, false),
    (0xa1b2_cd34, true),
];

/// Every byte is delivered or told to be skipped, and no delivered one was changed.
fn assert_accounts(damaged: &[u8], got: &Delivered, what: &str) {
    let skipped = &got.summary.skipped;
    assert_eq!(
        got.bytes.len() as u64 + skipped.bytes,
        damaged.len() as u64,
        "{what}"
    );
    assert_eq!(skipped.count == 0, got.summary.damage.is_none(), "{what}");
    if skipped.count > MAX_LISTED_SKIPS as u64 {
        return;
    }
    let mut expected = Vec::new();
    let mut at = 0;
    for skip in &skipped.listed {
        let (start, end) = (skip.offset as usize, (skip.offset + skip.length) as usize);
        assert!(at <= start && start < end, "{what}: {skipped:?}");
        expected.extend_from_slice(&damaged[at..start]);
        at = end;
    }
    expected.extend_from_slice(&damaged[at..]);
    assert!(expected == got.bytes, "{what}: other bytes were skipped");
}

#[test]
fn a_sound_capture_reads_the_same() {
    let mut samples: Vec<Vec<u8>> = PCAPS.map(|kind| pcap_sample(kind, 50).bytes).to_vec();
    samples.push(pcapng_sample(50).bytes);
    samples.push(pcap_of(&[]));
    samples.push(large_pcap(3_000));
    let long = vec![0xaa; 3 * CHUNK_LEN + 5];
    samples.push(pcap_of(&[b"before", &long, b"after", &long]));
    samples.push([section(), block(0xbad, &long), enhanced(0, 0, b"x")].concat());
    for bytes in samples {
        assert_eq!(
            recover(&bytes).content(),
            read_bytes(&bytes).unwrap().content()
        );
    }
}

#[test]
fn headers_that_real_captures_have_are_no_damage() {
    // Fractions beyond a second, more captured than there was, leaps of decades, nothing on the wire: one in three, and all.
    for every in [1, 3] {
        for odd in [
            [1_700_000_000, 4_000_000_000, 60, 60],
            [1_700_000_000, 1, 60, 20],
            [1, 1, 60, 60],
            [1_700_000_000, 1, 60, 0],
        ] {
            let mut capture = le(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1]);
            for i in 0..1_000 {
                let usual = [1_700_000_000, i, 60, 60];
                capture.extend(le(if i % every == 0 { &odd } else { &usual }));
                capture.extend([0x55; 60]);
            }
            let got = recover(&capture);
            assert_eq!(got.content(), read_bytes(&capture).unwrap().content());
        }
    }
}

/// Ways to break a record's header, by what is written where.
fn breakages(header_len: usize) -> Vec<(usize, Vec<u8>)> {
    let mut ways = vec![
        (0, vec![0; header_len]),
        (0, vec![0xff; header_len]),
        (0, vec![0x20; header_len]),
        (0, vec![0xa5; 48]),
    ];
    for byte in 0..8 {
        ways.push((8 + byte, vec![0xff]));
        ways.push((8 + byte, vec![0x01]));
    }
    ways
}

#[test]
fn only_records_with_broken_headers_are_lost() {
    for kind in PCAPS {
        let sample = pcap_sample(kind, 12);
        let whole = read_bytes(&sample.bytes).unwrap();
        for (at, bytes) in breakages(sample.header_len) {
            for broken in 0..sample.records.len() {
                let mut damaged = sample.bytes.clone();
                let start = sample.records[broken].start + at;
                damaged[start..start + bytes.len()].copy_from_slice(&bytes);
                let got = recover(&damaged);
                let what = format!("{kind:x?}, record {broken}, {bytes:x?} at {at}");
                assert_accounts(&damaged, &got, &what);
                for (i, packet) in whole.packets.iter().enumerate() {
                    let is_there = got
                        .packets
                        .iter()
                        .any(|other| (other.ns, &other.frame) == (packet.ns, &packet.frame));
                    assert!(is_there || i == broken, "{what}: {i} is lost");
                }
                assert!(got.packets.len() <= whole.packets.len(), "{what}");
            }
        }
    }
}

#[test]
fn only_broken_blocks_are_lost() {
    let sample = pcapng_sample(15);
    let whole = read_bytes(&sample.bytes).unwrap();
    for broken in 1..sample.records.len() {
        let block = sample.records[broken].clone();
        let last = block.len() - 4;
        for at in [4, 5, 6, 7, last, last + 1, last + 2, last + 3] {
            for flip in [0xff, 0x01, 0x80] {
                let mut damaged = sample.bytes.clone();
                damaged[block.start + at] ^= flip;
                let got = recover(&damaged);
                let what = format!("block {broken}, {flip:x} at {at}");
                assert_accounts(&damaged, &got, &what);
                let expected: Vec<_> = whole
                    .packets
                    .iter()
                    .filter(|packet| packet.at != block)
                    .map(|packet| &packet.frame)
                    .collect();
                let frames: Vec<_> = got.packets.iter().map(|packet| &packet.frame).collect();
                assert!(frames == expected, "{what}: {} packets", frames.len());
            }
        }
    }
}

#[test]
fn a_hole_longer_than_a_chunk_is_stepped_over() {
    for filling in [0, 0xee] {
        for sample in [pcap_sample(PCAPS[0], 40), pcapng_sample(40)] {
            let whole = read_bytes(&sample.bytes).unwrap();
            let (before, behind) = sample.bytes.split_at(sample.records[20].start);
            let damaged = [before, &vec![filling; CHUNK_LEN + 3], behind].concat();
            let got = recover(&damaged);
            assert_accounts(&damaged, &got, "hole");
            assert!(got.bytes == whole.bytes);
            let skips = &got.summary.skipped.listed;
            let [skip] = &skips[..] else {
                panic!("{skips:?}");
            };
            assert_eq!(skip.offset, before.len() as u64);
            assert_eq!(skip.length, (CHUNK_LEN + 3) as u64);
        }
    }
}

#[test]
fn bytes_that_are_missing_or_too_many_are_stepped_over() {
    for sample in [pcap_sample(PCAPS[1], 40), pcapng_sample(40)] {
        let whole = read_bytes(&sample.bytes).unwrap();
        let middle = sample.records[20].start;
        for cut in [1, 3, 7, 40] {
            let damaged = [&sample.bytes[..middle - cut], &sample.bytes[middle..]].concat();
            let got = recover(&damaged);
            assert_accounts(&damaged, &got, "missing");
            let lost = whole.packets.len() - got.packets.len();
            assert!(lost <= 1, "{cut} bytes cost {lost} packets");
            let damaged = [
                &sample.bytes[..middle],
                &sample.bytes[5_000..5_000 + cut],
                &sample.bytes[middle..],
            ]
            .concat();
            let got = recover(&damaged);
            assert_accounts(&damaged, &got, "too many");
            assert_eq!(got.packets.len(), whole.packets.len());
        }
    }
}

#[test]
fn every_prefix_gives_what_it_gives_otherwise() {
    for sample in [pcap_sample(PCAPS[0], 4), pcapng_sample(6)] {
        for cut in 60..sample.bytes.len() {
            let (got, plain) = (
                recover(&sample.bytes[..cut]),
                read_bytes(&sample.bytes[..cut]),
            );
            let plain = plain.unwrap();
            assert!(got.bytes == plain.bytes, "{cut}");
            assert_eq!(got.damage(), plain.damage(), "{cut}");
            assert_accounts(&sample.bytes[..cut], &got, "cut");
        }
    }
}

#[test]
fn a_record_that_claims_the_rest_of_the_capture_does_not_get_it() {
    let sample = pcap_sample(PCAPS[0], 40);
    let whole = read_bytes(&sample.bytes).unwrap();
    let mut damaged = sample.bytes.clone();
    let start = sample.records[20].start;
    damaged[start + 8..start + 16].copy_from_slice(&le(&[60_000, 60_000]));
    let got = recover(&damaged);
    assert_eq!(got.packets.len(), whole.packets.len() - 1);
    assert_accounts(&damaged, &got, "claims the rest");
}

#[test]
fn an_odd_record_that_claims_megabytes_behind_a_hole_does_not_get_them() {
    // No sound record within its reach, so that only where it claims to end can tell.
    let sample = pcap_sample(PCAPS[0], 6_000);
    let (before, behind) = sample.bytes.split_at(sample.records[20].start);
    let stretch = &before[24..];
    let claim = le(&[77, 5, 1 << 20, 3]);
    let hole = [&claim[..], &[0xee; REACH + 100]].concat();
    for holes in [1, MAX_BROKEN_CLAIMS as usize + 3] {
        let many = [&hole[..], stretch].concat().repeat(holes);
        let damaged = [before, &many, behind].concat();
        let got = recover(&damaged);
        assert_accounts(&damaged, &got, "claims");
        assert!(got.bytes == [before, &stretch.repeat(holes), behind].concat());
        let dripped = recover_from(Drip(io::Cursor::new(damaged), 60_013));
        assert!(dripped.content() == got.content());
    }
    // One that is odd, but where it says, is a record.
    let odd = [&claim[..], &[0xee; 1 << 20]].concat();
    let capture = [before, &odd, behind].concat();
    let got = recover(&capture);
    assert_eq!(got.content(), read_bytes(&capture).unwrap().content());
}

#[test]
fn blocks_beyond_the_reach_are_believed_until_too_many_were_none() {
    let most = MAX_BROKEN_CLAIMS as usize;
    let sound = [enhanced(0, 0, b"a"), enhanced(0, 1, b"b")].concat();
    let broken = [le(&[6, 200_000]), vec![0; 56], sound.clone()].concat();
    let long = block(0xbad, &vec![0xaa; 300_000]);
    for (claims, is_believed) in [(most - 1, true), (most, false)] {
        let damaged = [
            &section()[..],
            &interface(1, 0, &[]),
            &sound,
            &broken.repeat(claims),
            &long,
            &sound,
        ]
        .concat();
        let got = recover(&damaged);
        assert_accounts(&damaged, &got, "claims");
        assert_eq!(got.packets.len(), 2 * (claims + 2));
        let is_there = memchr::memmem::find(&got.bytes, &long).is_some();
        assert_eq!(is_there, is_believed, "{claims} broken claims");
    }
}

#[test]
fn what_is_beyond_the_reach_does_not_tell_whether_it_is_there_or_not() {
    // Two odd records, the second of them longer than the reach; what follows is none.
    let mut capture = pcap_of(&[b"one", b"two", b"three"]);
    capture.extend(le(&[77, 5, 60, 3]));
    capture.extend([0xee; 60]);
    capture.extend(le(&[77, 5, REACH as u32 + 9, 3]));
    capture.extend([0xee; 3 * REACH]);
    let got = recover(&capture);
    for step in [1_000, REACH + 200, 2 * REACH - 1] {
        let dripped = recover_from(Drip(io::Cursor::new(capture.clone()), step));
        assert!(dripped.content() == got.content(), "{step} bytes at once");
    }
}

#[test]
fn after_a_leap_in_time_behind_damage_a_long_chain_is_believed() {
    // A clock that was set while the capture ran, and the record at which it was is broken.
    let sample = pcap_sample(PCAPS[0], 60);
    let mut damaged = sample.bytes.clone();
    for record in &sample.records[..20] {
        damaged[record.start..record.start + 4].copy_from_slice(&le(&[77]));
    }
    let broken = sample.records[20].start;
    damaged[broken..broken + 16].fill(0xff);
    let got = recover(&damaged);
    assert_eq!(got.packets.len(), sample.records.len() - 1);
}

/// Counts reads.
struct Counting<R>(R, Arc<AtomicUsize>);

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read(buffer)
    }
}

#[test]
fn the_effort_does_not_grow_with_the_damage() {
    // Every sixth header claims megabytes, or more than the reach, or is blank, or text; each is followed by a sound stretch.
    for claim in [
        le(&[0, 0, 15 << 20, 0]),
        le(&[0, 0, 200_000, 200_000]),
        vec![0; 16],
        vec![0x41; 16],
    ] {
        for sample in [pcap_sample(PCAPS[0], 6_000), pcapng_sample(6_000)] {
            let mut damaged = sample.bytes.clone();
            for record in sample.records.iter().skip(9).step_by(6) {
                damaged[record.start..record.start + sample.header_len]
                    .copy_from_slice(&claim[16 - sample.header_len..]);
            }
            let reads = Arc::new(AtomicUsize::new(0));
            let source = Counting(io::Cursor::new(damaged.clone()), Arc::clone(&reads));
            let got = recover_from(source);
            assert_accounts(&damaged, &got, "many");
            assert!(got.packets.len() > 3_500, "{}", got.packets.len());
            // Each read fills a chunk, which at least half of was new; but for blocks that claim megabytes, of which few are believed.
            let most = 2 * damaged.len() / CHUNK_LEN + 20;
            let reads = reads.load(Ordering::Relaxed);
            assert!(reads <= most, "{reads} reads, {most} at most");
            let dripped = recover_from(Drip(io::Cursor::new(damaged), 60_013));
            assert!(dripped.content() == got.content());
        }
    }
}

#[test]
fn the_list_of_skipped_stretches_is_bounded_and_the_totals_are_not() {
    let sample = pcap_sample(PCAPS[0], 5_000);
    let mut damaged = sample.bytes.clone();
    for record in sample.records.iter().skip(4).step_by(4) {
        damaged[record.start..record.start + 16].fill(0);
    }
    let skipped = recover(&damaged).summary.skipped;
    assert_eq!(skipped.count, 1_249);
    assert_eq!(skipped.listed.len(), MAX_LISTED_SKIPS);
    let listed: u64 = skipped.listed.iter().map(|skip| skip.length).sum();
    assert!(listed < skipped.bytes);
}

#[test]
fn what_cannot_be_decompressed_still_ends_the_reading() {
    use super::compressed::pack;
    use crate::capture::Compression;

    let sample = pcap_sample(PCAPS[0], 200);
    let mut damaged = sample.bytes.clone();
    let broken = sample.records[2].start;
    damaged[broken..broken + 16].fill(0xff);
    let compressed = pack(Compression::Gzip, &damaged);
    let got = recover(&compressed);
    assert_eq!(got.packets.len(), 199);
    assert_eq!(got.damage().unwrap().0, broken as u64);
    assert!(got.summary.went_on());
    let got = recover(&compressed[..compressed.len() / 2]);
    assert!(
        (50..199).contains(&got.packets.len()),
        "{}",
        got.packets.len()
    );
    assert_eq!(
        got.summary.skipped.count, 2,
        "the broken one, and the one that was cut"
    );
    // Where the reading ended, not where it went on.
    let summary = &got.summary;
    let damage = summary.damage.as_ref().unwrap();
    assert_eq!(
        damage.reason,
        DamageReason::CompressionCut(Compression::Gzip)
    );
    assert_eq!(damage.offset, summary.bytes);
    assert!(!summary.went_on());
}

/// Spots to damage: where in the capture, in millionths; how many bytes; and what becomes of them.
fn spots() -> impl Strategy<Value = Vec<(usize, usize, Option<u8>)>> {
    let filling = prop_oneof![Just(None), Just(Some(0)), any::<u8>().prop_map(Some)];
    prop::collection::vec((0..1_000_000usize, 1..90usize, filling), 1..12)
}

fn damage(sample: &Sample, spots: &[(usize, usize, Option<u8>)], least: usize) -> Vec<u8> {
    let mut damaged = sample.bytes.clone();
    for &(place, len, filling) in spots {
        let at = least + place * (damaged.len() - least) / 1_000_000;
        for byte in damaged.iter_mut().skip(at).take(len) {
            *byte = filling.unwrap_or(!*byte);
        }
    }
    damaged
}

/// What is promised: a record that is whole is read when the one before it was whole and read, or when so many headers behind it are whole.
fn assert_promise(sample: &Sample, damaged: &[u8], headers: usize) {
    let got = recover(damaged);
    assert_accounts(damaged, &got, "random");
    let is_whole = |range: Range<usize>| sample.bytes.get(range.clone()) == damaged.get(range);
    let mut was_read = true;
    let mut delivered = got.bytes.as_slice();
    for (i, record) in sample.records.iter().enumerate() {
        let are_headers_whole = (i + 1..=i + headers).all(|next| {
            let header = sample.records.get(next);
            header.is_none_or(|next| {
                let end = next.start.saturating_add(sample.header_len);
                is_whole(next.start..end.min(next.end))
            })
        });
        let is_promised = is_whole(record.clone()) && (was_read || are_headers_whole);
        let bytes = &sample.bytes[record.clone()];
        let place = memchr::memmem::find(delivered, bytes);
        assert!(place.is_some() || !is_promised, "record {i} is lost");
        was_read = is_promised;
        if let Some(place) = place.filter(|_| is_promised) {
            delivered = &delivered[place + bytes.len()..];
        }
    }
    let dripped = recover_from(Drip(io::Cursor::new(damaged.to_vec()), 997));
    assert!(dripped.content() == got.content());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn of_a_damaged_pcap_whole_records_are_read_again(kind in 0..PCAPS.len(), spots in spots()) {
        let sample = pcap_sample(PCAPS[kind], 60);
        assert_promise(&sample, &damage(&sample, &spots, 24), 2);
    }

    #[test]
    fn of_a_damaged_pcapng_whole_blocks_are_read_again(spots in spots()) {
        let mut sample = pcapng_sample(60);
        let least = sample.records[1].start;
        // All of a block is what tells it.
        sample.header_len = usize::MAX;
        assert_promise(&sample, &damage(&sample, &spots, least), 1);
    }

    #[test]
    fn noise_behind_a_header_never_panics(noise in prop::collection::vec(any::<u8>(), 0..3_000)) {
        for head in [pcap_of(&[]), section()] {
            let bytes = [head, noise.clone()].concat();
            let got = recover(&bytes);
            assert_accounts(&bytes, &got, "noise");
        }
    }
}
