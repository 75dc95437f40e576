//! Fragmented datagrams: fragments in, in capture order; datagrams out, each with the packets that carried it.
//!
//! A fragment waits until its datagram is whole, for only the whole tells its flow and can be read. What never becomes whole
//! is given up after [`MAX_WAIT_BYTES`] of capture or [`MAX_WAIT_NS`] of packet time, and comes out with what there is.
//! When that happens depends on nothing but the packets before, so that the same capture always gives the same datagrams.
//!
//! Knows nothing of files, flows and what a datagram holds.

mod datagram;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::num::NonZeroUsize;

use ahash::RandomState;
use lru::LruCache;

use crate::key::FiveTuple;
use crate::packet::Timestamp;
use crate::wire::{self, Fragment, Net, PacketView, Payload};
use datagram::Datagram;

/// Bytes of capture that a datagram's first fragment to come may wait for the last one. Also what bounds the memory: no
/// fragments are held but those of so much capture.
pub const MAX_WAIT_BYTES: u64 = 2 << 20;
/// Packet time that it may wait. Source: RFC 8200 §4.5 has 60 s, RFC 1122 §3.3.2 the same and more; systems take half of that,
/// because identifications come again.
pub const MAX_WAIT_NS: u64 = 30_000_000_000;
/// Datagrams that are remembered after they came out, for fragments that are captured twice or come too late.
const MAX_RECENT: usize = 256;
/// Fragments of one of them that are remembered.
const MAX_OUTLINE: usize = 64;
/// Datagrams in fragments of tunnels whose own packets were fragmented: how deep we look.
const MAX_NESTING: usize = 4;

/// When a fragment was seen.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Bytes of the capture before it.
    pub position: u64,
    /// The latest packet time up to it.
    pub latest: Timestamp,
}

/// A datagram whose fragments wait no longer.
#[derive(Debug)]
pub struct Assembled<M> {
    /// The packets that carried it, in capture order.
    pub members: Vec<M>,
    /// What it is. Its payload is the datagram's; offsets are into `bytes`.
    pub view: PacketView,
    /// The datagram from what follows the IP header on, as far as it is there.
    pub bytes: Vec<u8>,
    /// The flow that it quotes, where it is an ICMP error; also of a repeated fragment, whose bytes do not come again.
    pub quoted: Option<FiveTuple>,
    /// Packets around what `view` tells that were in fragments, and are not around each of the fragments themselves.
    pub outer: Vec<FiveTuple>,
    /// When the first of its packets was seen.
    since: Moment,
}

/// How many datagrams came in fragments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FragmentCounts {
    /// Datagrams put together.
    pub whole: u64,
    /// Datagrams given up: a fragment was missing, or contradicted another.
    pub incomplete: u64,
    /// Datagrams in which fragments overlapped and did not agree.
    pub conflicting: u64,
}

/// Which datagram a fragment is of.
///
/// Source: RFC 791 §3.2 (addresses, protocol, identification); RFC 8200 §4.5 (the protocol does not count).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    src: IpAddr,
    dst: IpAddr,
    protocol: Option<u8>,
    id: u32,
}

#[derive(Debug)]
struct Waiting<M> {
    since: Moment,
    members: Vec<M>,
    datagram: Datagram,
}

/// A datagram that came out.
#[derive(Debug)]
struct Recent {
    latest: Timestamp,
    /// Its view, without payload.
    view: PacketView,
    quoted: Option<FiveTuple>,
    outer: Vec<FiveTuple>,
    /// Where its fragments lay, and a hash of each.
    outline: Vec<(u32, u32, u64)>,
}

/// Datagrams whose fragments are not all there yet. `M` is what the caller calls a packet.
#[derive(Debug)]
pub struct Fragments<M> {
    waiting: HashMap<Key, Waiting<M>, RandomState>,
    /// The same by the position since when they wait.
    order: BTreeSet<(u64, Key)>,
    recent: LruCache<Key, Recent, RandomState>,
    hasher: RandomState,
    counts: FragmentCounts,
}

