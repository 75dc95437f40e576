use proptest::prelude::*;

use super::huffman::tests::encode;
use super::*;
use crate::inspect::testing::{each_mutation, hex};

/// What `nghttp http://10.77.1.12/` sends behind the preface.
const NGHTTP: &str = "
    00000c 04 00 00000000 000300000064 00040000ffff   # SETTINGS
    000005 02 00 00000003 00000000c8                  # PRIORITY
    000005 02 00 00000005 0000000064
    000005 02 00 00000007 0000000000
    000005 02 00 00000009 0000000700
    000005 02 00 0000000b 0000000300
    000023 01 25 0000000d 0000000b0f                  # HEADERS, END_STREAM, END_HEADERS, PRIORITY
      82 84 86 41 87 081775d5c2b845                   # GET / of http, :authority 10.77.1.12
      53 03 2a2f2a 90 7a 8a aa69d29ac4c0576c4b83";

const DATA: u8 = 0x00;
const GREASE: u8 = 0x0b;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A field of indexed name and plain value, which goes into the table.
fn field(name: u8, value: &[u8]) -> Vec<u8> {
    [&[0x40 | name, value.len() as u8], value].concat()
}

/// A field that stands for itself.
fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    let name = [&[0x00, name.len() as u8], name].concat();
    [&name[..], &[value.len() as u8], value].concat()
}

/// The block of a request for `authority`.
fn block(authority: &[u8]) -> Vec<u8> {
    [&[0x82, 0x84, 0x86][..], &field(1, authority)].concat()
}

fn headers(stream: u32, block: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, block)
}

/// Reads until more is needed: the hosts of all requests, a space between two, and how many bytes were done with. `None` when it
/// is no HTTP/2.
fn read(requests: &mut Requests, bytes: &[u8]) -> Option<(String, usize)> {
    let (mut hosts, mut done) = (Vec::new(), 0);
    loop {
        match requests.read(&bytes[done..]) {
            Outcome::Found(step) => {
                assert!(step.len > 0 && done + step.len <= bytes.len());
                done += step.len;
                let told = step.request.unwrap_or_default().hosts;
                hosts.extend(told.iter().map(ToString::to_string));
            }
            Outcome::NeedMore => return Some((hosts.join(" "), done)),
            Outcome::NotMine => return None,
        }
    }
}

/// The hosts in these frames; all of them are read to their end.
fn hosts(frames: &[Vec<u8>]) -> String {
    let bytes = frames.concat();
    let (hosts, done) = read(&mut Requests::default(), &bytes).unwrap();
    assert_eq!(done, bytes.len());
    hosts
}

fn is_refused(frames: &[Vec<u8>]) -> bool {
    read(&mut Requests::default(), &frames.concat()).is_none()
}

#[test]
fn the_preface_is_told() {
    assert_eq!(
        preface(&[PREFACE, &hex(NGHTTP)].concat()),
        Outcome::Found(24)
    );
    for cut in 0..PREFACE.len() {
        assert_eq!(preface(&PREFACE[..cut]), Outcome::NeedMore);
    }
    for other in [
        &b"PRI * HTTP/2.1"[..],
        b"PRINT / HTTP/1.1\r\n",
        b"\r\nPRI",
        b"\x00",
    ] {
        assert_eq!(preface(other), Outcome::NotMine);
    }
}

#[test]
fn a_real_client_is_read_however_its_bytes_come() {
    let bytes = hex(NGHTTP);
    assert_eq!(hosts(std::slice::from_ref(&bytes)), "10.77.1.12");
    for cut in 0..bytes.len() {
        let mut requests = Requests::default();
        let (before, done) = read(&mut requests, &bytes[..cut]).unwrap();
        let (after, rest) = read(&mut requests, &bytes[done..]).unwrap();
        assert_eq!(
            (before.as_str(), after.as_str()),
            ("", "10.77.1.12"),
            "{cut}"
        );
        assert_eq!(done + rest, bytes.len());
    }
}

#[test]
fn every_request_of_a_connection_is_told_and_the_table_goes_on() {
    let frames = [
        headers(1, &block(b"a.example:8080")),
        headers(3, &block(b"user:secret@B.example")),
        frame(DATA, 0, 3, &[b'x'; 700]),
        headers(3, &literal(b"grpc-status", b"0")),
        // The authorities of the two before, by their places in the table.
        headers(5, &[0x82, 0x84, 0x86, 0xbf]),
        headers(7, &[0x82, 0x84, 0x86, 0xbe]),
    ];
    assert_eq!(hosts(&frames), "a.example b.example a.example b.example");
}

