//! What clients were told by name servers: by which name a client came to an address.
//!
//! In: the answers of a capture, in packet order. Out: the name for a flow's two ends. Knows nothing of flows, rules and threads.
//!
//! Any datagram from the port of DNS is believed, so an answer is a hint, not a proof; but never more than a hint for the client it
//! went to. Many names share an address, and the answer that came last is the one that the client most likely acts on.

use std::collections::VecDeque;
use std::net::IpAddr;

use hashbrown::HashTable;

use crate::domain::DomainName;
use crate::half_hash::HalfHash;
use crate::inspect::dns::answers::{Addresses, Answers};
use crate::key::{FlowKey, Side};
use crate::opening::Opening;
use crate::packet::Timestamp;
use crate::services::DNS_PORT;

/// Most addresses that are remembered, over all clients; past that, what was told longest ago is forgotten.
///
/// About 50 bytes each, beside what they share: the name, and some 60 bytes for the response. Up to as many again that were told anew.
pub const MAX_ADDRESSES: usize = 65_536;
/// Most bytes that their names may have, each as often as it leads to an address.
pub const MAX_NAME_BYTES: usize = 4 << 20;
/// Seconds that an answer counts for at the least. Many may not be kept at all, and the client connects right away: but with two
/// versions of IP to try, and a retransmission, that takes some time.
pub const MIN_LIFE_S: u32 = 5;

/// What one response told its client.
#[derive(Debug, Clone)]
pub struct Told {
    name: DomainName,
    response: Response,
    /// At least one.
    addresses: Addresses,
}

/// A name that was given an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// The name that the client asked for.
    pub name: DomainName,
    /// Number of the packet that answered.
    pub packet: u64,
}

/// A packet that carried a response.
#[derive(Debug, Clone, Copy)]
pub struct Response {
    /// Its number.
    pub packet: u64,
    /// When it was captured.
    pub at: Timestamp,
    /// To whom it went.
    pub client: IpAddr,
    /// Whether it came through a tunnel.
    pub is_inside: bool,
}

impl Told {
    /// What `response` tells with `answers`; `None` when no address is one of a server.
    ///
    /// The unspecified and loopback addresses are what filters answer with for a name that is not to be visited. They name nobody, and
    /// neither does what is said to many.
    pub fn new(response: Response, answers: Answers) -> Option<Self> {
        let mut addresses = answers.addresses;
        addresses.retain(|told| is_of_server(told.addr.to_canonical()));
        (!addresses.is_empty()).then_some(Self {
            name: answers.name,
            response,
            addresses,
        })
    }
}

/// RFC 1122 §3.2.1.3, RFC 5771, RFC 4291 §2.5, §2.7.
fn is_of_server(addr: IpAddr) -> bool {
    let is_nobody = match addr {
        IpAddr::V4(addr) => addr.octets()[0] == 0 || addr.is_broadcast(),
        IpAddr::V6(addr) => addr.is_unspecified(),
    };
    !is_nobody && !addr.is_loopback() && !addr.is_multicast()
}

/// Whether a flow leads to a name server: it is about what it asks for, not about how the server's address was found.
#[inline]
pub(crate) fn is_lookup(key: &FlowKey) -> bool {
    let port = |side| key.endpoint(side).port;
    port(Side::Low) == DNS_PORT || port(Side::High) == DNS_PORT
}

/// A client, and an address that it was told.
///
/// Any host can make up a packet in a tunnel: what is told there counts there, and only there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Pair {
    client: u128,
    server: u128,
    is_inside: bool,
}

impl Pair {
    fn new(client: IpAddr, server: IpAddr, is_inside: bool) -> Self {
        Self {
            client: bits(client),
            server: bits(server),
            is_inside,
        }
    }
}

