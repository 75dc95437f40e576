//! What clients were told by name servers: by which name a client came to an address.
//!
//! In: the answers of a capture, in packet order. Out: the name for a flow's two ends. Knows nothing of flows, rules and threads.
//!
//! Any datagram from the port of DNS is believed, so an answer is a hint, not a proof; but never more than a hint for the client it
//! went to. Many names share an address, and the answer that came last is the one that the client most likely acts on.

mod log;

use std::net::IpAddr;

use crate::domain::DomainName;
use crate::half_hash::HalfHash;
use crate::inspect::dns::answers::{Address, Answers};
use crate::key::{FlowKey, Side};
use crate::opening::Opening;
use crate::packet::Timestamp;
use crate::services::DNS_PORT;
use crate::slot_index::SlotIndex;
use log::{Entry, Heard, Known, Log, Pair, bits, place};

/// Most addresses that are remembered, over all clients; past that, what was told longest ago is forgotten.
///
/// About 50 bytes each, beside what they share: the name, and some 60 bytes for the response. Up to as many again that were told anew.
pub const MAX_ADDRESSES: usize = 65_536;
/// Most bytes that their names may have, each as often as it leads to an address.
pub const MAX_NAME_BYTES: usize = 4 << 20;
/// Seconds that an answer counts for at the least. Many may not be kept at all, and the client connects right away: but with two
/// versions of IP to try, and a retransmission, that takes some time.
pub const MIN_LIFE_S: u32 = 5;

/// Addresses from one that is forgotten to the one whose memory is asked for.
const AHEAD: usize = 8;

/// What one response told its client.
#[derive(Debug, Clone)]
pub struct Told {
    response: Response,
    /// At least one address.
    answers: Answers,
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
    // Where it is called: it is large, and to hand it on is most of what this costs.
    #[inline(always)]
    pub fn new(response: Response, mut answers: Answers) -> Option<Self> {
        let addresses = &mut answers.addresses;
        if !addresses.iter().all(is_of_server) {
            addresses.retain(|told| is_of_server(told));
        }
        if answers.addresses.is_empty() {
            return None;
        }
        Some(Self { response, answers })
    }
}

/// RFC 1122 §3.2.1.3, RFC 5771, RFC 4291 §2.5, §2.7.
fn is_of_server(told: &Address) -> bool {
    let addr = told.addr.to_canonical();
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

/// Everything that clients were told and that still counts.
///
/// * What is in it depends on what it was told and on nothing else: asking changes nothing. So tables that were told the same, in the
///   same order, give the same answers.
/// * Bounds: [`MAX_ADDRESSES`], [`MAX_NAME_BYTES`].
#[derive(Debug, Default)]
pub struct Answered {
    log: Log,
    /// The number of the latest of each pair.
    latest: SlotIndex,
    hasher: ahash::RandomState,
    name_bytes: usize,
    forgotten: u64,
}

impl Answered {
    /// Takes in what a client was told. It takes the place of what that client was told of the same addresses before.
    pub fn learn(&mut self, told: Told) {
        let Told { response, answers } = told;
        let Answers { name, addresses } = answers;
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

    /// Asks for the memory that [`Answered::learn`] will need.
    pub(crate) fn look_ahead_of(&self, told: &Told) {
        let Response {
            client, is_inside, ..
        } = told.response;
        for address in &told.answers.addresses {
            let pair = Pair::new(client, address.addr, is_inside);
            self.latest.prefetch(self.hash(&pair));
        }
    }

    /// Asks for the memory that [`Answered::naming`] will need.
    pub(crate) fn look_ahead(&self, opening: &Opening<'_>) {
        if self.latest.len() == 0 || is_lookup(opening.key) {
            return;
        }
        let (opener, _) = opening.opener();
        let [src, dst] = [opener, opener.other()].map(|side| opening.key.endpoint(side));
        let pair = Pair::new(src.addr, dst.addr, opening.is_inside);
        self.latest.prefetch(self.hash(&pair));
    }

    /// The answer by which a flow's client came to its server, should the flow begin with this packet; none for a flow to a
    /// name server itself.
    pub fn naming(&self, opening: &Opening<'_>) -> Option<&Naming> {
        if self.latest.len() == 0 {
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
        let latest = self
            .latest
            .find(hash, |number| self.log.leads_to(number, &pair));
        let entry = self.log.get(latest?)?;
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
        let is_it = |number| log.leads_to(number, pair);
        match latest.replace(hash, number, is_it) {
            Some(before) => {
                *name_bytes -= log.get(before).map_or(0, Entry::name_len);
                if let Some(before) = log.known.get_mut(place(log.first, before)) {
                    before.is_latest = false;
                }
            }
            None => latest.insert(hash, number),
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
                self.forgotten += u64::from(!is_over);
                self.name_bytes -= oldest.name_len();
                let hash = oldest.known.hash;
                self.latest.remove(hash, self.log.first);
            }
            if let Some(known) = self.log.known.get(AHEAD) {
                self.latest.prefetch(known.hash);
            }
            self.log.forget_oldest();
        }
    }
}

#[cfg(test)]
mod tests;
