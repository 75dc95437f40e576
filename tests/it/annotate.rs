//! `--annotate`: packets that are the input's, byte for byte, with comments that say what is known of their flows.

use std::io::Read;

use crate::program::{Bench, Filtered, dpi_engine, run, run_with_input};
use crate::records;
use crate::recover::{BROKEN, web_without};
use crate::testdata;

const OPT_COMMENT: u16 = 1;

/// A pcapng block, taken apart.
#[derive(Debug, Clone, PartialEq)]
struct Block {
    kind: u32,
    /// What stands before the options.
    fixed: Vec<u8>,
    options: Vec<(u16, Vec<u8>)>,
}

impl Block {
    fn comments(&self) -> impl Iterator<Item = &str> {
        let comments = self.options.iter().filter(|(code, _)| *code == OPT_COMMENT);
        comments.map(|(_, text)| std::str::from_utf8(text).unwrap())
    }

    const fn is_packet(&self) -> bool {
        matches!(self.kind, 2 | 3 | 6)
    }
}

/// The blocks of a pcapng; options only of sections, interfaces and packets.
fn blocks(mut bytes: &[u8]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut is_big = false;
    while !bytes.is_empty() {
        if bytes[..4] == [10, 13, 13, 10] {
            is_big = bytes[8] == 0x1a;
        }
        let u32_at = |at: usize| {
            let word = bytes[at..at + 4].try_into().unwrap();
            if is_big {
                u32::from_be_bytes(word)
            } else {
                u32::from_le_bytes(word)
            }
        };
        let (kind, len) = (u32_at(0), u32_at(4) as usize);
        assert_eq!(u32_at(len - 4) as usize, len, "both lengths agree");
        let fixed = match kind {
            0x0a0d_0d0a => 16,
            1 => 8,
            2 | 6 => 20 + (u32_at(20) as usize).next_multiple_of(4),
            _ => len - 12,
        };
        let mut options = Vec::new();
        let mut at = 8 + fixed;
        while at + 4 <= len - 4 {
            let half = |at: usize| {
                let half = bytes[at..at + 2].try_into().unwrap();
                if is_big {
                    u16::from_be_bytes(half)
                } else {
                    u16::from_le_bytes(half)
                }
            };
            let (code, size) = (half(at), usize::from(half(at + 2)));
            if code == 0 || at + 4 + size > len - 4 {
                break;
            }
            options.push((code, bytes[at + 4..at + 4 + size].to_vec()));
            at += 4 + size.next_multiple_of(4);
        }
        let fixed = bytes[8..8 + fixed].to_vec();
        blocks.push(Block {
            kind,
            fixed,
            options,
        });
        bytes = &bytes[len..];
    }
    blocks
}