impl<M> Default for Fragments<M> {
    fn default() -> Self {
        let most = NonZeroUsize::new(MAX_RECENT).unwrap_or(NonZeroUsize::MIN);
        Self {
            waiting: HashMap::default(),
            order: BTreeSet::new(),
            recent: LruCache::with_hasher(most, RandomState::new()),
            hasher: RandomState::new(),
            counts: FragmentCounts::default(),
        }
    }
}

impl Key {
    fn of(view: &PacketView, fragment: &Fragment) -> Option<Self> {
        let tuple = view.five_tuple?;
        Some(Self {
            src: tuple.src.addr,
            dst: tuple.dst.addr,
            protocol: (view.net == Some(Net::Ipv4)).then_some(fragment.protocol.0),
            id: fragment.id,
        })
    }
}

impl Moment {
    /// Whether what began to wait at `since` has waited long enough.
    fn is_too_late_for(&self, since: Self) -> bool {
        self.position.saturating_sub(since.position) > MAX_WAIT_BYTES
            || self.latest.ns_since(since.latest) > MAX_WAIT_NS
    }
}

impl<M: Copy> Fragments<M> {
    /// Takes in a fragment; what it completes is added to `done`.
    ///
    /// * `view`: of the packet `member`, a fragment; `frame`: the bytes that its offsets are into.
    /// * Fragments come in capture order.
    pub fn take(
        &mut self,
        (view, frame): (&PacketView, &[u8]),
        member: M,
        now: Moment,
        done: &mut Vec<Assembled<M>>,
    ) {
        self.expire(now, done);
        let mut assembled = self.add((view, frame), vec![member], (now, now));
        for _ in 0..MAX_NESTING {
            match assembled {
                // A tunnel that was cut into fragments held a fragment, which has waited as long as they have.
                Some(outer) if outer.view.fragment.is_some() => {
                    let times = (outer.since, now);
                    assembled = self.add((&outer.view, &outer.bytes), outer.members, times);
                    if let Some(inner) = &mut assembled {
                        inner.outer.splice(0..0, outer.outer);
                    }
                }
                _ => break,
            }
        }
        done.extend(assembled);
    }

    /// Gives up on what has waited long enough.
    pub fn expire(&mut self, now: Moment, done: &mut Vec<Assembled<M>>) {
        while let Some(&(_, key)) = self.order.first() {
            let since = self.waiting.get(&key).map(|waiting| waiting.since);
            if since.is_some_and(|since| !now.is_too_late_for(since)) {
                return;
            }
            self.close_first(key, done);
        }
    }

    /// Gives up on everything: no more fragments come, or there is no more room to wait.
    pub fn finish(&mut self, done: &mut Vec<Assembled<M>>) {
        while let Some(&(_, key)) = self.order.first() {
            self.close_first(key, done);
        }
    }

    /// What came of the datagrams so far.
    pub const fn counts(&self) -> FragmentCounts {
        self.counts
    }

    /// Adds a fragment to its datagram, and takes that out if it need not wait any more.
    ///
    /// * `since`: when the first of `members` was seen; `now`: when the last was.
    fn add(
        &mut self,
        (view, frame): (&PacketView, &[u8]),
        members: Vec<M>,
        (since, now): (Moment, Moment),
    ) -> Option<Assembled<M>> {
        let fragment = view.fragment?;
        let key = Key::of(view, &fragment)?;
        let start = fragment.part.offset as usize;
        let end = start + fragment.part.caplen as usize;
        let bytes = frame.get(start..end).unwrap_or_default();
        if let Some(recent) = self.repeated(&key, &fragment, bytes, now) {
            return Some(Assembled {
                members,
                view: recent.view,
                bytes: Vec::new(),
                quoted: recent.quoted,
                outer: recent.outer.clone(),
                since,
            });
        }
        let waiting = self.waiting.entry(key).or_insert_with(|| Waiting {
            since,
            members: Vec::new(),
            datagram: Datagram::new(view, fragment),
        });
        if since.position < waiting.since.position {
            self.order.remove(&(waiting.since.position, key));
            waiting.since = since;
        }
        self.order.insert((waiting.since.position, key));
        waiting.members.extend(members);
        waiting.datagram.add(view, fragment, bytes);
        if waiting.datagram.is_whole() || waiting.datagram.is_hopeless() {
            return self.close(key);
        }
        None
    }

