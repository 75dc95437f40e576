//! Flows: their table, the life of a TCP connection, the first bytes of each direction put in order, and what is told of a flow when it ends.

mod summary;

pub use summary::{FlowEnd, FlowState, FlowSummary};
