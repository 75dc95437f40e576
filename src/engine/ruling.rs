//! What the rules say of a flow, and when another rule changes it.

use crate::rules::{Action, RuleId};

/// What the rules say of a flow, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Ruling {
    /// Nothing.
    #[default]
    None,
    /// This rule blocks it.
    Block(RuleId),
    /// This rule allows it, for good.
    Allow(RuleId),
}

impl Ruling {
    /// Whether a rule of this action would change it: the first that blocks stays, until one allows.
    pub(super) const fn is_open_to(self, action: Action) -> bool {
        match self {
            Self::None => true,
            Self::Block(_) => matches!(action, Action::Allow),
            Self::Allow(_) => false,
        }
    }

    /// The rule that it comes from.
    pub(super) const fn rule(self) -> Option<RuleId> {
        match self {
            Self::None => None,
            Self::Block(rule) | Self::Allow(rule) => Some(rule),
        }
    }

    /// The rule that blocks the flow.
    pub(super) const fn block(self) -> Option<RuleId> {
        match self {
            Self::Block(rule) => Some(rule),
            Self::None | Self::Allow(_) => None,
        }
    }

    /// The rule that allows the flow.
    pub(super) const fn allow(self) -> Option<RuleId> {
        match self {
            Self::Allow(rule) => Some(rule),
            Self::None | Self::Block(_) => None,
        }
    }
}
