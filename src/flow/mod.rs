//! Flows: their table, the life of a TCP connection, the first bytes of each direction put in order, and what is told of a flow when it ends.

pub mod assembly;
mod findings;
mod summary;
mod table;
pub mod tcp;

pub use findings::{Findings, MAX_NAME_BYTES_PER_FLOW, MAX_NAMES_PER_FLOW, Rare};
pub use summary::{FlowEnd, FlowState, FlowSummary, SharedFate};
pub use table::{FlowTable, KeyHash};