/// An address of either version; IPv4 and IPv4-mapped IPv6 are the same.
const fn bits(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped().to_bits(),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

/// What one client was told of one address.
#[derive(Debug)]
struct Known {
    server: u128,
    /// Number of the response that told it.
    response: u32,
    life_s: u32,
    /// Of its pair: to find it in the table of the latest when it goes.
    hash: HalfHash,
    /// Whether the client was told nothing else of it since.
    is_latest: bool,
}

/// A response that told something: kept once, however many addresses it told.
#[derive(Debug)]
struct Heard {
    naming: Naming,
    at: Timestamp,
    client: u128,
    is_inside: bool,
}

/// What was told of one address, and by which response.
#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    known: &'a Known,
    heard: &'a Heard,
}

impl Entry<'_> {
    fn pair(self) -> Pair {
        Pair {
            client: self.heard.client,
            server: self.known.server,
            is_inside: self.heard.is_inside,
        }
    }

    fn is_over(self, now: Timestamp) -> bool {
        now.ns_since(self.heard.at) > u64::from(self.known.life_s) * 1_000_000_000
    }

    fn name_len(self) -> usize {
        self.heard.naming.name.as_str().len()
    }
}

/// All that was told, in the order in which it was.
///
/// Numbers wrap around, for those that are in it are far fewer.
#[derive(Debug, Default)]
struct Log {
    /// Those that are not the latest are among them.
    known: VecDeque<Known>,
    /// The number of the first in `known`.
    first: u32,
    heard: VecDeque<Heard>,
    /// The number of the first in `heard`.
    first_heard: u32,
}

impl Log {
    fn get(&self, number: u32) -> Option<Entry<'_>> {
        self.entry(self.known.get(place(self.first, number))?)
    }

    fn oldest(&self) -> Option<Entry<'_>> {
        self.entry(self.known.front()?)
    }

    fn entry<'a>(&'a self, known: &'a Known) -> Option<Entry<'a>> {
        let heard = self.heard.get(place(self.first_heard, known.response))?;
        Some(Entry { known, heard })
    }

    /// Whether what is in the table of the latest leads to `pair`, which has this hash.
    fn leads_to(
        &self,
        (of_latest, number): (HalfHash, u32),
        (hash, pair): (HalfHash, &Pair),
    ) -> bool {
        let is_it = |entry: Entry<'_>| entry.pair() == *pair;
        of_latest == hash && self.get(number).is_some_and(is_it)
    }

    /// The number that the next address to be told has.
    fn next(&self) -> u32 {
        // Cannot be too many: they make room for each other.
        self.first.wrapping_add(self.known.len() as u32)
    }

    /// Adds a response; its number.
    fn hear(&mut self, heard: Heard) -> u32 {
        let number = self.first_heard.wrapping_add(self.heard.len() as u32);
        self.heard.push_back(heard);
        number
    }

    /// Takes out what was told first, and the responses that told nothing that is left.
    fn forget_oldest(&mut self) {
        self.known.pop_front();
        self.first = self.first.wrapping_add(1);
        let needed = self.known.front().map(|known| known.response);
        while needed != Some(self.first_heard) && self.heard.pop_front().is_some() {
            self.first_heard = self.first_heard.wrapping_add(1);
        }
    }
}

/// Everything that clients were told and that still counts.
///
/// * What is in it depends on what it was told and on nothing else: asking changes nothing. So tables that were told the same, in the
///   same order, give the same answers.
/// * Bounds: [`MAX_ADDRESSES`], [`MAX_NAME_BYTES`].
#[derive(Debug, Default)]
pub struct Answered {
    log: Log,
    /// The number of the latest of each pair.
    latest: HashTable<(HalfHash, u32)>,
    hasher: ahash::RandomState,
    name_bytes: usize,
    forgotten: u64,
}

impl Answered {
    /// Takes in what a client was told. It takes the place of what that client was told of the same addresses before.
    pub fn learn(&mut self, told: Told) {
        let Told {
            name,
            response,
            addresses,
        } = told;
        let name_len = name.as_str().len();
        let mut pair = Pair::new(response.client, response.client, response.is_inside);
        let number = self.log.hear(Heard {
            naming: Naming {
                name,
                packet: response.packet,
            },
            at: response.at,
            client: pair.client,
            is_inside: pair.is_inside,
        });
        for address in &addresses {
            pair.server = bits(address.addr);
            self.name_bytes += name_len;
            self.put(&pair, (number, address.ttl.max(MIN_LIFE_S)));
        }
        self.make_room(response.at);
    }

