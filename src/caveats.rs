//! What was not found in a flow, or is in doubt: the bounds that it met, and bytes that contradict each other.

/// How often a flow met each bound on what is held of it, and how often its bytes contradicted each other.
///
/// The bounds themselves are constants where they are kept; each counter names its own. Counters stay at their maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Caveats {
    /// Times that a lost piece of a TCP stream was given up because too much waited behind it:
    /// `flow::assembly::MAX_WAITING_SEGMENTS`, `flow::assembly::MAX_WAITING_BYTES`.
    pub holes: u64,
    /// Times that a message of a TCP stream was given up because it had not come to its end in
    /// `flow::assembly::MAX_UNREAD_BYTES`.
    pub unfinished: u64,
    /// TCP segments with other bytes than had come before for the same place.
    pub conflicts: u64,
    /// Names that were matched with rules and are not listed: `engine::MAX_NAMES_PER_FLOW`, `engine::MAX_NAME_BYTES_PER_FLOW`.
    pub names: u64,
    /// Questions that were not read: `inspect::dns::MAX_QUESTIONS`.
    pub questions: u64,
    /// Blocked flows that had ended before, and were forgotten when this one ended: `engine::MAX_REMEMBERED_PER_SHARD`.
    pub forgotten: u64,
}

impl Caveats {
    /// Adds `other`'s counters to these.
    pub const fn add(&mut self, other: &Self) {
        self.holes = self.holes.saturating_add(other.holes);
        self.unfinished = self.unfinished.saturating_add(other.unfinished);
        self.conflicts = self.conflicts.saturating_add(other.conflicts);
        self.names = self.names.saturating_add(other.names);
        self.questions = self.questions.saturating_add(other.questions);
        self.forgotten = self.forgotten.saturating_add(other.forgotten);
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// One for each counter that counted anything: what the flow adds to a count of flows.
    pub fn kinds(&self) -> Self {
        let one = |count: u64| u64::from(count > 0);
        Self {
            holes: one(self.holes),
            unfinished: one(self.unfinished),
            conflicts: one(self.conflicts),
            names: one(self.names),
            questions: one(self.questions),
            forgotten: one(self.forgotten),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_add_up_and_stay_at_their_maximum() {
        let mut sum = Caveats::default();
        assert!(sum.is_empty());
        let some = Caveats {
            holes: u64::MAX,
            names: 3,
            ..Caveats::default()
        };
        sum.add(&some);
        sum.add(&some);
        assert_eq!((sum.holes, sum.names, sum.conflicts), (u64::MAX, 6, 0));
        let kinds = sum.kinds();
        assert_eq!((kinds.holes, kinds.names, kinds.conflicts), (1, 1, 0));
    }
}