/// The comments of packets, in order.
pub(crate) fn comments(bytes: &[u8]) -> Vec<String> {
    let blocks = blocks(bytes);
    let packets = blocks.iter().filter(|block| block.is_packet());
    packets
        .flat_map(|block| block.comments().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn frames(bytes: &[u8]) -> Vec<Vec<u8>> {
    let packets = records::read(bytes).packets;
    packets.iter().map(|packet| packet.frame.to_vec()).collect()
}

fn annotated(bench: &Bench, name: &str, options: &[&str]) -> Filtered {
    let options = [&["--annotate"], options].concat();
    let made = bench.filter(&testdata::path(name), &options);
    made.run.assert_status(0, name);
    made
}

#[test]
fn a_pcapng_keeps_its_blocks_and_every_option_and_gets_comments_besides() {
    let bench = Bench::new();
    for name in [
        "ng_blocks_le.pcapng",
        "ng_blocks_be.pcapng",
        "ng_sections.pcapng",
        "ng_unknown_interface.pcapng",
        "ng_empty.pcapng",
    ] {
        let made = annotated(&bench, name, &[]);
        let (before, after) = (std::fs::read(testdata::path(name)).unwrap(), made.kept());
        let (before, after) = (blocks(&before), blocks(after));
        assert_eq!(before.len(), after.len(), "{name}");
        let mut said = 0;
        for (old, new) in before.iter().zip(&after) {
            let is_section = old.kind == 0x0a0d_0d0a;
            assert_eq!(old.kind, new.kind, "{name}");
            if !is_section {
                assert_eq!(old.fixed, new.fixed, "{name}");
            }
            if old == new {
                assert!(!is_section, "{name}: a section without a comment");
                continue;
            }
            let (last, rest) = new.options.split_last().unwrap();
            assert_eq!(rest, old.options, "{name}");
            assert_eq!(last.0, OPT_COMMENT, "{name}");
            let text = std::str::from_utf8(&last.1).unwrap();
            assert_eq!(text.starts_with("dpi_engine "), is_section, "{text}");
            said += u64::from(!is_section);
        }
        let flows = made.flow_lines().len() as u64;
        // Simple packet blocks have no room for a comment, and the run says so.
        let unsaid = flows - said;
        assert_eq!(
            made.run.stderr.contains("have no comment"),
            unsaid > 0,
            "{name}"
        );
    }
}

#[test]
fn a_pcap_becomes_a_pcapng_with_the_same_packets_times_and_lengths() {
    let bench = Bench::new();
    for (name, resolution, fcs_len) in [
        ("pcap_le_us.pcap", None, None),
        ("pcap_be_us.pcap", None, None),
        ("pcap_le_ns.pcap", Some(9), None),
        ("pcap_be_ns.pcap", Some(9), None),
        ("pcap_kuznetzov.pcap", None, None),
        ("pcap_fcs.pcap", None, Some(4)),
        ("over_snaplen.pcap", None, None),
        ("link_radiotap.pcap", None, None),
    ] {
        let made = annotated(&bench, name, &[]);
        let before = std::fs::read(testdata::path(name)).unwrap();
        let is_big = before[0] == 0xa1;
        let u32_at = |bytes: &[u8], at: usize| {
            let word = bytes[at..at + 4].try_into().unwrap();
            if is_big {
                u32::from_be_bytes(word)
            } else {
                u32::from_le_bytes(word)
            }
        };
        let all = blocks(made.kept());
        let interface = &all[1];
        assert_eq!(interface.kind, 1, "{name}");
        assert_eq!(
            u32::from(interface.fixed[0]) | u32::from(interface.fixed[1]) << 8,
            u32_at(&before, 20) & 0xffff,
            "{name}: link"
        );
        assert_eq!(
            interface.fixed[4..8],
            u32_at(&before, 16).to_le_bytes(),
            "{name}: snaplen"
        );
        let option = |code| {
            interface
                .options
                .iter()
                .find(|(c, _)| *c == code)
                .map(|(_, value)| value[0])
        };
        assert_eq!((option(9), option(13)), (resolution, fcs_len), "{name}");
        let a_second = if resolution == Some(9) {
            1_000_000_000
        } else {
            1_000_000
        };
        let (old, new) = (records::read(&before), records::read(made.kept()));
        assert_eq!(old.packets.len(), new.packets.len(), "{name}");
        for (old, new) in old.packets.iter().zip(&new.packets) {
            assert_eq!(old.frame, new.frame, "{name}");
            let le = |at: usize| u32::from_le_bytes(new.record[at..at + 4].try_into().unwrap());
            let ticks = u64::from(le(12)) << 32 | u64::from(le(16));
            let was =
                u64::from(u32_at(old.record, 0)) * a_second + u64::from(u32_at(old.record, 4));
            assert_eq!(ticks, was, "{name}: time");
            assert_eq!(le(24), u32_at(old.record, 12), "{name}: length");
        }
    }
}

#[test]
fn each_flow_has_one_comment_in_each_output_that_it_is_in() {
    let bench = Bench::new();
    let rules = ["--block-app", "YouTube", "--block-domain", "*.tiktok.com"];
    for whole in [&[][..], &["--whole-flow"][..]] {
        let options = [&rules[..], whole].concat();
        let made = annotated(&bench, "web.pcap", &options);
        let (kept, gone) = (comments(made.kept()), comments(made.gone()));
        let flows = made.flow_lines();
        let count = |which: &dyn Fn(u64, u64) -> bool| {
            let figures = flows.iter().map(|flow| {
                (
                    flow["packets"].as_u64().unwrap(),
                    flow["dropped"].as_u64().unwrap(),
                )
            });
            figures
                .filter(|(packets, dropped)| which(*packets, *dropped))
                .count()
        };
        assert_eq!(kept.len(), count(&|packets, dropped| dropped < packets));
        assert_eq!(gone.len(), count(&|_, dropped| dropped > 0));
        assert!(gone.contains(&"application: YouTube; name: www.youtube.com; verdict: drop; rule: app:YouTube (--block-app)".to_owned()), "{gone:?}");
        assert!(
            kept.contains(&"application: GitHub; name: github.com; verdict: forward".to_owned()),
            "{kept:?}"
        );
        assert_eq!(
            kept.iter().any(|said| said.contains("YouTube")),
            whole.is_empty()
        );

        let input = std::fs::read(testdata::path("web.pcap")).unwrap();
        let plain = bench.filter(&testdata::path("web.pcap"), &options);
        assert_eq!(
            frames(made.kept()),
            frames(plain.kept()),
            "as without --annotate"
        );
        assert_eq!(
            frames(made.gone()),
            frames(plain.gone()),
            "as without --annotate"
        );
        assert_eq!(
            frames(made.kept()).len() + frames(made.gone()).len(),
            frames(&input).len()
        );
        assert_eq!(made.json()["packets"], plain.json()["packets"]);
        assert_eq!(made.flows, plain.flows);
    }
}

#[test]
fn a_pipe_and_any_number_of_workers_give_the_same() {
    let input = std::fs::read(testdata::path("web.pcap")).unwrap();
    let made = |workers| {
        let line = [
            "-",
            "-",
            "--annotate",
            "--block-app",
            "YouTube",
            "--workers",
            workers,
        ];
        let run = run_with_input(line, &input);
        run.assert_status(0, workers);
        run.stdout
    };
    let one = made("1");
    let sections = blocks(&one);
    let about: Vec<_> = sections[0].comments().collect();
    assert!(
        about[0].contains("; rules: 1, sha256 ") && about.len() == 1,
        "{about:?}"
    );
    assert!(one == made("8"));
}

#[test]
fn wherever_verdicts_come_from_packets_go_where_they_would_and_comments_say_why() {
    let bench = Bench::new();
    let youtube = ["--block-app", "YouTube"];
    let allow = ["--block-ip", "192.168.1.2", "--allow-app", "YouTube"];
    let kept_as = |rule| format!("application: YouTube; name: www.youtube.com; verdict: {rule}");
    let forward_by_block = kept_as("forward; rule: app:YouTube (--block-app)");
    let forward_by_allow = kept_as("forward; rule: app:YouTube (--allow-app)");
    for (rules, how, said) in [
        (youtube.as_slice(), &["--only"][..], &forward_by_block),
        (&youtube, &["--only", "--with-dns"], &forward_by_block),
        (&allow, &[], &forward_by_allow),
        (&allow, &["--whole-flow"], &forward_by_allow),
        (&allow, &["--with-dns"], &forward_by_allow),
    ] {
        let options = [rules, how].concat();
        let what = options.join(" ");
        let made = annotated(&bench, "web.pcap", &options);
        let plain = bench.filter(&testdata::path("web.pcap"), &options);
        assert_eq!(frames(made.kept()), frames(plain.kept()), "{what}");
        assert_eq!(frames(made.gone()), frames(plain.gone()), "{what}");
        assert_eq!(made.json()["packets"], plain.json()["packets"], "{what}");
        assert!(made.flows == plain.flows, "{what}");
        let (kept, gone) = (comments(made.kept()), comments(made.gone()));
        assert!(kept.contains(said), "{what}: {kept:#?}");
        let flows = made.flow_lines();
        for (side, packets_of) in [(&kept, false), (&gone, true)] {
            let is_in = flows.iter().filter(|flow| match packets_of {
                true => flow["dropped"] != 0,
                false => flow["dropped"] != flow["packets"],
            });
            assert_eq!(side.len(), is_in.count(), "{what}");
        }
    }
}

#[test]
fn what_is_recovered_is_annotated_as_well() {
    let bench = Bench::new();
    let (damaged, sound) = web_without(&BROKEN);
    let damaged = bench.put("damaged", &damaged);
    let made = bench.filter(&damaged, &["--annotate", "--recover"]);
    made.run.assert_status(3, "damaged");
    assert_eq!(frames(made.kept()), frames(&sound));
    assert_eq!(comments(made.kept()).len(), made.flow_lines().len());
}

#[test]
fn an_annotated_output_is_compressed_by_its_name_and_stands_a_check() {
    let bench = Bench::new();
    let rules = ["--block-app", "YouTube", "--annotate"];
    let input = testdata::path("web.pcap");
    let plain = bench.filter(&input, &rules);
    let (output, dropped, report) = (
        bench.path("out.pcapng.gz"),
        bench.path("dropped.pcapng.zst"),
        bench.path("report.json"),
    );
    let mut command = dpi_engine([&input, &output]);
    command.args(rules).arg("--sha256");
    command.arg("--dropped").arg(&dropped);
    command.arg("--json").arg(&report);
    assert!(command.output().unwrap().status.success());
    let mut undone = Vec::new();
    let packed = std::fs::read(&output).unwrap();
    let mut decoder = flate2::read::GzDecoder::new(&packed[..]);
    decoder.read_to_end(&mut undone).unwrap();
    assert!(undone == plain.kept());
    let packed = std::fs::read(&dropped).unwrap();
    assert!(zstd::decode_all(&packed[..]).unwrap() == plain.gone());
    let checked = run(["--verify".as_ref(), report.as_os_str()]);
    checked.assert_status(0, "--verify");
    assert!(
        checked.text().contains("together are INPUT"),
        "{}",
        checked.text()
    );
}
