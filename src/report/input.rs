//! What a report tells of INPUT, and of each file where there are several.

use serde::Serialize;

use super::json;
use crate::packet::{LinkType, Timestamp};

/// The capture that was read.
#[derive(Debug, Clone, Serialize)]
pub struct Input {
    /// As the user gave it; `-` for standard input. Of several files, the first of them.
    pub path: String,
    /// `pcap` or `pcapng`.
    pub format: &'static str,
    /// `gzip`, `zstd`, `lz4` or `xz`; `None` for a plain file.
    pub compression: Option<&'static str>,
    /// The link types of its packets or interfaces, each once, in the order in which they came.
    #[serde(serialize_with = "json::shown_list")]
    pub link_types: Vec<LinkType>,
    /// Unit of its timestamps.
    pub resolution: Resolution,
    /// Bytes read, before decompression.
    pub file_bytes: u64,
    /// The earliest timestamp; `None` when there is no packet.
    #[serde(serialize_with = "json::shown_option")]
    pub first_packet: Option<Timestamp>,
    /// The latest timestamp.
    #[serde(serialize_with = "json::shown_option")]
    pub last_packet: Option<Timestamp>,
    /// Where and how the file is damaged; `None` for a sound one.
    pub damage: Option<Damage>,
    /// What was passed over to go on behind damage. Of several files the stretches are listed with each.
    #[serde(flatten)]
    pub skipped: Skipped,
    /// Several files that were read as one, in the order of their first packets; none where there is one alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<InputFile>,
}

/// One of several files that were read as one capture. All keys are as in [`Input`].
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

/// What of a capture was passed over to go on behind damage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The first of the stretches, in order.
    pub skipped: Vec<Skip>,
    /// How many there are.
    pub skipped_count: u64,
    /// Bytes in all of them.
    pub skipped_bytes: u64,
}

/// A stretch of a capture in which no record could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skip {
    /// Offset of its first byte, in the decompressed capture.
    pub offset: u64,
    /// Bytes in it.
    pub length: u64,
    /// What is wrong where it begins.
    pub reason: String,
}

/// Unit of a capture's timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Resolution {
    /// Microseconds.
    #[serde(rename = "us")]
    Micro,
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nano,
    /// Interfaces that differ, or another unit.
    #[serde(rename = "mixed")]
    Mixed,
}

/// Damage in a capture: what ended the reading, or the first that was passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Offset of the first byte that could not be made sense of, in the decompressed capture.
    pub offset: u64,
    /// What was wrong there.
    pub reason: String,
}
