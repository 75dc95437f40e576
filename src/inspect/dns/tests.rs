use proptest::prelude::*;

use smallvec::smallvec;

use super::*;
use crate::inspect::testing::{each_mutation, hex};

/// What dig asks for the HTTPS record of www.youtube.com.
pub(super) const QUERY: &str = "
    9082 0120                    # id; recursion desired, authentic data
    0001 0000 0000 0001          # one question, one additional record
    03 777777 07 796f7574756265 03 636f6d 00  # www.youtube.com
    0041 0001                    # HTTPS, IN
    00 0029 04d0 00000000 000c   # OPT: 1,232 bytes, 12 bytes of options
    000a 0008 8062090daed2fdd2   # cookie
";

/// What a server answers: an alias and an HTTPS record, names compressed.
pub(super) const RESPONSE: &str = "
    9082 8500 0001 0002 0000 0001
    03 777777 07 796f7574756265 03 636f6d 00 0041 0001
    c00c 0005 0001 0000003c 0019 0a 796f75747562652d7569 01 6c 06 676f6f676c65 03 636f6d 00
    c02d 0041 0001 0000003c 0029 0001 00 0001 0006 026832026833 0004 0004 0a4d010a 0006 0010 fd770001000000000000000000000010
    00 0029 1000 00000000 001c 000a 0018 8062090daed2fdd2010000006b010933139e76c4f68b20a0
";

fn read_as(dialect: Dialect, bytes: &[u8]) -> Message {
    match message(bytes, dialect) {
        Outcome::Found(message) => message,
        other => panic!("{other:?}"),
    }
}

/// The questions of a message: name (empty for the root), type, class.
fn questions(bytes: &[u8]) -> Vec<(String, u16, u16)> {
    let named = |q: Question| {
        (
            q.name.map_or(String::new(), |n| n.to_string()),
            q.qtype,
            q.qclass,
        )
    };
    read_as(Dialect::Dns, bytes)
        .questions
        .into_iter()
        .map(named)
        .collect()
}

/// A name on the wire, from its labels.
pub(super) fn wire(labels: &[&[u8]]) -> Vec<u8> {
    let mut name = Vec::new();
    for label in labels {
        name.push(label.len() as u8);
        name.extend(*label);
    }
    name.push(0);
    name
}

/// A query with these questions: names on the wire, types, classes.
pub(super) fn query(questions: &[(Vec<u8>, u16, u16)]) -> Vec<u8> {
    let mut bytes = hex("1234 0100");
    bytes.extend((questions.len() as u16).to_be_bytes());
    bytes.extend([0; 6]);
    for (name, qtype, qclass) in questions {
        bytes.extend(name);
        bytes.extend(qtype.to_be_bytes());
        bytes.extend(qclass.to_be_bytes());
    }
    bytes
}

/// `message` as TCP carries it.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

#[test]
fn a_query_and_its_answer_are_read() {
    let asked = Message {
        id: 0x9082,
        is_response: false,
        questions: smallvec![Question {
            name: DomainName::from_bytes(b"www.youtube.com"),
            qtype: 65,
            qclass: 1,
        }],
        unread_questions: 0,
    };
    assert_eq!(
        message(&hex(QUERY), Dialect::Dns),
        Outcome::Found(asked.clone())
    );
    let answered = Message {
        is_response: true,
        ..asked
    };
    assert_eq!(
        message(&hex(RESPONSE), Dialect::Dns),
        Outcome::Found(answered)
    );
}

#[test]
fn a_name_that_is_asked_for_again_is_known_without_being_read() {
    let name = DomainName::from_bytes(b"www.youtube.com").unwrap();
    let other = DomainName::from_bytes(b"www.youtube.org").unwrap();
    for bytes in [hex(QUERY), hex(RESPONSE)] {
        assert!(asks_only_for(&bytes, &name));
        assert!(!asks_only_for(&bytes, &other));
    }
    let question = || (wire(&[b"WWW", b"YouTube", b"com"]), 1, 1);
    let one = query(&[question()]);
    assert!(asks_only_for(&one, &name));
    assert!((0..one.len()).all(|cut| !asks_only_for(&one[..cut], &name)));
    assert!(!asks_only_for(&query(&[question(), question()]), &name));
    assert!(!asks_only_for(&query(&[]), &name));
}