#[test]
fn a_block_may_come_in_many_frames() {
    let block = block(b"a.example");
    let mut frames = vec![frame(HEADERS, 0, 9, &block[..1])];
    for byte in &block[1..] {
        frames.push(frame(CONTINUATION, 0, 9, &[*byte]));
    }
    frames.push(frame(CONTINUATION, 0, 9, &[]));
    frames.push(frame(CONTINUATION, END_HEADERS, 9, &[]));
    assert_eq!(hosts(&frames), "a.example");
    // Whatever stands between them, and whatever goes on with nothing, is no HTTP/2.
    let (begin, end) = (frames[0].clone(), frames.last().unwrap().clone());
    for between in [
        frame(DATA, 0, 9, &[]),
        frame(GREASE, 0, 0, &[]),
        frame(HEADERS, END_HEADERS, 9, &[]),
        frame(CONTINUATION, 0, 11, &[]),
    ] {
        assert!(is_refused(&[begin.clone(), between]));
    }
    assert!(is_refused(&[end]));
}

#[test]
fn padding_and_priority_are_passed_over() {
    let block = block(b"a.example");
    let padded = [&[3][..], &block, &[0; 3]].concat();
    let both = [&[2, 0, 0, 0, 0, 7][..], &block, &[0xff; 2]].concat();
    let frames = [
        frame(HEADERS, END_HEADERS | PADDED, 1, &padded),
        frame(HEADERS, END_HEADERS | PADDED | PRIORITY, 3, &both),
    ];
    assert_eq!(hosts(&frames), "a.example a.example");
    for (flags, payload) in [
        (PADDED, &[][..]),
        (PADDED, &[1]),
        (PRIORITY, &[0; 4]),
        (PADDED | PRIORITY, &[1, 0, 0, 0, 0, 0]),
    ] {
        assert!(is_refused(&[frame(
            HEADERS,
            END_HEADERS | flags,
            1,
            payload
        )]));
    }
}

#[test]
fn unknown_frames_are_passed_over_without_being_held() {
    let frames = [
        frame(GREASE, 0xff, u32::MAX, &[0xab; 100_000]),
        frame(DATA, 0, 1, &[0; 1 << 20]),
        headers(1 << 31 | 1, &block(b"a.example")),
    ];
    assert_eq!(hosts(&frames), "a.example");
    let mut requests = Requests::default();
    let (_, done) = read(&mut requests, &frames[1][..5000]).unwrap();
    assert_eq!(done, 5000);
    assert_eq!(requests.held_bytes(), size_of::<Requests>());
}

#[test]
fn host_stands_in_where_there_is_no_authority() {
    let request = |fields: &[Vec<u8>]| {
        let block = [&[0x82][..], &fields.concat()].concat();
        match Requests::default().read(&headers(1, &block)) {
            Outcome::Found(Step {
                request: Some(told),
                ..
            }) => {
                let hosts: Vec<_> = told.hosts.iter().map(ToString::to_string).collect();
                (hosts.join(" "), told.host_conflict)
            }
            other => panic!("{other:?}"),
        }
    };
    let host = |value: &[u8]| literal(b"host", value);
    let authority = |value: &[u8]| field(1, value);
    for (fields, hosts, conflict) in [
        (&[host(b"a.example:80")][..], "a.example", false),
        (
            &[authority(b"a.example"), host(b"A.example")],
            "a.example",
            false,
        ),
        (
            &[host(b"b.example"), authority(b"a.example")],
            "a.example b.example",
            true,
        ),
        (
            &[authority(b"a.example"), authority(b"b.example")],
            "a.example b.example",
            true,
        ),
        (&[authority(b""), host(b"a.example")], "a.example", false),
        (&[], "", false),
    ] {
        assert_eq!(request(fields), (hosts.into(), conflict));
    }
    // A trailer is no request.
    assert_eq!(hosts(&[headers(1, &host(b"a.example"))]), "");
}

#[test]
fn a_host_that_is_said_thousands_of_times_is_read_a_few_times() {
    // The authority by its place in the table, again and again, and another one behind.
    let mut block = block(b"a.example");
    block.extend([0xbe; 5000]);
    block.extend(field(1, b"b.example"));
    assert_eq!(hosts(&[headers(1, &block)]), "a.example b.example");
}

