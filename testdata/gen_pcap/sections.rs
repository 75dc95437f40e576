//! pcapng files: sections, interfaces, and every kind of block.

use super::packet::{Ends, MS, SECOND, START, ethernet, udp};
use super::pcapng::{Blocks, COMMENT, EPB_FLAGS, IF_NAME, Stamped, TSOFFSET, TSRESOL};
use super::{Capture, Truth, dns, links};

const ETHERNET: u16 = 1;
const RAW: u16 = 101;
const LINUX_SLL: u16 = 113;

/// A query as an IP packet, of a flow of its own.
fn query(number: u16, name: &str) -> Vec<u8> {
    let ends = Ends::new(
        &format!("192.168.1.2:{}", 42_000 + number),
        "192.168.1.1:53",
    );
    udp(ends, &dns::query(number, name.as_bytes(), dns::A))
}

fn captured(name: &'static str, bytes: Vec<u8>, truth: Truth) -> Capture {
    let truth = Truth {
        format: "pcapng",
        ..truth
    };
    Capture { name, bytes, truth }
}

/// Two sections of different byte order; interfaces with four resolutions, one of them with an offset, on three kinds of link.
fn sections() -> Capture {
    let mut file = Blocks::new(false, &[(COMMENT, b"the first section")]);
    file.interface(ETHERNET, 262_144, &[]);
    file.interface(RAW, 262_144, &[(TSRESOL, &[9])]);
    // 2^-20 of a second, counted from an hour before the epoch's count.
    let offset = 3600_i64.to_le_bytes();
    file.interface(
        LINUX_SLL,
        262_144,
        &[(TSRESOL, &[0x94]), (TSOFFSET, &offset)],
    );
    let at = |i: u64| START + i * 50 * MS;
    let first = ethernet(&query(1, "one.section.example"), &[]);
    file.enhanced(Stamped::new(0, at(0) / 1000, &first), &[]);
    let second = query(2, "two.section.example");
    file.enhanced(Stamped::new(1, at(1) + 7, &second), &[]);
    let third = links::sll(&query(3, "three.section.example"));
    let ticks = u128::from(at(2) - 3600 * SECOND) << 20;
    let ticks = (ticks / u128::from(SECOND)) as u64;
    file.enhanced(Stamped::new(2, ticks, &third), &[]);

    file.section(true, &[(COMMENT, b"the second section")]);
    file.interface(RAW, 262_144, &[(TSRESOL, &[3])]);
    let fourth = query(4, "four.section.example");
    file.enhanced(Stamped::new(0, at(3) / MS, &fourth), &[]);
    let names = [
        ("one.section.example", "dns_query"),
        ("two.section.example", "dns_query"),
        ("three.section.example", "dns_query"),
        ("four.section.example", "dns_query"),
    ];
    let truth = Truth {
        links: &["ETHERNET", "RAW", "LINUX_SLL"],
        resolution: "mixed",
        ..Truth::new(4, 4, &names)
    };
    captured("ng_sections.pcapng", file.bytes, truth)
}

/// Each kind of block in one section of `big_endian` order, with options, comments (one of them not UTF-8) and odd lengths to pad.
fn blocks(big_endian: bool) -> Vec<u8> {
    let mut file = Blocks::new(
        big_endian,
        &[(3, b"testdata 1.0"), (COMMENT, b"every kind of block")],
    );
    file.interface(
        ETHERNET,
        128,
        &[
            (IF_NAME, b"eth\xff0"),
            (TSRESOL, &[6]),
            (COMMENT, b"\xe9t\xe9"),
        ],
    );
    let frame = |n, name| ethernet(&query(n, name), &[]);
    let at = |i: u64| (START + i * MS) / 1000;
    let flags = if big_endian {
        [0, 0, 0, 1]
    } else {
        [1, 0, 0, 0]
    };
    file.name([192, 0, 2, 1], "server.block.example");
    file.enhanced(
        Stamped::new(0, at(0), &frame(1, "enhanced.block.example")),
        &[(EPB_FLAGS, &flags), (COMMENT, b"\xff\xfe not UTF-8")],
    );
    file.secrets("CLIENT_RANDOM 00 00\n");
    file.obsolete(
        Stamped::new(0, at(1), &frame(2, "obsolete.block.example")),
        &[(COMMENT, b"obsolete")],
    );
    file.custom(true, b"kept by rewriters");
    file.custom(false, b"not for copies");
    let simple = frame(3, "simple.block.example");
    file.simple(&simple, simple.len() as u32);
    let ends = Ends::new("192.168.1.2:42004", "192.168.1.1:9999");
    let long = ethernet(&udp(ends, &[0x55; 300]), &[]);
    file.simple(&long[..128], long.len() as u32);
    file.enhanced(
        Stamped::new(0, at(2), &frame(5, "again.block.example")),
        &[],
    );
    file.block(0x8000_0001, b"of a kind that nobody knows");
    file.statistics(0, at(3));
    file.bytes
}

fn all_kinds(name: &'static str, big_endian: bool) -> Capture {
    let names = [
        ("enhanced.block.example", "dns_query"),
        ("obsolete.block.example", "dns_query"),
        ("simple.block.example", "dns_query"),
        ("again.block.example", "dns_query"),
    ];
    captured(name, blocks(big_endian), Truth::new(5, 5, &names))
}

/// Options of wrong lengths, on an interface and on a packet: the packets behind them are as readable as any.
fn bad_options() -> Capture {
    let mut file = Blocks::new(false, &[]);
    file.interface(ETHERNET, 0, &[(TSRESOL, &[6, 6, 6]), (TSOFFSET, &[1])]);
    for (i, name) in [(1, "one.option.example"), (2, "two.option.example")] {
        let frame = ethernet(&query(i, name), &[]);
        let ticks = (START + u64::from(i) * MS) / 1000;
        file.enhanced(Stamped::new(0, ticks, &frame), &[(EPB_FLAGS, &[1, 0])]);
    }
    let names = [
        ("one.option.example", "dns_query"),
        ("two.option.example", "dns_query"),
    ];
    captured(
        "ng_bad_options.pcapng",
        file.bytes,
        Truth::new(2, 2, &names),
    )
}

/// A packet between two good ones that names an interface that was never described.
fn unknown_interface() -> Capture {
    let mut file = Blocks::new(false, &[]);
    file.interface(ETHERNET, 0, &[]);
    for (i, interface) in [(0, 0), (1, 7), (2, 0)] {
        let name = format!("{interface}-{i}.interface.example");
        let frame = ethernet(&query(i, &name), &[]);
        let ticks = (START + u64::from(i) * MS) / 1000;
        file.enhanced(Stamped::new(interface, ticks, &frame), &[]);
    }
    let names = [
        ("0-0.interface.example", "dns_query"),
        ("0-2.interface.example", "dns_query"),
    ];
    let truth = Truth {
        undecoded: 1,
        ..Truth::new(3, 2, &names)
    };
    captured("ng_unknown_interface.pcapng", file.bytes, truth)
}

pub(crate) fn all() -> Vec<Capture> {
    let empty = Truth {
        links: &[],
        ..Truth::new(0, 0, &[])
    };
    vec![
        captured("ng_empty.pcapng", Blocks::new(false, &[]).bytes, empty),
        sections(),
        all_kinds("ng_blocks_le.pcapng", false),
        all_kinds("ng_blocks_be.pcapng", true),
        bad_options(),
        unknown_interface(),
    ]
}