#[test]
fn what_is_known_without_being_read_says_nothing_else() {
    let name = DomainName::from_bytes(b"www.youtube.com").unwrap();
    let mut known = 0;
    for whole in [hex(QUERY), hex(RESPONSE)] {
        each_mutation(&whole, 20_000, |bytes| {
            if asks_only_for(bytes, &name) {
                known += 1;
                let message = read_as(Dialect::Dns, bytes);
                let names = message.questions.iter().map(|question| &question.name);
                assert!(names.eq([&Some(name.clone())]), "{bytes:02x?}");
                assert_eq!(message.unread_questions, 0);
            }
        });
    }
    assert!(known > 1000, "{known}");
}

#[test]
fn every_type_and_class_is_read() {
    let name = wire(&[b"ChAoS", b"Example"]);
    for qtype in (0..=300).chain([32768, 32769, 65280, 65535]) {
        for qclass in [0, 1, 3, 4, 254, 255, 0x8001, 65535] {
            let bytes = query(&[(name.clone(), qtype, qclass)]);
            assert_eq!(questions(&bytes), [("chaos.example".into(), qtype, qclass)]);
        }
    }
}

#[test]
fn codes_that_nobody_assigned_need_a_question_beyond_doubt() {
    let plain = query(&[(wire(&[b"a"]), 1, 1)]);
    let odd = query(&[(wire(&[b"\x01"]), 1, 1)]);
    for codes in 0..=0xff {
        let (opcode, rcode) = (codes >> 4, codes & 0xf);
        // Every other flag is set, the reserved one too.
        let flags: u16 = opcode << 11 | 0x87f0 | rcode;
        let is_assigned = [0, 1, 2, 4, 5, 6].contains(&opcode) && rcode <= 11;
        for (bytes, expected) in [(&plain, true), (&odd, is_assigned)] {
            let mut bytes = bytes.clone();
            bytes[2..4].copy_from_slice(&flags.to_be_bytes());
            let found = message(&bytes, Dialect::Dns) != Outcome::NotMine;
            assert_eq!(found, expected, "{flags:04x}");
        }
    }
}

#[test]
fn names_of_every_shape_are_read() {
    let one = |name: Vec<u8>| questions(&query(&[(name, 1, 1)]))[0].0.clone();
    assert_eq!(one(wire(&[])), "");
    assert_eq!(one(wire(&[b"_sip", b"_udp", b"a-b"])), "_sip._udp.a-b");
    assert_eq!(
        one(wire(&[b"a.b", b"c\\d", b"e f\xff\0"])),
        "a\\046b.c\\092d.e f\\255\\000"
    );
    assert_eq!(one(wire(&[&b"x"[..]; 127])), ["x"; 127].join("."));
    let long = one(wire(&[&[b'x'; 63], &[b'x'; 63], &[b'x'; 63], &[b'x'; 61]]));
    assert_eq!(long.len(), 253);
}

#[test]
fn pointers_lead_back() {
    let name = wire(&[b"a", b"example"]);
    // The second name is "b" and the first; the third is a pointer to the second; the fourth one to "example".
    let back = query(&[
        (name, 1, 1),
        (hex("01 62 c00c"), 2, 1),
        (hex("c01b"), 3, 1),
        (hex("c00e"), 4, 1),
    ]);
    let names: Vec<String> = questions(&back).into_iter().map(|q| q.0).collect();
    assert_eq!(
        names,
        ["a.example", "b.a.example", "b.a.example", "example"]
    );
}

#[test]
fn names_that_are_none_are_turned_away() {
    for bad in [
        wire(&[&b"x"[..]; 128]),
        wire(&[&[b'x'; 63], &[b'x'; 63], &[b'x'; 63], &[b'x'; 62]]),
        hex("c00c"),       // to itself
        hex("01 61 c00c"), // to its own beginning
        hex("c00e 00"),    // forward
        hex("c0ff"),       // beyond
        hex("40 61 00"),
        hex("80 61 00"),
    ] {
        let bytes = query(&[(bad.clone(), 1, 1)]);
        assert_eq!(message(&bytes, Dialect::Dns), Outcome::NotMine, "{bad:?}");
    }
    let second = query(&[(wire(&[b"a"]), 1, 1), (hex("40 61 00"), 1, 1)]);
    assert_eq!(questions(&second), [("a".into(), 1, 1)]);
}

