//! Looking ahead: what packets that are still to come will need of memory.

use std::hint::black_box;

use super::Engine;
use super::entry::{Entry, Ruling};
use crate::flow::KeyHash;
use crate::key::FlowKey;

/// Where the flow of a packet that is still to come is likely to be found.
///
/// Memory is slow, but answers many questions at once. Who has several packets before him asks for the prospects of all, then
/// has all of them fetched, and then takes the packets in: so they wait for memory twice together, and not each for itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prospect {
    pub(super) hash: KeyHash,
    pub(super) guess: u32,
    /// Whether any flow is found there by the hash.
    is_there: bool,
}

impl Engine {
    /// The first step: what the flow of `key` is found by.
    #[inline]
    pub(crate) fn prospect(&self, key: &FlowKey) -> Prospect {
        let hash = self.flows.hash(key);
        Prospect {
            hash,
            guess: 0,
            is_there: false,
        }
    }

    /// The second: where it is likely to stand.
    #[inline]
    pub(crate) fn locate(&self, prospect: &mut Prospect) {
        (prospect.guess, prospect.is_there) = self.flows.guess(prospect.hash);
    }

    /// The third: the flow itself, or where a verdict on it is remembered. What comes back has no meaning, but depends on all that is to be fetched.
    #[inline]
    pub(crate) fn fetch(&self, prospect: &Prospect) -> u64 {
        let flow = fetch(self.flows.glimpse(prospect.guess));
        if self.remembered.is_empty() {
            return flow;
        }
        let (remembered, _) = self.remembered.guess(prospect.hash);
        flow ^ u64::from(remembered)
    }

    /// The fourth: what makes room for it if it is new.
    #[inline]
    pub(crate) fn fetch_oldest(&self) -> u64 {
        if !self.flows.is_full() {
            return 0;
        }
        let Some((_, oldest)) = self.flows.oldest() else {
            return 0;
        };
        let findings = oldest.findings.as_ref();
        let (hash, next) = self.flows.next_to_go();
        // Where its verdict is going to be remembered.
        let remembered = match oldest.ruling {
            Ruling::None => 0,
            _ => self.remembered.guess(hash).0,
        };
        findings.map_or(0, |findings| findings.fetch())
            ^ u64::from(self.flows.guess(hash).0 ^ remembered)
            ^ fetch(next)
    }

    /// Whether what the packet says is likely to be read.
    #[inline]
    pub(crate) fn may_read(&self, prospect: &Prospect) -> bool {
        let flow = self.flows.glimpse(prospect.guess);
        !prospect.is_there || flow.is_none_or(|(_, entry)| !entry.is_settled())
    }
}

#[inline]
fn fetch(flow: Option<(&FlowKey, &Entry)>) -> u64 {
    flow.map_or(0, |(key, entry)| key.fetch() ^ entry.fetch())
}

/// Has the memory fetched of flows that end soon, and of what was found in them.
pub(super) fn look_ahead_of_end(flows: &[Option<&Entry>]) {
    let flows = || flows.iter().flatten();
    let entries = flows().map(|entry| entry.fetch_all());
    let mut fetched = entries.fold(0, |all, one| all ^ one);
    for findings in flows().filter_map(|entry| entry.findings.as_ref()) {
        fetched ^= findings.fetch();
    }
    black_box(fetched);
}
