//! Compression: of the input by its content, of the packets' files by their names; and what is refused.

use std::io::{Read, Write};
use std::path::Path;

use crate::program::{Bench, dpi_engine, run, run_with_input};
use crate::{records, testdata};

pub(crate) type Pack = fn(&[u8]) -> Vec<u8>;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(0);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Every compression that is undone.
pub(crate) const ALL: [(&str, Pack); 4] =
    [("gzip", gzip), ("zstd", zstd), ("lz4", lz4), ("xz", xz)];

#[test]
fn compression_is_told_by_content_and_undone() {
    let bench = Bench::new();
    for (name, pack) in ALL {
        for capture in ["web.pcap", "ng_sections.pcapng"] {
            let plain = testdata::bytes(capture);
            let (head, tail) = plain.split_at(plain.len() / 3);
            for parts in [pack(&plain), [pack(head), pack(tail)].concat()] {
                // The name says otherwise.
                let filtered = bench.filter(&bench.put("capture.pcap", &parts), &[]);
                filtered.run.assert_status(0, name);
                assert!(filtered.kept() == plain, "{name} of {capture}");
                assert_eq!(filtered.json()["input"]["compression"], name);
                assert_eq!(filtered.json()["input"]["file_bytes"], parts.len());
            }
        }
        let plain = testdata::bytes("web.pcap");
        let misnamed = bench.filter(&bench.put("plain.gz", &plain), &[]);
        assert!(misnamed.kept() == plain);
        assert!(misnamed.json()["input"]["compression"].is_null());
        let piped = run_with_input(["-", "-", "--whole-flow", "--quiet"], &pack(&plain));
        piped.assert_status(0, name);
        assert!(piped.stdout == plain, "{name} through a pipe");
    }
}

#[test]
fn a_cut_stream_gives_what_came() {
    let bench = Bench::new();
    let plain = testdata::bytes("web.pcap");
    // Blocks of LZ4 and chunks of xz come whole or not at all, and this capture is not much longer than one.
    for (name, pack) in [ALL[0], ALL[1]] {
        let packed = pack(&plain);
        let filtered = bench.filter(&bench.put("cut", &packed[..packed.len() / 2]), &[]);
        filtered.run.assert_status(3, name);
        assert!(plain.starts_with(filtered.kept()));
        assert!(records::read(filtered.kept()).packets.len() > 100, "{name}");
        let reason = filtered.json()["input"]["damage"]["reason"].clone();
        assert_eq!(reason, format!("the {name} data is cut short"));
    }
    for (name, pack) in ALL {
        let packed = [pack(&plain), b"trailing garbage".to_vec()].concat();
        let filtered = bench.filter(&bench.put("followed", &packed), &[]);
        filtered.run.assert_status(3, name);
        assert!(filtered.kept() == plain, "{name}");
    }
}

fn undone(path: &Path) -> Vec<u8> {
    let packed = std::fs::read(path).unwrap();
    let mut plain = Vec::new();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => {
            let mut decoder = flate2::read::GzDecoder::new(&packed[..]);
            decoder.read_to_end(&mut plain).unwrap();
        }
        Some("zst") => plain = zstd::decode_all(&packed[..]).unwrap(),
        _ => plain = packed,
    }
    plain
}

#[test]
fn names_make_outputs_compressed() {
    let bench = Bench::new();
    let input = testdata::path("web.pcap");
    let mut expected = None;
    for (kept, gone) in [
        ("kept.pcap", "gone.pcap"),
        ("kept.pcap.gz", "gone.pcap.zst"),
        ("kept.pcap.zst", "gone.gz"),
    ] {
        for more in [
            &[][..],
            &["--whole-flow", "--workers", "1"],
            &["--whole-flow"],
        ] {
            let [kept, gone] = [kept, gone].map(|name| bench.path(name));
            let mut command = dpi_engine([&input, &kept]);
            command.arg("--dropped").arg(&gone);
            command
                .args(["--block-app", "YouTube", "--quiet"])
                .args(more);
            assert!(command.status().unwrap().success());
            let made = [undone(&kept), undone(&gone)];
            records::assert_split(&testdata::bytes("web.pcap"), &made[0], &made[1], "packed");
            if !more.is_empty() {
                let expected = expected.get_or_insert_with(|| made.clone());
                assert!(*expected == made, "{more:?}");
            }
        }
    }
    let first = std::fs::read(bench.path("kept.pcap.gz")).unwrap();
    let filtered = run([
        input.as_os_str(),
        bench.path("kept.pcap.gz").as_os_str(),
        "--block-app=YouTube".as_ref(),
        "--whole-flow".as_ref(),
    ]);
    filtered.assert_status(0, "again");
    assert!(std::fs::read(bench.path("kept.pcap.gz")).unwrap() == first);
}

#[test]
fn a_compressed_input_has_a_plain_output_under_a_plain_name() {
    let bench = Bench::new();
    let plain = testdata::bytes("web.pcap");
    let input = bench.put("in.pcap.zst", &zstd(&plain));
    let out = bench.path("out.pcap");
    run([&input, &out]).assert_status(0, "plain");
    assert!(std::fs::read(&out).unwrap() == plain);
    // What came out compressed goes in again.
    let packed = bench.path("out.pcap.zst");
    run([&input, &packed]).assert_status(0, "packed");
    let filtered = bench.filter(&packed, &[]);
    assert!(filtered.kept() == plain);
    assert_eq!(filtered.json()["input"]["compression"], "zstd");
}

#[test]
fn a_run_that_fails_leaves_no_compressed_output() {
    let bench = Bench::new();
    let input = testdata::path("web.pcap");
    let args = [input.as_os_str(), bench.path("out.gz").as_os_str()].map(ToOwned::to_owned);
    let output = dpi_engine(args).args(["--json", "/dev/full"]).output();
    assert_eq!(output.unwrap().status.code(), Some(1));
    assert!(bench.left().is_empty(), "{:?}", bench.left());
}

/// 96 MiB of frames of zeroes, in some kilobytes.
fn bomb() -> Vec<u8> {
    let web = testdata::bytes("web.pcap");
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(&web[..24]).unwrap();
    let length = (1_u32 << 20).to_le_bytes();
    let frame = vec![0; 1 << 20];
    for _ in 0..96 {
        let header = [[0; 4], [0; 4], length, length].concat();
        encoder.write_all(&header).unwrap();
        encoder.write_all(&frame).unwrap();
    }
    encoder.finish().unwrap()
}

#[test]
fn a_bomb_is_refused_and_writes_nothing_unless_it_is_trusted() {
    let bench = Bench::new();
    let input = bench.put("bomb.zst", &bomb());
    bench.put("out", b"precious");
    for more in [&[][..], &["--whole-flow"]] {
        let mut command = dpi_engine([&input, &bench.path("out")]);
        let output = command.args(more).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("--max-expansion") && said.contains("bomb.zst"),
            "{said}"
        );
        assert_eq!(std::fs::read(bench.path("out")).unwrap(), b"precious");
        assert_eq!(bench.left(), ["bomb.zst", "out"]);
    }
    let trusted = run([
        input.as_os_str(),
        "--dry-run".as_ref(),
        "--max-expansion=1000000".as_ref(),
    ]);
    trusted.assert_status(0, "trusted");
    assert!(
        trusted.text().contains("Total packets:   96"),
        "{}",
        trusted.text()
    );
}