#[test]
fn multicast_names_are_utf8() {
    let bytes = query(&[(wire(&["Büro 1.2".as_bytes(), b"local"]), 255, 0x8001)]);
    let read = |dialect| {
        let question = read_as(dialect, &bytes).questions.remove(0);
        (question.name.unwrap().to_string(), question.qclass)
    };
    assert_eq!(read(Dialect::Mdns), ("büro 1\\0462.local".into(), 1));
    assert_eq!(read(Dialect::Llmnr), ("büro 1\\0462.local".into(), 0x8001));
    assert_eq!(
        read(Dialect::Dns),
        ("b\\195\\188ro 1\\0462.local".into(), 0x8001)
    );
}

#[test]
fn messages_without_questions_are_messages() {
    // A multicast announcement; a DSO keepalive; a refusal that repeats nothing.
    for header in [
        "0000 8400 0000 0001 0000 0000",
        "1234 3000 0000 0000 0000 0000",
        "1234 8005 0000 0000 0000 0000",
    ] {
        assert_eq!(questions(&hex(header)), []);
    }
    assert_eq!(message(&[0; 40], Dialect::Dns), Outcome::NotMine);
    assert_eq!(
        message(b"GET / HTTP/1.1\r\n\r\n", Dialect::Dns),
        Outcome::NotMine
    );
    assert_eq!(message(&[], Dialect::Dns), Outcome::NotMine);
}

#[test]
fn what_comes_before_the_cut_is_read() {
    let bytes = hex(RESPONSE);
    let question_end = 12 + 17 + 4;
    for cut in 0..bytes.len() {
        match message(&bytes[..cut], Dialect::Dns) {
            Outcome::NotMine => assert!(cut < 12),
            Outcome::NeedMore => panic!("a datagram is all there is"),
            Outcome::Found(message) => {
                assert!(cut >= 12);
                assert_eq!(message.questions.len(), usize::from(cut >= question_end));
            }
        }
    }
    // Two questions are announced, and not even the first is there: that may be anything.
    let mut two = bytes;
    two[5] = 2;
    assert_eq!(message(&two[..20], Dialect::Dns), Outcome::NotMine);
    assert_eq!(questions(&two[..question_end + 3]).len(), 1);
}

#[test]
fn questions_are_bounded() {
    let many = query(&vec![(wire(&[b"a"]), 1, 1); 1000]);
    let read = read_as(Dialect::Dns, &many);
    assert_eq!(read.questions.len(), MAX_QUESTIONS);
    assert_eq!(usize::from(read.unread_questions), 1000 - MAX_QUESTIONS);
    let mut short = query(&vec![(wire(&[b"a"]), 1, 1); 3]);
    short[4..6].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(questions(&short).len(), 3);
}

#[test]
fn chains_of_pointers_are_bounded() {
    // Behind one question thousands of pointers, each to the one before. Three of them make a question.
    let mut bytes = hex("1234 0100 0040 0000 0000 0000 01 61 00 0001 0001 c00c");
    while bytes.len() < 16_000 {
        let before = (bytes.len() - 2) as u16;
        bytes.extend((before | 0xc000).to_be_bytes());
    }
    let read = questions(&bytes);
    assert!(read.iter().all(|(name, ..)| name == "a"));
    assert_eq!(read.len(), 1 + 127usize.div_ceil(3));
}

#[test]
fn what_is_no_question_bears_nothing_out() {
    // An operation that nobody has assigned, and behind no question bytes that would make a good one.
    let question = b"\x07example\x04test\0\0\x01\0\x01";
    for (questions, is_dns) in [(1, true), (0, false)] {
        let header = [0x12, 0x34, 0x79, 0, 0, questions, 0, 0, 0, 0, 0, 1];
        let outcome = message(&[&header[..], question].concat(), Dialect::Dns);
        assert_eq!(outcome != Outcome::NotMine, is_dns, "{questions}");
    }
}

