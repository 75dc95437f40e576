//! What the user wants removed: rules from flags and files, compiled once, asked for every flow.

/// A rule of a [`RuleSet`], in the order in which the rules were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

/// Rules, compiled: immutable, shared by every worker.
#[derive(Debug, Default)]
pub struct RuleSet;