    /// The answer by which a flow's client came to its server, should the flow begin with this packet; none for a flow to a
    /// name server itself.
    pub fn naming(&self, opening: &Opening<'_>) -> Option<&Naming> {
        if self.latest.is_empty() {
            return None;
        }
        if is_lookup(opening.key) {
            return None;
        }
        let (opener, is_known) = opening.opener();
        let [src, dst] = [opener, opener.other()].map(|side| opening.key.endpoint(side));
        let name = |client, server| self.name((client, server), opening.is_inside, opening.at);
        name(src.addr, dst.addr).or_else(|| {
            // Who opened the flow may be a guess; who asked for whose address is none.
            (!is_known).then(|| name(dst.addr, src.addr)).flatten()
        })
    }

    /// The name by which `client` came to `server`, for a flow that begins at `now`.
    ///
    /// * `is_inside`: whether the flow begins with a packet that came through a tunnel.
    fn name(
        &self,
        (client, server): (IpAddr, IpAddr),
        is_inside: bool,
        now: Timestamp,
    ) -> Option<&Naming> {
        let pair = Pair::new(client, server, is_inside);
        let hash = self.hash(&pair);
        let latest = self.latest.find(hash.whole(), |&latest| {
            self.log.leads_to(latest, (hash, &pair))
        });
        let entry = self.log.get(latest?.1)?;
        (!entry.is_over(now)).then_some(&entry.heard.naming)
    }

    /// How often something was forgotten that still counted, because there was no room.
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn hash(&self, pair: &Pair) -> HalfHash {
        HalfHash::of(self.hasher.hash_one(pair))
    }

    /// Notes what the `response` that was heard last told of a pair.
    fn put(&mut self, pair: &Pair, (response, life_s): (u32, u32)) {
        let hash = self.hash(pair);
        let Self {
            log,
            latest,
            name_bytes,
            ..
        } = self;
        let number = log.next();
        log.known.push_back(Known {
            server: pair.server,
            response,
            life_s,
            hash,
            is_latest: true,
        });
        let is_it = |&latest: &_| log.leads_to(latest, (hash, pair));
        match latest.find_mut(hash.whole(), is_it) {
            Some((_, before)) => {
                *name_bytes -= log.get(*before).map_or(0, Entry::name_len);
                if let Some(before) = log.known.get_mut(place(log.first, *before)) {
                    before.is_latest = false;
                }
                *before = number;
            }
            None => {
                latest.insert_unique(hash.whole(), (hash, number), |(hash, _)| hash.whole());
            }
        }
    }

    /// Takes out what was told first while it is over or there is too much.
    fn make_room(&mut self, now: Timestamp) {
        while let Some(oldest) = self.log.oldest() {
            let is_over = oldest.is_over(now);
            let is_too_much = self.latest.len() > MAX_ADDRESSES
                || self.log.known.len() > 2 * MAX_ADDRESSES
                || self.name_bytes > MAX_NAME_BYTES;
            if oldest.known.is_latest && !is_over && !is_too_much {
                return;
            }
            if oldest.known.is_latest {
                let latest = (oldest.known.hash, self.log.first);
                self.forgotten += u64::from(!is_over);
                self.name_bytes -= oldest.name_len();
                let entry = self
                    .latest
                    .find_entry(latest.0.whole(), |&other| other == latest);
                if let Ok(entry) = entry {
                    entry.remove();
                }
            }
            self.log.forget_oldest();
        }
    }
}

/// The place of the `number`th that was told, behind those before `first`.
const fn place(first: u32, number: u32) -> usize {
    number.wrapping_sub(first) as usize
}

#[cfg(test)]
mod tests {
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
        many.addresses = (0..count)
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
            let first = if is_about_to_wrap { first | 0xffff_fff0 } else { first };
            let first_heard = first.wrapping_add(9);
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
}
