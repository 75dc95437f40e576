//! What a client was told, and what is remembered of it.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::inspect::dns::answers::Address;

const CLIENT: &str = "192.168.1.2";

fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_ns(second * 1_000_000_000)
}

/// What a client is told of one name at one second.
fn told(client: &str, at: i64, name: &str, addresses: &[(&str, u32)]) -> Option<Told> {
    let response = Response {
        packet: 7,
        at: second(at),
        client: addr(client),
        is_inside: false,
    };
    let addresses = addresses.iter().map(|&(text, ttl)| Address {
        addr: addr(text),
        ttl,
    });
    let answers = Answers {
        name: DomainName::from_bytes(name.as_bytes()).unwrap(),
        addresses: addresses.collect(),
    };
    Told::new(response, answers)
}

fn learn(table: &mut Answered, at: i64, name: &str, addresses: &[(&str, u32)]) {
    table.learn(told(CLIENT, at, name, addresses).unwrap());
}

/// One name has many addresses, from 11.0.0.0 on, for a minute.
fn learn_many(table: &mut Answered, name: &str, count: u32) {
    let mut many = told(CLIENT, 0, name, &[("11.0.0.0", 60)]).unwrap();
    many.answers.addresses = (0..count)
        .map(|i| Address {
            addr: std::net::Ipv4Addr::from_bits(0x0b00_0000 + i).into(),
            ttl: 60,
        })
        .collect();
    table.learn(many);
}

fn name(table: &Answered, client: &str, server: &str, at: i64) -> Option<String> {
    let ends = (addr(client), addr(server));
    let naming = table.name(ends, false, second(at))?;
    Some(naming.name.to_string())
}

#[test]
fn an_answer_names_what_its_client_does_with_the_address_and_nothing_else() {
    let mut table = Answered::default();
    learn(
        &mut table,
        0,
        "a.example",
        &[("192.0.2.1", 60), ("2001:db8::1", 60)],
    );
    let a = Some("a.example".to_owned());
    assert_eq!(name(&table, CLIENT, "192.0.2.1", 1), a);
    assert_eq!(name(&table, CLIENT, "2001:db8::1", 1), a);
    assert_eq!(name(&table, CLIENT, "::ffff:192.0.2.1", 1), a, "mapped");
    assert_eq!(
        name(&table, CLIENT, "192.0.2.2", 1),
        None,
        "another address"
    );
    assert_eq!(
        name(&table, "192.168.1.3", "192.0.2.1", 1),
        None,
        "another client"
    );
    assert_eq!(
        name(&table, "192.0.2.1", CLIENT, 1),
        None,
        "the other way round"
    );
    let ends = (addr(CLIENT), addr("192.0.2.1"));
    assert_eq!(table.name(ends, true, second(1)), None, "in a tunnel");
}

#[test]
fn an_answer_counts_for_its_time_to_live_and_a_few_seconds_at_the_least() {
    let mut table = Answered::default();
    learn(
        &mut table,
        100,
        "a.example",
        &[("192.0.2.1", 60), ("192.0.2.2", 0)],
    );
    assert!(name(&table, CLIENT, "192.0.2.1", 160).is_some());
    assert!(name(&table, CLIENT, "192.0.2.1", 161).is_none());
    assert!(name(&table, CLIENT, "192.0.2.2", 105).is_some());
    assert!(name(&table, CLIENT, "192.0.2.2", 106).is_none());
    assert!(
        name(&table, CLIENT, "192.0.2.1", 99).is_some(),
        "clocks step back"
    );
}

#[test]
fn the_latest_answer_for_an_address_counts() {
    let mut table = Answered::default();
    learn(&mut table, 0, "a.example", &[("192.0.2.1", 3600)]);
    learn(&mut table, 1, "b.example", &[("192.0.2.1", 10)]);
    assert_eq!(
        name(&table, CLIENT, "192.0.2.1", 2).as_deref(),
        Some("b.example")
    );
    assert_eq!(name(&table, CLIENT, "192.0.2.1", 20), None);
    assert_eq!(table.name_bytes, "b.example".len());
}

#[test]
fn addresses_of_nobody_are_not_learnt() {
    for nobody in [
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "127.9.9.9",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "255.255.255.255",
        "224.0.0.251",
        "ff02::fb",
    ] {
        assert!(
            told(CLIENT, 0, "ads.example", &[(nobody, 60)]).is_none(),
            "{nobody}"
        );
    }
    let mut table = Answered::default();
    learn(
        &mut table,
        0,
        "a.example",
        &[("0.0.0.0", 60), ("192.0.2.1", 60)],
    );
    assert_eq!(table.latest.len(), 1);
}