    /// What the datagram was that this fragment was already part of, if it is a repetition.
    fn repeated(
        &mut self,
        key: &Key,
        fragment: &Fragment,
        bytes: &[u8],
        now: Moment,
    ) -> Option<&Recent> {
        if self.waiting.contains_key(key) {
            return None;
        }
        let recent = self.recent.get(key)?;
        let start = u32::from(fragment.offset);
        let part = (
            start,
            start.saturating_add(fragment.part.origlen),
            self.hasher.hash_one(bytes),
        );
        let is_fresh = now.latest.ns_since(recent.latest) <= MAX_WAIT_NS;
        (is_fresh && recent.outline.contains(&part)).then_some(recent)
    }

    /// Takes out the datagram that has waited longest.
    fn close_first(&mut self, key: Key, done: &mut Vec<Assembled<M>>) {
        match self.close(key) {
            Some(assembled) => done.push(assembled),
            // Out of reach: both tables hold the same.
            None => drop(self.order.pop_first()),
        }
    }

    /// Takes a datagram out, whole or not.
    fn close(&mut self, key: Key) -> Option<Assembled<M>> {
        let Waiting {
            since,
            members,
            datagram,
        } = self.waiting.remove(&key)?;
        self.order.remove(&(since.position, key));
        let is_whole = datagram.is_whole();
        self.counts.whole += u64::from(is_whole);
        self.counts.incomplete += u64::from(!is_whole);
        self.counts.conflicting += u64::from(datagram.has_conflict());
        let assembled = |view, (quoted, outer), bytes| Assembled {
            members,
            view,
            bytes,
            quoted,
            outer,
            since,
        };
        let (head, fragment) = datagram.head();
        if !datagram.has_first() {
            // It may be what is left of a datagram that we know; else its addresses are all there is. By when it began to wait,
            // not when that ended: the first is the capture's, the second may be ours.
            let is_fresh = |recent: &&Recent| since.latest.ns_since(recent.latest) <= MAX_WAIT_NS;
            let known = self.recent.get(&key).filter(is_fresh);
            let (view, quoted, outer) = known.map_or((*head, None, Vec::new()), |recent| {
                (recent.view, recent.quoted, recent.outer.clone())
            });
            return Some(assembled(
                without_payload(view),
                (quoted, outer),
                Vec::new(),
            ));
        }
        let bytes = datagram.bytes();
        let mut outer = Vec::new();
        let content = (&bytes[..], datagram.len());
        let mut view = wire::decode_datagram(head, fragment.protocol, content, &mut outer);
        if bytes.is_empty() {
            view = without_payload(*head);
        }
        let quoted = wire::quoted(&view, &bytes);
        let mut outline = datagram.outline(|bytes| self.hasher.hash_one(bytes));
        outline.truncate(MAX_OUTLINE);
        let recent = Recent {
            latest: since.latest,
            view: without_payload(view),
            quoted,
            outer: outer.clone(),
            outline,
        };
        self.recent.put(key, recent);
        Some(assembled(view, (quoted, outer), bytes))
    }
}

/// What a packet is that says whose it is and nothing more.
fn without_payload(view: PacketView) -> PacketView {
    PacketView {
        tcp: None,
        payload: Payload::default(),
        fragment: None,
        ..view
    }
}

#[cfg(test)]
mod tests;
