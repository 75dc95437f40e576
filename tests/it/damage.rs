//! Damaged captures: everything readable is processed and written, and the damage is told.

use crate::program::{Bench, Filtered, run};
use crate::{records, testdata};

/// Fails unless the report and standard error tell of damage between `from` and `to`.
#[track_caller]
fn assert_damage(filtered: &Filtered, from: usize, to: usize, what: &str) {
    let damage = &filtered.json()["input"]["damage"];
    let offset = damage["offset"].as_u64();
    let offset = offset.unwrap_or_else(|| panic!("{what}: no damage in the report"));
    assert!(
        (from as u64..=to as u64).contains(&offset),
        "{what}: damage at {offset}, not in {from}..={to}"
    );
    assert!(
        !damage["reason"].as_str().unwrap_or_default().is_empty(),
        "{what}: no reason"
    );
    assert!(
        filtered.run.stderr.contains(&offset.to_string()),
        "{what}: standard error does not tell the offset: {}",
        filtered.run.stderr
    );
}

/// Cuts the capture at every offset.
fn cut_everywhere(name: &str) {
    let bench = Bench::new();
    let bytes = testdata::bytes(name);
    let reading = records::read(&bytes);
    for at in 0..=bytes.len() {
        let what = format!("{name} cut at {at}");
        let filtered = bench.filter(&bench.put("cut", &bytes[..at]), &[]);
        match reading.whole_before(at) {
            None => {
                filtered.run.assert_status(1, &what);
                assert_eq!(filtered.output, None, "{what}");
            }
            Some(end) if end == at => {
                filtered.run.assert_status(0, &what);
                assert!(filtered.kept() == &bytes[..at], "{what}");
            }
            Some(end) => {
                filtered.run.assert_status(3, &what);
                assert!(filtered.kept() == &bytes[..end], "{what}");
                assert_damage(&filtered, end, at, &what);
            }
        }
    }
}

#[test]
fn a_pcap_may_be_cut_anywhere() {
    cut_everywhere("pcap_le_us.pcap");
}

#[test]
fn a_pcapng_may_be_cut_anywhere() {
    cut_everywhere("ng_sections.pcapng");
}

#[test]
fn a_cut_capture_is_split_like_a_whole_one() {
    let bench = Bench::new();
    let bytes = testdata::bytes("web.pcap");
    let cut = &bytes[..bytes.len() / 2];
    let input = bench.put("cut", cut);
    for options in [
        &["--block-app", "YouTube"][..],
        &["--block-app", "YouTube", "--whole-flow"],
    ] {
        let filtered = bench.filter(&input, options);
        filtered.run.assert_status(3, "cut");
        records::assert_split(cut, filtered.kept(), filtered.gone(), "cut");
        assert!(!records::read(filtered.gone()).packets.is_empty());
    }
}

/// The offset of the record with index `nth`.
fn start_of(bytes: &[u8], nth: usize) -> usize {
    records::read(bytes).ends[nth]
}

#[test]
fn a_record_of_impossible_length_is_damage() {
    let bench = Bench::new();
    let whole = testdata::bytes("pcap_le_us.pcap");
    let at = start_of(&whole, 3);
    let mut bytes = whole.clone();
    bytes[at + 8..at + 12].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    let filtered = bench.filter(&bench.put("corrupt", &bytes), &[]);
    filtered.run.assert_status(3, "corrupt length");
    assert!(filtered.kept().starts_with(&whole[..at]));
    let (kept, input) = (records::read(filtered.kept()), records::read(&whole));
    assert!(records::is_subsequence(&kept.packets, &input.packets));
    assert_damage(&filtered, at, at + 16, "corrupt length");
}

#[test]
fn a_block_of_impossible_length_is_damage() {
    let bench = Bench::new();
    let whole = testdata::bytes("ng_blocks_le.pcapng");
    let at = start_of(&whole, 4);
    for length in [0_u32, 5, 11, 0xffff_ffff] {
        let mut bytes = whole.clone();
        bytes[at + 4..at + 8].copy_from_slice(&length.to_le_bytes());
        let what = format!("a block of {length} bytes");
        let filtered = bench.filter(&bench.put("corrupt", &bytes), &[]);
        filtered.run.assert_status(3, &what);
        assert!(filtered.kept().starts_with(&whole[..at]), "{what}");
        assert_damage(&filtered, at, at + 8, &what);
    }
}

#[test]
fn flipped_bytes_never_stop_the_program_in_its_tracks() {
    let bench = Bench::new();
    let mut dice: u64 = 0x2545_f491_4f6c_dd1d;
    let mut throw = |sides: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice % sides as u64) as usize
    };
    for name in [
        "web.pcap",
        "ng_blocks_be.pcapng",
        "ng_sections.pcapng",
        "link_tags.pcap",
        "hello_behind.pcap",
        "recorded/quic_chrome_fp.pcap",
        "recorded/dns_tcp.pcap",
        "recorded/vxlan.pcap",
    ] {
        let whole = testdata::bytes(name);
        for round in 0..8 {
            let mut bytes = whole.clone();
            for _ in 0..=throw(30) {
                let at = throw(bytes.len());
                bytes[at] ^= 1 << throw(8);
            }
            let filtered = bench.filter(&bench.put("flipped", &bytes), &["--block-app", "YouTube"]);
            let Some(status @ (0 | 1 | 3)) = filtered.run.status else {
                panic!("{name}, round {round}: {}", filtered.run.stderr);
            };
            filtered.run.assert_status(status, name);
            assert_eq!(status == 1, filtered.output.is_none(), "{name}, {round}");
        }
    }
}

#[test]
fn damage_is_told_in_the_text_report_or_beside_it() {
    let bench = Bench::new();
    let bytes = testdata::bytes("web.pcap");
    let input = bench.put("cut", &bytes[..1000]);
    let run = run([input.as_os_str(), "--dry-run".as_ref()]);
    run.assert_status(3, "cut");
    assert!(run.stderr.contains("cut"), "names the file: {}", run.stderr);
}
