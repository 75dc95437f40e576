//! What was told, in the order in which it was: addresses, and the responses that told them.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::Naming;
use crate::half_hash::HalfHash;
use crate::packet::Timestamp;

/// A client, and an address that it was told.
///
/// Any host can make up a packet in a tunnel: what is told there counts there, and only there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub(super) client: u128,
    pub(super) server: u128,
    pub(super) is_inside: bool,
}

impl Pair {
    pub(super) fn new(client: IpAddr, server: IpAddr, is_inside: bool) -> Self {
        Self {
            client: bits(client),
            server: bits(server),
            is_inside,
        }
    }
}

/// An address of either version; IPv4 and IPv4-mapped IPv6 are the same.
pub(super) const fn bits(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped().to_bits(),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

/// What one client was told of one address.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) server: u128,
    /// Number of the response that told it.
    pub(super) response: u32,
    pub(super) life_s: u32,
    /// Of its pair: to find it in the table of the latest when it goes.
    pub(super) hash: HalfHash,
    /// Whether the client was told nothing else of it since.
    pub(super) is_latest: bool,
}

/// A response that told something: kept once, however many addresses it told.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) naming: Naming,
    pub(super) at: Timestamp,
    pub(super) client: u128,
    pub(super) is_inside: bool,
}

/// What was told of one address, and by which response.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) known: &'a Known,
    pub(super) heard: &'a Heard,
}

impl Entry<'_> {
    pub(super) fn pair(self) -> Pair {
        Pair {
            client: self.heard.client,
            server: self.known.server,
            is_inside: self.heard.is_inside,
        }
    }

    pub(super) fn is_over(self, now: Timestamp) -> bool {
        now.ns_since(self.heard.at) > u64::from(self.known.life_s) * 1_000_000_000
    }

    pub(super) fn name_len(self) -> usize {
        self.heard.naming.name.as_str().len()
    }
}

/// All that was told, in the order in which it was.
///
/// Numbers wrap around, for those that are in it are far fewer.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Those that are not the latest are among them.
    pub(super) known: VecDeque<Known>,
    /// The number of the first in `known`.
    pub(super) first: u32,
    pub(super) heard: VecDeque<Heard>,
    /// The number of the first in `heard`.
    pub(super) first_heard: u32,
}

impl Log {
    pub(super) fn get(&self, number: u32) -> Option<Entry<'_>> {
        self.entry(self.known.get(place(self.first, number))?)
    }

    pub(super) fn oldest(&self) -> Option<Entry<'_>> {
        self.entry(self.known.front()?)
    }

    fn entry<'a>(&'a self, known: &'a Known) -> Option<Entry<'a>> {
        let heard = self.heard.get(place(self.first_heard, known.response))?;
        Some(Entry { known, heard })
    }

    /// Whether the `number`th that was told is of `pair`.
    pub(super) fn leads_to(&self, number: u32, pair: &Pair) -> bool {
        self.get(number).is_some_and(|entry| entry.pair() == *pair)
    }

    /// The number that the next address to be told has.
    pub(super) fn next(&self) -> u32 {
        // Cannot be too many: they make room for each other.
        self.first.wrapping_add(self.known.len() as u32) & NUMBERS
    }

    /// Adds a response; its number.
    pub(super) fn hear(&mut self, heard: Heard) -> u32 {
        let number = self.first_heard.wrapping_add(self.heard.len() as u32) & NUMBERS;
        self.heard.push_back(heard);
        number
    }

    /// Takes out what was told first, and the responses that told nothing that is left.
    pub(super) fn forget_oldest(&mut self) {
        self.known.pop_front();
        self.first = self.first.wrapping_add(1) & NUMBERS;
        let needed = self.known.front().map(|known| known.response);
        while needed != Some(self.first_heard) && self.heard.pop_front().is_some() {
            self.first_heard = self.first_heard.wrapping_add(1) & NUMBERS;
        }
    }
}

/// The numbers that there are: not the one that is no slot of an index.
pub(super) const NUMBERS: u32 = u32::MAX >> 1;

/// The place of the `number`th that was told, behind those before `first`.
pub(super) const fn place(first: u32, number: u32) -> usize {
    (number.wrapping_sub(first) & NUMBERS) as usize
}
