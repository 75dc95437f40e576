//! Flows: their table, the life of a TCP connection, the first bytes of each direction put in order, and what is told of a flow when it ends.

pub mod assembly;
mod summary;
mod table;
pub mod tcp;

pub use summary::{FlowEnd, FlowState, FlowSummary, SharedDrop};
pub use table::FlowTable;