#[test]
fn how_a_tcp_message_is_cut_into_segments_does_not_matter() {
    let question = b"\x07example\x04test\0\0\x01\0\x01";
    // A query with two questions; one with an operation that nobody has assigned, which its question bears out.
    for (header, questions) in [
        (b"\x12\x34\x01\0\0\x02\0\0\0\0\0\0", 2),
        (b"\x12\x34\x79\0\0\x01\0\0\0\0\0\0", 1),
    ] {
        let message = [&header[..], &question.repeat(questions)].concat();
        let said = [&[0, message.len() as u8][..], &message].concat();
        assert!(matches!(
            tcp_message(&said, Dialect::Dns),
            Outcome::Found((len, _)) if len == said.len()
        ));
        for cut in 0..said.len() {
            let outcome = tcp_message(&said[..cut], Dialect::Dns);
            assert_eq!(outcome, Outcome::NeedMore, "{cut} of {}", said.len());
        }
    }
}

#[test]
fn tcp_messages_are_told_with_their_length() {
    let (query, response) = (framed(&hex(QUERY)), framed(&hex(RESPONSE)));
    let both = [&query[..], &response].concat();
    let Outcome::Found((len, first)) = tcp_message(&both, Dialect::Dns) else {
        panic!()
    };
    assert_eq!((len, first.is_response), (query.len(), false));
    let Outcome::Found((len, second)) = tcp_message(&both[len..], Dialect::Dns) else {
        panic!()
    };
    assert_eq!((len, second.is_response), (response.len(), true));

    let question_end = 2 + 12 + 17 + 4;
    let whole = tcp_message(&response, Dialect::Dns);
    for cut in 0..response.len() {
        let expected = if cut < question_end {
            Outcome::NeedMore
        } else {
            whole.clone()
        };
        assert_eq!(
            tcp_message(&response[..cut], Dialect::Dns),
            expected,
            "{cut}"
        );
    }
    assert_eq!(tcp_message(b"\x00\x0b", Dialect::Dns), Outcome::NotMine);
    assert_eq!(
        tcp_message(b"GET / HTTP/1.1\r\n\r\n", Dialect::Dns),
        Outcome::NotMine
    );
    // A question that overruns its message is none.
    assert_eq!(
        tcp_message(&framed(&hex(QUERY)[..20]), Dialect::Dns),
        Outcome::NotMine
    );
}

/// The hello of a TLS client, which has fallen among messages: its length and what follows are those of one with a question.
const HELLO: &str = "
    16 0301 0200 01 0001fc 0303
    b7c2ff5e0a2c9d4407b1fd62f58c3ee0aa41d7c39e02f0b86b5d0c1f8e4a7733
    20 1c6f02a9b9e0cc5a0f7b3d3c8a11e6f0459f4bd0c5372e60a87d1be90142afb3
    0024 1301 1303 1302 c02b c02f cca9 cca8 c02c c030 c00a c009 c013 c014 009c 009d 002f 0035 000a 0100
    018f 0000 000e 000c 00 0009 612e6578616d706c 0017 0000 ff01 0001 00
    000a 000e 000c 001d 0017 0018 0019 0100 0101 000b 0002 0100
    0010 000e 000c 02 6832 08 687474702f312e31";

#[test]
fn a_damaged_hello_is_no_message_of_a_connection() {
    each_mutation(&hex(HELLO), 20_000, |bytes| {
        let outcome = tcp_message(bytes, Dialect::Dns);
        let is_short = bytes.len() < 2 + HEADER_LEN;
        assert!(outcome == Outcome::NotMine || is_short, "{outcome:?}");
    });
}

#[test]
fn what_a_connection_carries_must_fit_its_message() {
    let good = framed(&query(&[(wire(&[b"a", b"example"]), 1, 1)]));
    assert!(matches!(
        tcp_message(&good, Dialect::Dns),
        Outcome::Found((29, _))
    ));
    for (at, byte) in [
        (6, 0x02),                  // 513 questions
        (9, 0x01),                  // an answer
        (10, 0x01),                 // 256 authorities
        (13, 0x01),                 // an additional record
        (good.len() - 1, 2),        // class
        (good.len() - 2, 0x10),     // class
        (good.len() - 3, 0),        // type
        (2 + HEADER_LEN, 0xc0),     // a pointer
        (2 + HEADER_LEN + 2, 0x40), // a label of no known type
    ] {
        let mut bad = good.clone();
        bad[at] = byte;
        assert_eq!(tcp_message(&bad, Dialect::Dns), Outcome::NotMine, "{at}");
    }
}

