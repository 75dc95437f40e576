//! Fragmented datagrams: fragments in, in capture order; datagrams out, each with the packets that carried it.
//!
//! A fragment waits until its datagram is whole, for only the whole tells its flow and can be read. What never becomes whole
//! is given up after [`MAX_WAIT_BYTES`] of capture or [`MAX_WAIT_NS`] of packet time, and comes out with what there is.
//! When that happens depends on nothing but the packets before, so that the same capture always gives the same datagrams.
//!
//! Knows nothing of files, flows and what a datagram holds.

mod datagram;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::num::NonZeroUsize;

use ahash::RandomState;
use lru::LruCache;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// Where its fragments lay, and a hash of each.
    outline: Vec<(u32, u32, u64)>,
}

/// Datagrams whose fragments are not all there yet. `M` is what the caller calls a packet.
#[derive(Debug)]
pub struct Fragments<M> {
    waiting: HashMap<Key, Waiting<M>, RandomState>,
    /// Those that began to wait, the oldest first; some wait no longer.
    order: VecDeque<(u64, Key)>,
    recent: LruCache<Key, Recent, RandomState>,
    hasher: RandomState,
    counts: FragmentCounts,
}

impl<M> Default for Fragments<M> {
    fn default() -> Self {
        let most = NonZeroUsize::new(MAX_RECENT).unwrap_or(NonZeroUsize::MIN);
        Self {
            waiting: HashMap::default(),
            order: VecDeque::new(),
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
        let mut assembled = self.add((view, frame), vec![member], now);
        for _ in 0..MAX_NESTING {
            match assembled {
                // A tunnel that was cut into fragments held a fragment.
                Some(outer) if outer.view.fragment.is_some() => {
                    assembled = self.add((&outer.view, &outer.bytes), outer.members, now);
                }
                _ => break,
            }
        }
        done.extend(assembled);
    }

    /// Gives up on what has waited long enough.
    pub fn expire(&mut self, now: Moment, done: &mut Vec<Assembled<M>>) {
        while let Some(&(position, key)) = self.order.front() {
            match self.waiting.get(&key) {
                Some(waiting) if waiting.since.position == position => {
                    if !now.is_too_late_for(waiting.since) {
                        return;
                    }
                    done.extend(self.close(key, now));
                }
                _ => {}
            }
            self.order.pop_front();
        }
    }

    /// Gives up on everything: no more fragments come.
    pub fn finish(&mut self, now: Moment, done: &mut Vec<Assembled<M>>) {
        while let Some((position, key)) = self.order.pop_front() {
            let waits = self.waiting.get(&key);
            if waits.is_some_and(|waiting| waiting.since.position == position) {
                done.extend(self.close(key, now));
            }
        }
    }

    /// What came of the datagrams so far.
    pub const fn counts(&self) -> FragmentCounts {
        self.counts
    }

    /// Adds a fragment to its datagram, and takes that out if it need not wait any more.
    fn add(
        &mut self,
        (view, frame): (&PacketView, &[u8]),
        members: Vec<M>,
        now: Moment,
    ) -> Option<Assembled<M>> {
        let fragment = view.fragment?;
        let key = Key::of(view, &fragment)?;
        let start = fragment.part.offset as usize;
        let end = start + fragment.part.caplen as usize;
        let bytes = frame.get(start..end).unwrap_or_default();
        if let Some(view) = self.repeated(&key, &fragment, bytes, now) {
            let bytes = Vec::new();
            return Some(Assembled {
                members,
                view,
                bytes,
            });
        }
        let order = &mut self.order;
        let waiting = self.waiting.entry(key).or_insert_with(|| {
            order.push_back((now.position, key));
            Waiting {
                since: now,
                members: Vec::new(),
                datagram: Datagram::new(view, fragment),
            }
        });
        waiting.members.extend(members);
        waiting.datagram.add(view, fragment, bytes);
        if waiting.datagram.is_whole() || waiting.datagram.is_hopeless() {
            return self.close(key, now);
        }
        None
    }

    /// The view of the datagram that this fragment was already part of, if it is a repetition.
    fn repeated(
        &mut self,
        key: &Key,
        fragment: &Fragment,
        bytes: &[u8],
        now: Moment,
    ) -> Option<PacketView> {
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
        (is_fresh && recent.outline.contains(&part)).then_some(recent.view)
    }

    /// Takes a datagram out, whole or not.
    fn close(&mut self, key: Key, now: Moment) -> Option<Assembled<M>> {
        let Waiting {
            since,
            members,
            datagram,
        } = self.waiting.remove(&key)?;
        let is_whole = datagram.is_whole();
        self.counts.whole += u64::from(is_whole);
        self.counts.incomplete += u64::from(!is_whole);
        self.counts.conflicting += u64::from(datagram.has_conflict());
        let (head, fragment) = datagram.head();
        if !datagram.has_first() {
            // It may be what is left of a datagram that we know; else its addresses are all there is.
            let known = self.recent.get(&key);
            let is_fresh = |recent: &&Recent| now.latest.ns_since(recent.latest) <= MAX_WAIT_NS;
            let view = known.filter(is_fresh).map_or(*head, |recent| recent.view);
            return Some(Assembled {
                members,
                view: without_payload(view),
                bytes: Vec::new(),
            });
        }
        let bytes = datagram.bytes();
        let mut view = wire::decode_datagram(head, fragment.protocol, &bytes, datagram.len());
        if bytes.is_empty() {
            view = without_payload(*head);
        }
        let mut outline = datagram.outline(|bytes| self.hasher.hash_one(bytes));
        outline.truncate(MAX_OUTLINE);
        let recent = Recent {
            latest: since.latest,
            view: without_payload(view),
            outline,
        };
        self.recent.put(key, recent);
        Some(Assembled {
            members,
            view,
            bytes,
        })
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
