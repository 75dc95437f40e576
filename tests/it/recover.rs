//! Captures that are damaged in places, read to the end with `--recover`.

use serde_json::Value;

use crate::program::{Bench, Filtered, list, number, run, run_with_input};
use crate::{records, testdata};

/// `web.pcap` with the headers of these records destroyed.
pub(crate) fn web_without(broken: &[usize]) -> (Vec<u8>, Vec<u8>) {
    let whole = testdata::bytes("web.pcap");
    let ends = records::read(&whole).ends;
    let mut damaged = whole.clone();
    let mut sound = whole[..ends[0]].to_vec();
    for i in 0..ends.len() - 1 {
        if broken.contains(&i) {
            damaged[ends[i] + 4..ends[i] + 14].fill(0xb6);
        } else {
            sound.extend_from_slice(&whole[ends[i]..ends[i + 1]]);
        }
    }
    (damaged, sound)
}

pub(crate) const BROKEN: [usize; 5] = [0, 57, 58, 300, 682];

#[test]
fn a_sound_capture_is_filtered_as_without() {
    let bench = Bench::new();
    for sample in testdata::samples() {
        let input = bench.put("input", &sample.bytes);
        let [with, without] = [
            &["--recover", "--block-app", "YouTube"][..],
            &["--block-app", "YouTube"],
        ]
        .map(|options| bench.filter(&input, options));
        assert_eq!(with.run.status, without.run.status, "{}", sample.name);
        assert!(with.output == without.output, "{}", sample.name);
        assert!(with.dropped == without.dropped, "{}", sample.name);
        assert_eq!(with.run.stderr, without.run.stderr, "{}", sample.name);
        assert!(with.report == without.report, "{}", sample.name);
    }
}

#[test]
fn what_is_sound_is_split_and_the_rest_is_in_neither() {
    let bench = Bench::new();
    let (damaged, sound) = web_without(&BROKEN);
    let input = bench.put("damaged", &damaged);
    for options in [
        &[][..],
        &["--block-app", "YouTube"],
        &["--block-app", "YouTube", "--whole-flow"],
    ] {
        let filtered = bench.filter(&input, &[options, &["--recover"]].concat());
        filtered.run.assert_status(3, "damaged");
        records::assert_split(&sound, filtered.kept(), filtered.gone(), "damaged");
        if options.is_empty() {
            assert!(filtered.kept() == sound);
        }
        let report = filtered.json();
        assert_eq!(number(&report, "/packets/total"), 683 - 5);
    }
}

#[test]
fn what_was_skipped_is_told_everywhere() {
    let bench = Bench::new();
    let (damaged, sound) = web_without(&BROKEN);
    let ends = records::read(&testdata::bytes("web.pcap")).ends;
    let filtered = bench.filter(&bench.put("damaged", &damaged), &["--recover"]);
    let report = filtered.json();
    // The second and the third are neighbours.
    assert_eq!(number(&report, "/input/skipped_count"), 4);
    let bytes = (damaged.len() - sound.len()) as u64;
    assert_eq!(number(&report, "/input/skipped_bytes"), bytes);
    let skipped = list(&report, "/input/skipped");
    let place = |skip: &Value| (number(skip, "/offset"), number(skip, "/length"));
    let expected = [(0, 1), (57, 59), (300, 301), (682, 683)]
        .map(|(from, to)| (ends[from] as u64, (ends[to] - ends[from]) as u64));
    assert_eq!(skipped.iter().map(place).collect::<Vec<_>>(), expected);
    assert_eq!(report["input"]["damage"]["offset"], ends[0]);
    for (offset, length) in expected {
        let line = format!("skipped {length} bytes at byte {offset}: ");
        assert!(
            filtered.run.stderr.contains(&line),
            "{}",
            filtered.run.stderr
        );
    }
    let text = filtered.run.text();
    assert!(
        text.contains(&format!("{bytes} bytes at 4 places")),
        "{text}"
    );
}

#[test]
fn the_lines_on_standard_error_are_bounded() {
    let bench = Bench::new();
    let every_fifth: Vec<usize> = (0..683).step_by(5).collect();
    let (damaged, sound) = web_without(&every_fifth);
    let filtered = bench.filter(&bench.put("damaged", &damaged), &["--recover", "--quiet"]);
    assert!(filtered.kept() == sound);
    let lines: Vec<_> = filtered.run.stderr.lines().collect();
    assert_eq!(lines.len(), 1 + 20 + 1, "{lines:#?}");
    assert!(lines[21].contains("at 137 places in all"), "{}", lines[21]);
    assert_eq!(list(&filtered.json(), "/input/skipped").len(), 137);
}

fn made(filtered: &Filtered) -> [&Option<Vec<u8>>; 4] {
    let Filtered {
        output,
        dropped,
        report,
        flows,
        ..
    } = filtered;
    [output, dropped, report, flows]
}

#[test]
fn workers_and_pipes_change_nothing() {
    let bench = Bench::new();
    let (damaged, _) = web_without(&BROKEN);
    let input = bench.put("damaged", &damaged);
    for more in [&[][..], &["--whole-flow"]] {
        let options = [&["--recover", "--block-app", "YouTube"], more].concat();
        let with =
            |workers| bench.filter(&input, &[&options[..], &["--workers", workers]].concat());
        let one = with("1");
        one.run.assert_status(3, "one worker");
        for workers in ["2", "8"] {
            assert!(made(&with(workers)) == made(&one), "{workers} workers");
        }
        let mut args = vec!["-", "-", "--recover", "--block-app", "YouTube", "--quiet"];
        args.extend(more);
        let piped = run_with_input(&args, &damaged);
        piped.assert_status(3, "a pipe");
        assert!(Some(&piped.stdout) == one.output.as_ref(), "a pipe");
    }
}

#[test]
fn blocks_of_a_pcapng_are_found_again() {
    let bench = Bench::new();
    let whole = testdata::bytes("ng_blocks_le.pcapng");
    let ends = records::read(&whole).ends;
    let mut damaged = whole.clone();
    // The fourth block claims another length than it has.
    damaged[ends[3] + 4] ^= 0x40;
    let input = bench.put("damaged", &damaged);
    let filtered = bench.filter(&input, &["--recover"]);
    filtered.run.assert_status(3, "a broken block");
    let sound = [&whole[..ends[3]], &whole[ends[4]..]].concat();
    assert!(filtered.kept() == sound);
    let without = bench.filter(&input, &[]);
    assert!(without.kept() == &whole[..ends[3]]);
}

#[test]
fn a_destroyed_file_header_is_beyond_recovery() {
    let bench = Bench::new();
    let mut bytes = testdata::bytes("web.pcap");
    bytes[..4].fill(0);
    let input = bench.put("headless", &bytes);
    let run = run([
        input.as_os_str(),
        "--dry-run".as_ref(),
        "--recover".as_ref(),
    ]);
    run.assert_status(1, "no magic");
    assert!(run.stderr.contains("no capture"), "{}", run.stderr);
}
