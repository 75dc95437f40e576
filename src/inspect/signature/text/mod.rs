//! Lines of text, terminals and screens.

use super::{DatagramLook, StreamLook};

/// The looks at connections.
pub(super) const STREAMS: &[StreamLook] = &[];

/// The looks at datagrams.
pub(super) const DATAGRAMS: &[DatagramLook] = &[];