proptest! {
    #[test]
    fn names_are_those_of_a_plain_list_of_what_was_told(
        first in any::<u32>(),
        is_about_to_wrap in any::<bool>(),
        steps in proptest::collection::vec((0u8..3, 0u8..6, 0u32..20, 0i64..4), 0..60),
    ) {
        let first = if is_about_to_wrap { first | 0xffff_fff0 } else { first } & log::NUMBERS;
        let first_heard = first.wrapping_add(9) & log::NUMBERS;
        let log = Log { first, first_heard, ..Log::default() };
        let mut table = Answered { log, ..Answered::default() };
        let mut plain = HashMap::new();
        let mut now = 0;
        for (number, (client, server, ttl, later)) in (0..).zip(steps) {
            now += later;
            let text = format!("{number}.example");
            let [client, server] = [client, server].map(|end| format!("192.0.2.{end}"));
            table.learn(told(&client, now, &text, &[(&server, ttl)]).unwrap());
            plain.insert((client, server), (text, now + i64::from(ttl.max(MIN_LIFE_S))));
            for ((client, server), (text, end)) in &plain {
                let known = name(&table, client, server, now);
                prop_assert_eq!(known, (now <= *end).then(|| text.clone()));
            }
            // Of what is gone nothing is left, neither in the index nor in the bytes of names.
            let Log { known, first, .. } = &table.log;
            let numbers = (0..known.len() as u32).map(|place| first.wrapping_add(place) & log::NUMBERS);
            let latest: Vec<_> = numbers.zip(known).filter(|(_, known)| known.is_latest).collect();
            prop_assert_eq!(table.latest.len(), latest.len());
            for (number, known) in &latest {
                prop_assert!(table.latest.find(known.hash, |there| there == *number).is_some());
            }
            let bytes = latest.iter().filter_map(|(number, _)| table.log.get(*number));
            prop_assert_eq!(table.name_bytes, bytes.map(Entry::name_len).sum::<usize>());
        }
    }
}

#[test]
fn what_was_told_longest_ago_is_forgotten_first_however_often_it_was_asked_for() {
    let mut table = Answered::default();
    let server = |i: usize| IpAddr::from(std::net::Ipv4Addr::from_bits(0x0b00_0000 + i as u32));
    learn_many(&mut table, "a.example", MAX_ADDRESSES as u32);
    assert_eq!(table.forgotten(), 0);
    // Told again: the second is now the oldest.
    learn(&mut table, 1, "a.example", &[(&server(0).to_string(), 60)]);
    assert!(name(&table, CLIENT, &server(1).to_string(), 1).is_some());
    learn(&mut table, 2, "a.example", &[("192.0.2.1", 60)]);
    assert_eq!((table.latest.len(), table.forgotten()), (MAX_ADDRESSES, 1));
    assert!(name(&table, CLIENT, &server(0).to_string(), 2).is_some());
    assert!(name(&table, CLIENT, &server(1).to_string(), 2).is_none());
    // All of it is over.
    learn(&mut table, 1000, "a.example", &[("192.0.2.2", 60)]);
    assert_eq!((table.latest.len(), table.forgotten()), (1, 1));
    assert_eq!(table.name_bytes, "a.example".len());
}

#[test]
fn long_names_take_no_more_than_their_share() {
    let mut table = Answered::default();
    learn_many(&mut table, &"x".repeat(250), 20_000);
    assert!(table.name_bytes <= MAX_NAME_BYTES);
    assert_eq!(table.latest.len() as u64 + table.forgotten(), 20_000);
    assert!(table.forgotten() > 0);
}

#[test]
fn what_is_told_again_and_again_takes_no_more_room() {
    let mut table = Answered::default();
    learn(&mut table, 0, "old.example", &[("192.0.2.1", u32::MAX)]);
    for at in 0..3 * MAX_ADDRESSES as i64 {
        learn(&mut table, at, "a.example", &[("192.0.2.2", u32::MAX)]);
    }
    assert!(table.log.known.len() <= 2 * MAX_ADDRESSES);
    assert!(table.log.heard.len() <= table.log.known.len());
    assert!(name(&table, CLIENT, "192.0.2.2", 5).is_some());
    assert_eq!(table.name_bytes, "a.example".len(), "the old one made room");
    assert_eq!(table.forgotten(), 1);
}
