//! Looking ahead: what packets that are still to come will need of memory.

use std::hint::select_unpredictable;

use super::Engine;
use super::entry::Entry;
use super::ruling::Ruling;
use crate::flow::KeyHash;
use crate::key::FlowKey;
use crate::prefetch::prefetch;

/// Where the flow of a packet that is still to come is likely to be found.
///
/// Memory is slow, but brings many things at once. Who has several packets before him looks at each three times before its turn, some
/// packets apart: each time he asks for what the next look goes through, so that hardly anything is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prospect {
    pub(super) hash: KeyHash,
    pub(super) guess: u32,
    /// Whether any flow is found there by the hash.
    is_there: bool,
}

impl Prospect {
    /// Of no packet.
    pub(crate) const NONE: Self = Self {
        hash: KeyHash::NONE,
        guess: 0,
        is_there: false,
    };
}

impl Engine {
    /// The first look: what the flow of `key` is found by.
    #[inline]
    pub(crate) fn prospect(&self, key: &FlowKey) -> Prospect {
        let hash = self.flows.hash(key);
        self.flows.prefetch_guess(hash);
        Prospect {
            hash,
            ..Prospect::NONE
        }
    }

    /// The second: where the flow is likely to stand, or a verdict on it to be remembered.
    #[inline]
    pub(crate) fn locate(&self, prospect: &mut Prospect) {
        (prospect.guess, prospect.is_there) = self.flows.guess(prospect.hash);
        self.flows.prefetch_order(prospect.guess);
        if let Some((key, entry)) = self.flows.glimpse(prospect.guess) {
            prefetch(key);
            entry.prefetch();
        }
        if !self.beside.remembered.is_empty() {
            // Of a flow that is there, nothing is remembered; and nobody guesses which is.
            let hash = select_unpredictable(prospect.is_there, KeyHash::NONE, prospect.hash);
            self.beside.remembered.prefetch_guess(hash);
        }
    }

    /// The third: the flows that were used before and after it, and what was asked in it. Whether what the packet says is likely to be
    /// read.
    #[inline]
    pub(crate) fn approach(&self, prospect: &Prospect) -> bool {
        if !prospect.is_there {
            return true;
        }
        self.flows.prefetch_neighbours(prospect.guess);
        let Some((_, entry)) = self.flows.glimpse(prospect.guess) else {
            return true;
        };
        entry.prefetch_last_question();
        !entry.is_settled()
    }

    /// Asks for what the next flows that make room for others will need, whenever one has gone.
    #[inline]
    pub(super) fn look_ahead_of_room(&self) {
        self.flows.prefetch_next_to_go(|flow, hash| {
            look_ahead_of_end(flow, hash.is_some());
            // Where its verdict is going to be remembered.
            if let Some(hash) = hash
                && flow.1.ruling != Ruling::None
            {
                self.beside.remembered.prefetch_guess(hash);
            }
        });
    }
}

/// Asks for the memory of a flow that ends soon; when it is the next, for what was found in it.
pub(super) fn look_ahead_of_end((key, entry): (&FlowKey, &Entry), is_next: bool) {
    if !is_next {
        prefetch(key);
        entry.prefetch_all();
    } else if let Some(findings) = &entry.findings {
        findings.prefetch();
    }
}
