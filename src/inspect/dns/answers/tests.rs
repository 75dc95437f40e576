use super::*;
use crate::inspect::dns::tests::{RESPONSE, wire};
use crate::inspect::testing::{each_mutation, hex};

/// Owner, type, time to live, data.
type Given<'a> = (&'a [&'a [u8]], u16, u32, Vec<u8>);

/// A response to a question for `asked`, of type A, with these records.
fn response(asked: &[&[u8]], records: &[Given<'_>]) -> Vec<u8> {
    let mut message = hex("1234 8180 0001 0000 0000 0000");
    message[7] = records.len() as u8;
    message.extend(wire(asked));
    message.extend(hex("0001 0001"));
    for (owner, kind, ttl, data) in records {
        message.extend(wire(owner));
        message.extend(kind.to_be_bytes());
        message.extend(IN.to_be_bytes());
        message.extend(ttl.to_be_bytes());
        message.extend((data.len() as u16).to_be_bytes());
        message.extend(data);
    }
    message
}

/// The name, and each address with its time to live.
fn told(message: &[u8]) -> Option<(String, Vec<(String, u32)>)> {
    let Answers { name, addresses } = answers(message)?;
    let shown = addresses
        .iter()
        .map(|told| (told.addr.to_string(), told.ttl));
    Some((name.to_string(), shown.collect()))
}

fn pairs(pairs: &[(&str, u32)]) -> Vec<(String, u32)> {
    pairs
        .iter()
        .map(|&(addr, ttl)| (addr.to_owned(), ttl))
        .collect()
}

const WWW: &[&[u8]] = &[b"www", b"a", b"example"];
const EDGE: &[&[u8]] = &[b"edge", b"cdn", b"example"];
const NODE: &[&[u8]] = &[b"node", b"cdn", b"example"];

#[test]
fn an_alias_and_the_hints_of_an_https_record_lead_to_the_question() {
    let (name, addresses) = told(&hex(RESPONSE)).unwrap();
    assert_eq!(name, "www.youtube.com");
    assert_eq!(addresses, pairs(&[("10.77.1.10", 60), ("fd77:1::10", 60)]));
}

#[test]
fn what_a_resolver_says_of_addresses_is_read() {
    // As RFC 1035 §4.1 has it, the names compressed; AAAA of RFC 3596 §2.2.
    let message = hex("
        0001 8180 0001 0002 0000 0000
        03 575757 01 61 07 6578616d706c65 00 00ff 0001   # WWW.a.example, any type
        c00c 0001 0001 00000078 0004 c0000201            # 192.0.2.1
        c00c 001c 0001 00000e10 0010 20010db8000000000000000000000001
    ");
    let (name, addresses) = told(&message).unwrap();
    assert_eq!(name, "www.a.example");
    assert_eq!(
        addresses,
        pairs(&[("192.0.2.1", 120), ("2001:db8::1", 3600)])
    );
}

#[test]
fn the_short_way_leads_where_the_long_one_does() {
    let message = hex("
        0001 8180 0001 0003 0000 0000
        03 777777 01 61 07 6578616d706c65 00 0001 0001   # www.a.example
        c00c 0001 0001 00000078 0004 c0000201
        c00c 001c 0001 80000e10 0010 20010db8000000000000000000000001
        c00c 0001 0001 0000003c 0004 c0000202
    ");
    let mut short = 0;
    each_mutation(&message, 5000, |bytes| {
        let Some(Answers { addresses, .. }) = answers(bytes) else {
            return;
        };
        let leads: Vec<_> = Leading {
            message: bytes,
            at: skip_name(bytes, HEADER_LEN).unwrap() + 4,
            left: MAX_RECORDS,
        }
        .collect();
        short += usize::from(leads.iter().all(|lead| lead.is_of_question(bytes)));
        let mut found = Addresses::new();
        follow(bytes, &leads, &mut found).unwrap();
        // Counts may be damaged: what is not counted is not looked at.
        assert!(found.starts_with(&addresses), "{bytes:02x?}");
    });
    assert!(short > 1000);
}

#[test]
fn a_chain_lives_as_long_as_its_shortest_record_in_whatever_order_it_comes() {
    let mut records = vec![
        (WWW, kind::CNAME, 300, wire(EDGE)),
        (EDGE, kind::CNAME, 20, wire(NODE)),
        (NODE, kind::A, 60, vec![192, 0, 2, 1]),
        (EDGE, kind::A, 60, vec![192, 0, 2, 2]),
    ];
    let mut found = told(&response(WWW, &records)).unwrap().1;
    assert_eq!(found, pairs(&[("192.0.2.1", 20), ("192.0.2.2", 60)]));
    records.reverse();
    found.reverse();
    assert_eq!(told(&response(WWW, &records)).unwrap().1, found);
}

#[test]
fn addresses_of_names_that_the_question_does_not_lead_to_do_not_count() {
    let records = [
        (EDGE, kind::A, 60, vec![192, 0, 2, 1]),
        (&[&b"mail"[..]][..], kind::CNAME, 60, wire(WWW)),
    ];
    assert_eq!(told(&response(WWW, &records)), None);
    // A label with a dot in it is no border.
    let dotted = [(
        &[&b"www.a"[..], b"example"][..],
        kind::A,
        60,
        vec![192, 0, 2, 1],
    )];
    assert_eq!(told(&response(WWW, &dotted)), None);
}

#[test]
fn the_target_of_a_service_counts_as_the_question() {
    let data = [&[0, 1][..], &wire(EDGE)].concat();
    let records = [
        (WWW, kind::HTTPS, 30, data),
        (EDGE, kind::A, 60, vec![192, 0, 2, 1]),
    ];
    let found = told(&response(WWW, &records)).unwrap().1;
    assert_eq!(found, pairs(&[("192.0.2.1", 30)]));
}

#[test]
fn aliases_in_a_circle_come_to_an_end() {
    let records = [
        (WWW, kind::CNAME, 5, wire(EDGE)),
        (EDGE, kind::CNAME, 5, wire(WWW)),
        (EDGE, kind::A, 5, vec![192, 0, 2, 1]),
    ];
    let found = told(&response(WWW, &records)).unwrap().1;
    assert_eq!(found, pairs(&[("192.0.2.1", 5)]));
}

#[test]
fn a_chain_is_followed_so_far_and_no_farther() {
    let label = |i: usize| format!("n{i}").into_bytes();
    let mut message = response(&[b"n0"], &[]);
    let mut count = 0u16;
    for i in 0..MAX_ALIASES {
        for (kind, data) in [
            (kind::CNAME, wire(&[&label(i + 1)])),
            (kind::A, vec![10, 0, 0, i as u8]),
        ] {
            let owner = label(i);
            message.extend(&response(&[], &[(&[&owner], kind, 9, data)])[17..]);
            count += 1;
        }
    }
    message.extend(&response(&[], &[(&[b"n16"], kind::A, 9, vec![10, 0, 0, 99])])[17..]);
    message[6..8].copy_from_slice(&(count + 1).to_be_bytes());
    let found = told(&message).unwrap().1;
    assert_eq!(found.len(), MAX_ALIASES);
    assert_eq!(found.last(), pairs(&[("10.0.0.15", 9)]).last());
}

#[test]
fn a_time_to_live_beyond_all_bounds_is_none() {
    let records = [(WWW, kind::A, 1 << 31, vec![192, 0, 2, 1])];
    let found = told(&response(WWW, &records)).unwrap().1;
    assert_eq!(found, pairs(&[("192.0.2.1", 0)]));
}

#[test]
fn queries_failures_and_other_classes_say_nothing() {
    let good = response(WWW, &[(WWW, kind::A, 60, vec![192, 0, 2, 1])]);
    assert!(answers(&good).is_some());
    // A query, an update, a name that does not exist, no question, two, another class.
    for (at, byte) in [(2, 0x01), (2, 0xa8), (3, 0x83), (5, 0), (5, 2), (30, 3)] {
        let mut other = good.clone();
        other[at] = byte;
        assert_eq!(answers(&other), None, "{at}: {byte:#x}");
    }
}

#[test]
fn what_stands_before_a_cut_counts() {
    let whole = hex(RESPONSE);
    for len in 0..whole.len() {
        let told = told(&whole[..len]);
        assert_eq!(told.is_some(), len >= 123, "{len}");
    }
    let records: Vec<_> = (0..200)
        .map(|i| (WWW, kind::A, 60, vec![192, 0, 2, i]))
        .collect();
    let many = response(WWW, &records);
    assert_eq!(told(&many).unwrap().1.len(), MAX_ADDRESSES);
    assert_eq!(told(&many[..many.len() - 180 * 29]).unwrap().1.len(), 20);
}

#[test]
fn every_message_of_a_segment_that_ends_in_it_is_read() {
    let one = response(WWW, &[(WWW, kind::A, 60, vec![192, 0, 2, 1])]);
    let two = response(EDGE, &[(EDGE, kind::A, 60, vec![192, 0, 2, 2])]);
    let framed = |message: &[u8]| [&(message.len() as u16).to_be_bytes(), message].concat();
    let segment = [framed(&one), framed(&two)].concat();
    let names = |segment: &[u8], origlen| {
        let found = answers_over_tcp(segment, origlen).into_iter();
        found.map(|told| told.name.to_string()).collect::<Vec<_>>()
    };
    let both = ["www.a.example", "edge.cdn.example"];
    assert_eq!(names(&segment, segment.len()), both);
    // Cut by the capture, not by its sender.
    assert_eq!(
        names(&segment[..segment.len() - 1], segment.len()),
        both[..1]
    );
    assert_eq!(
        names(&segment[..segment.len() - 1], segment.len() - 1),
        both[..1]
    );
    for len in 0..segment.len() {
        assert!(names(&segment[..len], len).len() <= 1);
    }
}

#[test]
fn damage_makes_no_panic_and_no_more_addresses_than_there_is_room_for() {
    let https = hex(RESPONSE);
    let chain = response(
        WWW,
        &[
            (WWW, kind::CNAME, 300, wire(EDGE)),
            (EDGE, kind::A, 60, vec![192, 0, 2, 1]),
        ],
    );
    for message in [https, chain] {
        each_mutation(&message, 20_000, |bytes| {
            if let Some(found) = answers(bytes) {
                assert!((1..=bytes.len() / 4).contains(&found.addresses.len()));
            }
            answers_over_tcp(bytes, bytes.len());
        });
    }
}
