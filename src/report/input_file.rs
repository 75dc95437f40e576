//! What a report tells of each of several inputs.

use serde::Serialize;

use super::{Damage, Skipped, json};
use crate::packet::Timestamp;

/// One of several files that were read as one capture. All keys are as in [`Input`](super::Input).
#[derive(Debug, Clone, Serialize)]
pub struct InputFile {
    /// As the user gave it; `-` for standard input.
    pub path: String,
    /// `pcap` or `pcapng`.
    pub format: &'static str,
    /// How it is compressed; `None` for a plain file.
    pub compression: Option<&'static str>,
    /// Bytes read, before decompression.
    pub file_bytes: u64,
    /// The earliest timestamp; `None` when there is no packet.
    #[serde(serialize_with = "json::shown_option")]
    pub first_packet: Option<Timestamp>,
    /// The latest timestamp.
    #[serde(serialize_with = "json::shown_option")]
    pub last_packet: Option<Timestamp>,
    /// Where and how the file is damaged.
    pub damage: Option<Damage>,
    /// What was passed over to go on behind damage.
    #[serde(flatten)]
    pub skipped: Skipped,
    /// The digest of the whole file, in hexadecimal digits; left out where that was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}