#[test]
fn every_operation_tells_its_names() {
    // UPDATE: the zone; what changes in it are records. NOTIFY: the zone. Then queries of the old kind, and DSO.
    for (flags, qtype) in [
        ("2800", 6),
        ("2400", 6),
        ("0800", 1),
        ("1000", 1),
        ("3000", 1),
    ] {
        let mut bytes = query(&[(wire(&[b"zone", b"example"]), qtype, 1)]);
        bytes[2..4].copy_from_slice(&hex(flags));
        bytes[9] = 1;
        bytes.extend(hex("01 62 c00c 0001 0001 0000003c 0004 0a000001"));
        assert_eq!(questions(&bytes), [("zone.example".into(), qtype, 1)]);
        assert_eq!(
            tcp_message(&framed(&bytes), Dialect::Dns),
            Outcome::Found((2 + bytes.len(), read_as(Dialect::Dns, &bytes)))
        );
    }
}

#[test]
fn several_questions_are_read_whatever_the_opcode_and_the_records_behind_them() {
    let mut bytes = query(&[
        (wire(&[b"a", b"example"]), 1, 1),
        (hex("01 62 c00e"), 65, 1),
        (wire(&[b"\xfe\x00\xff"]), 16, 3),
    ]);
    bytes[11] = 1;
    bytes.extend(hex("00 0029 04d0 00008000 0000"));
    let expected = [
        ("a.example".into(), 1, 1),
        ("b.example".into(), 65, 1),
        ("\\254\\000\\255".into(), 16, 3),
    ];
    assert_eq!(questions(&bytes), expected);
}

#[test]
fn damaged_messages_never_panic() {
    for text in [QUERY, RESPONSE] {
        each_mutation(&hex(text), 5000, |bytes| {
            let _ = message(bytes, Dialect::Dns);
            let _ = message(bytes, Dialect::Mdns);
            let _ = tcp_message(bytes, Dialect::Dns);
            let _ = tcp_message(&framed(bytes), Dialect::Dns);
            let _ = is_surely_dns(bytes);
            let _ = is_surely_dns_over_tcp(bytes);
            let _ = is_surely_dns_over_tcp(&framed(bytes));
        });
    }
}

proptest! {
    #[test]
    fn names_and_types_are_those_that_dns_parser_reads(
        id: u16,
        asked in prop::collection::vec((prop::collection::vec("[a-zA-Z0-9_-]{1,30}", 0..6), 1u16..260, prop::sample::select(vec![1u16, 3, 255])), 1..5),
    ) {
        let asked: Vec<_> = asked.iter().map(|(labels, qtype, qclass)| {
            let labels: Vec<&[u8]> = labels.iter().map(|label| label.as_bytes()).collect();
            (wire(&labels), *qtype, *qclass)
        }).collect();
        let mut bytes = query(&asked);
        bytes[..2].copy_from_slice(&id.to_be_bytes());
        let ours = read_as(Dialect::Dns, &bytes);
        prop_assert_eq!(ours.questions.len(), asked.len());
        if let Ok(theirs) = dns_parser::Packet::parse(&bytes) {
            prop_assert_eq!(ours.id, theirs.header.id);
            let theirs: Vec<_> = theirs.questions.iter().map(|q| {
                (q.qname.to_string().to_lowercase(), q.qtype as u16, q.qclass as u16)
            }).collect();
            prop_assert_eq!(questions(&bytes), theirs);
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300), flags: u16, count in 0u16..4) {
        let mut message = query(&[]);
        message[2..4].copy_from_slice(&flags.to_be_bytes());
        message[4..6].copy_from_slice(&count.to_be_bytes());
        message.extend(&bytes);
        let _ = super::message(&message, Dialect::Dns);
        let _ = tcp_message(&message, Dialect::Dns);
        prop_assert!(!is_surely_dns(&bytes));
    }
}