#[test]
fn what_is_no_http2_is_refused() {
    assert!(is_refused(&[headers(0, &block(b"a.example"))]));
    assert!(is_refused(&[headers(1, &[0xbe])]));
    let large = frame(HEADERS, END_HEADERS, 1, &vec![0x82; MAX_BLOCK + 1]);
    assert!(is_refused(&[large[..20].to_vec()]));
    let half = vec![0x82; MAX_BLOCK / 2 + 1];
    let parts = [
        frame(HEADERS, 0, 1, &half),
        frame(CONTINUATION, END_HEADERS, 1, &half),
    ];
    assert!(is_refused(&parts));
}

#[test]
fn a_gap_within_a_body_does_no_harm() {
    let body = frame(DATA, 0, 1, &[0; 5000]);
    let later = [&body[4000..], &headers(3, &block(b"b.example"))].concat();
    let mut requests = Requests::default();
    assert!(!requests.skip_gap(1));
    assert!(read(&mut requests, &body[..1000]).is_some());
    assert!(requests.skip_gap(3000));
    assert_eq!(read(&mut requests, &later).unwrap().0, "b.example");
    assert!(!requests.skip_gap(1));
}

#[test]
fn what_there_is_of_a_cut_block_is_told() {
    let bytes = hex(NGHTTP);
    let (begin, end) = bytes.split_at(bytes.len() - 44);
    for cut in 0..end.len() {
        let mut requests = Requests::default();
        assert!(read(&mut requests, begin).is_some());
        let told = requests
            .read_partial(&end[..cut])
            .map_or(Vec::new(), |told| told.hosts);
        // Frame header, priority, three fields, the authority.
        let is_there = cut >= FRAME_HEADER_LEN + PRIORITY_LEN + 3 + 9;
        assert_eq!(told.len(), usize::from(is_there), "{cut}");
    }
    let block = block(b"a.example");
    let mut requests = Requests::default();
    assert!(read(&mut requests, &frame(HEADERS, 0, 1, &block[..5])).is_some());
    let cut = frame(
        CONTINUATION,
        END_HEADERS,
        1,
        &[&block[5..], &[0x82, 0x84]].concat(),
    );
    let told = requests.read_partial(&cut[..cut.len() - 1]).unwrap();
    assert_eq!(told.hosts[0].as_str(), "a.example");
    assert_eq!(
        Requests::default().read_partial(&frame(DATA, 0, 1, b"x")),
        None
    );
}

#[test]
fn damaged_frames_never_panic_and_show_nothing_that_is_not_there() {
    let frames = [
        hex(NGHTTP),
        frame(
            HEADERS,
            PADDED,
            1,
            &[&[1][..], &block(b"a.example"), &[0]].concat(),
        ),
        frame(CONTINUATION, END_HEADERS, 1, &field(4, &encode(b"/x"))),
    ];
    each_mutation(&frames.concat(), 5000, |bytes| {
        let mut requests = Requests::default();
        let _ = read(&mut requests, bytes);
        assert!(requests.held_bytes() < 64 << 10);
        let _ = requests.read_partial(bytes);
    });
}

proptest! {
    #[test]
    fn any_cut_into_segments_gives_the_same_requests(
        names in prop::collection::vec("[a-z]{1,20}\\.example", 1..12),
        cuts in prop::collection::vec(1usize..60, 1..40),
    ) {
        let frames: Vec<_> = names.iter().enumerate().map(|(i, name)| {
            let value = encode(name.as_bytes());
            let block = [&[0x82, 0x41, 0x80 | value.len() as u8], &value[..]].concat();
            headers(2 * i as u32 + 1, &block)
        }).collect();
        let bytes = frames.concat();
        prop_assert_eq!(&hosts(&frames), &names.join(" "));
        let (mut requests, mut told, mut done, mut end) = (Requests::default(), Vec::new(), 0, 0);
        for cut in cuts.iter().cycle() {
            end = (end + cut).min(bytes.len());
            let (hosts, len) = read(&mut requests, &bytes[done..end]).unwrap();
            done += len;
            if !hosts.is_empty() {
                told.push(hosts);
            }
            if end == bytes.len() {
                break;
            }
        }
        prop_assert_eq!(told.join(" "), names.join(" "));
    }
}
